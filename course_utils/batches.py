"""Many images through a function of tensors, a few at a time."""

from collections.abc import Callable

import numpy as np


def in_batches(function: Callable, *arrays: np.ndarray, size: int) -> np.ndarray:
    """``function`` of the first ``size`` rows of all arrays, of the next, ..., joined.

    Args:
        function: takes one tensor for each array, and returns one with as many rows.
        arrays: of equally many rows, at least one.
        size: rows at a time.
    """
    import tensorflow as tf

    starts = range(0, len(arrays[0]), size)
    return np.concatenate(
        [function(*(tf.convert_to_tensor(a[i : i + size]) for a in arrays)) for i in starts]
    )
