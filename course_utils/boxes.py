"""Boxes in pixels: how much two of them overlap."""

import numpy as np


def iou(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Intersection over union of every box of ``a`` with every box of ``b``, by pycocotools.

    Args:
        a: ``(n, 4)``: left, top, right, bottom. ``b``: ``(m, 4)``.

    Returns:
        float64 ``(n, m)`` in [0, 1].
    """
    from pycocotools import mask

    if not len(a) or not len(b):
        return np.zeros((len(a), len(b)))
    return np.asarray(mask.iou(corner_and_size(a), corner_and_size(b), [0] * len(b)))


def corner_and_size(boxes: np.ndarray) -> np.ndarray:
    """COCO's way to write boxes ``(n, 4)``: left, top, width, height."""
    boxes = np.asarray(boxes, np.float64)
    return np.ascontiguousarray(np.concatenate([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]], 1))
