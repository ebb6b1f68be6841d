"""Sentences that are right, and words that are."""

import numpy as np
import pytest

from course_utils import sequences

TARGET = np.array([[5, 6, 2, 0], [5, 6, 7, 2]])


def test_what_follows_the_end_does_not_matter():
    words = np.array([[5, 6, 2, 9], [5, 6, 7, 2]])
    assert sequences.exact_match(words, TARGET).all()
    np.testing.assert_array_equal(sequences.until_end(words), TARGET)


def test_a_sentence_that_ends_early_or_late_is_wrong():
    early, late = np.array([[5, 2, 6, 2], [5, 2, 0, 0]]), np.array([[5, 6, 6, 2], [5, 6, 7, 7]])
    assert not sequences.exact_match(early, TARGET).any()
    assert not sequences.exact_match(late, TARGET).any()


def test_words_are_counted_where_the_target_has_one():
    words = np.array([[5, 9, 2, 9], [5, 2, 7, 2]])
    found = sequences.right_words(words, TARGET)
    np.testing.assert_array_equal(found, [[1, 0, 1, np.nan], [1, 0, 0, 0]])


def test_refuses_other_shapes():
    with pytest.raises(ValueError, match="one shape"):
        sequences.exact_match(TARGET[:, :3], TARGET)
