import numpy as np
import pytest

from course_utils.all_reduce import ring_all_reduce


@pytest.mark.parametrize("workers", [1, 2, 3, 5])
@pytest.mark.parametrize("size", [0, 3, 60, 61])
def test_every_worker_ends_with_the_sum_and_none_sends_more_than_twice_a_vector(workers, size):
    vectors = [np.random.default_rng(i).normal(size=size) for i in range(workers)]
    before = [vector.copy() for vector in vectors]
    sums, sent = ring_all_reduce(vectors)
    assert len(sums) == workers
    for one in sums:
        np.testing.assert_allclose(one, np.sum(before, axis=0), atol=1e-12)
    np.testing.assert_array_equal(vectors, before)  # the gradients themselves are left alone
    assert sent <= 2 * (workers - 1) * -(-size // workers)
    if size == 60:
        assert sent == 2 * (workers - 1) * size // workers


@pytest.mark.parametrize("vectors", [[], [np.zeros(2), np.zeros(3)], [np.zeros((2, 2))]])
def test_vectors_that_do_not_fit_are_refused(vectors):
    with pytest.raises(ValueError, match="The workers need vectors of one size"):
        ring_all_reduce(vectors)
