"""Predicting frames without learning, and how far predicted frames are from the true ones."""

import numpy as np

from course_utils.video.flow import optical_flow


def repeat_last(frames: np.ndarray, horizon: int) -> np.ndarray:
    """Nothing moves: ``(count, seen, ...)`` to ``(count, horizon, ...)`` copies of the last."""
    return np.repeat(frames[:, -1:], horizon, axis=1)


def repeat_mean(frames: np.ndarray, horizon: int) -> np.ndarray:
    """Everything might be anywhere: the mean over the frames seen, again and again."""
    return np.repeat(frames.mean(axis=1, keepdims=True), horizon, axis=1)


def follow_flow(frames: np.ndarray, horizon: int) -> np.ndarray:
    """Everything goes on as it went: each pixel of the last frame keeps its velocity.

    The velocity is the optical flow from the last frame back to the one before, reversed; where a
    pixel lands between four, its light is shared among them.

    Args:
        frames: floats in [0, 1], ``(count, seen, height, width, 1)``.
        horizon: frames to predict.

    Returns:
        float32 ``(count, horizon, height, width, 1)``.

    Raises:
        ValueError: another shape, or fewer than two frames.
    """
    if frames.ndim != 5 or frames.shape[1] < 2 or frames.shape[-1] != 1:
        raise ValueError(
            f"frames must be (count, 2 or more, height, width, 1), not {frames.shape}."
        )
    predicted = np.empty((len(frames), horizon, *frames.shape[2:]), np.float32)
    bytes_ = np.round(frames[:, -2:, ..., 0] * 255).astype(np.uint8)
    for i, (before, last) in enumerate(bytes_):
        velocity = -optical_flow(last, before)
        for k in range(horizon):
            predicted[i, k, ..., 0] = _moved(frames[i, -1, ..., 0], (k + 1) * velocity)
    return predicted


def _moved(frame: np.ndarray, way: np.ndarray) -> np.ndarray:
    """Every pixel of ``(height, width)`` carried by its ``(height, width, 2)`` in x and y."""
    height, width = frame.shape
    y, x = np.mgrid[:height, :width]
    x, y = x + way[..., 0], y + way[..., 1]
    left, top = np.floor(x).astype(int), np.floor(y).astype(int)
    out = np.zeros_like(frame, dtype=np.float64)
    for column in (left, left + 1):
        for row in (top, top + 1):
            inside = (column >= 0) & (column < width) & (row >= 0) & (row < height)
            light = frame * (1 - np.abs(x - column)) * (1 - np.abs(y - row))
            np.add.at(out, (row[inside], column[inside]), light[inside])
    return np.minimum(out, 1)


def squared_error(truth: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    """Mean squared error a pixel, by step: two ``(count, steps, ...)`` to ``(steps,)``.

    Raises:
        ValueError: unequal shapes.
    """
    _check_equal(truth, predicted)
    return ((truth - predicted) ** 2).mean(axis=(0, *range(2, truth.ndim)), dtype=np.float64)


def similarity(truth: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    """Structural similarity by step, ``(steps,)``; 1 is equal.

    Wang et al. 2004, "Image quality assessment: from error visibility to structural similarity",
    doi:10.1109/TIP.2003.819861, as scikit-image computes it, over windows of 7 by 7 pixels.

    Args:
        truth: floats in [0, 1], ``(count, steps, height, width, 1)``.
        predicted: the same shape.

    Raises:
        ValueError: unequal shapes.
    """
    from skimage.metrics import structural_similarity

    _check_equal(truth, predicted)
    values = [
        [
            structural_similarity(a[..., 0], b[..., 0], data_range=1)
            for a, b in zip(*pair, strict=True)
        ]
        for pair in zip(truth, predicted, strict=True)
    ]
    return np.mean(values, axis=0)


def _check_equal(truth: np.ndarray, predicted: np.ndarray) -> None:
    if truth.shape != predicted.shape:
        raise ValueError(
            f"Truth and prediction must have one shape, not {truth.shape} and {predicted.shape}."
        )
