"""Tracks drawn on their frames: one colour and one number for each."""

import numpy as np

from course_utils.plotting import COLORS
from course_utils.tracking.linking import Tracked


def draw(image: np.ndarray, tracked: Tracked, *, zoom: int = 1) -> np.ndarray:
    """A copy of a frame with the boxes and numbers of its tracks.

    Args:
        image: ``(height, width, 3)``, floats in [0, 1] or uint8.
        tracked: boxes in pixels of ``image``.
        zoom: whole number of times that the picture is enlarged before anything is drawn.

    Returns:
        uint8 ``(height · zoom, width · zoom, 3)``.
    """
    import cv2

    if image.dtype != np.uint8:
        image = np.round(np.clip(image, 0, 1) * 255).astype(np.uint8)
    canvas = np.ascontiguousarray(image.repeat(zoom, 0).repeat(zoom, 1))
    for number, box in zip(tracked.ids.tolist(), tracked.boxes, strict=True):
        name = COLORS[number % len(COLORS)]
        color = tuple(int(name[i : i + 2], 16) for i in (1, 3, 5))
        left, top, right, bottom = (int(edge) for edge in np.round(box * zoom))
        cv2.rectangle(canvas, (left, top), (right - 1, bottom - 1), color, 2)
        # Dark below light: the number can be read on any background.
        for shade, width in (((0, 0, 0), 3), ((255, 255, 255), 1)):
            place = (left + 3, top + 13)
            cv2.putText(canvas, str(number), place, cv2.FONT_HERSHEY_SIMPLEX, 0.42, shade, width)
    return canvas
