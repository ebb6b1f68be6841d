"""How right are written sentences? Whole ones, and word by word.

Ids as `course_utils.datasets.encode_english` makes them: 0 is padding, 2 ends a sentence.
"""

import numpy as np

PADDING, END = 0, 2


def until_end(words: np.ndarray) -> np.ndarray:
    """The same ids ``(count, time)`` with padding behind the first end of every row."""
    ended = np.cumsum(words == END, axis=1) - (words == END) > 0
    return np.where(ended, PADDING, words)


def exact_match(words: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Bool ``(count,)``: is the sentence right to its end, and ended there?

    Raises:
        ValueError: arrays of different shapes.
    """
    _check(words, target)
    return (until_end(words) == target).all(axis=1)


def right_words(words: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Is the word at every place of the target right? Float ``(count, time)``, NaN at padding.

    A word that comes one place too late counts as wrong, and so do all that follow it: the mean
    (``np.nanmean``) is the accuracy that teacher forcing and free running can be compared by.

    Raises:
        ValueError: arrays of different shapes.
    """
    _check(words, target)
    return np.where(target == PADDING, np.nan, (until_end(words) == target).astype(float))


def _check(words: np.ndarray, target: np.ndarray) -> None:
    if words.shape != target.shape or words.ndim != 2:
        raise ValueError(
            f"words and target must have one shape (count, time), not {words.shape} and "
            f"{target.shape}."
        )
