"""A function over many rows, a few at a time, is the function over all of them."""

import numpy as np
import pytest

from course_utils.batches import in_batches


@pytest.mark.parametrize("size", [1, 3, 7, 100])
def test_the_rows_stay_in_order_and_none_is_lost(size):
    x, y = np.arange(14.0).reshape(7, 2), np.arange(7.0)
    seen = []

    def function(a, b):
        seen.append(len(a))
        return a + b[:, None]

    np.testing.assert_array_equal(in_batches(function, x, y, size=size), x + y[:, None])
    assert max(seen) <= size
    assert sum(seen) == 7
