"""From what moves to what is counted: boxes of a foreground mask, and tracks over a line."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from course_utils.tracking.linking import Tracked

Line = tuple[tuple[float, float], tuple[float, float]]


@dataclass(frozen=True)
class Crossing:
    """A track's center passes a line.

    Attributes:
        frame: the first frame beyond the line.
        id: of the track.
        place: where on the line, from 0 (its first end) to 1 (its second).
        forward: whether it went from the left of the line to its right, as seen by someone who
            walks from the first end to the second, in a picture whose y points down.
    """

    frame: int
    id: int
    place: float
    forward: bool


def crossings(frames: Iterable[Tracked], line: Line) -> list[Crossing]:
    """When, where and which way tracks first cross a line; each track counts once.

    Between two frames in which it is seen, a center is taken to go straight.

    Args:
        frames: the tracks of every frame.
        line: its two ends (x, y), in pixels.

    Raises:
        ValueError: the two ends are one point.
    """
    first, along = np.array(line[0], float), np.subtract(line[1], line[0]).astype(float)
    if not along.any():
        raise ValueError(f"A line needs two different ends, not {line[0]} twice.")
    across = np.array([-along[1], along[0]])
    last: dict[int, np.ndarray] = {}
    found: dict[int, Crossing] = {}
    for number, frame in enumerate(frames):
        for id_, box in zip(frame.ids.tolist(), frame.boxes, strict=True):
            now = (box[:2] + box[2:]) / 2 - first
            before, last[id_] = last.get(id_, now), now
            side, was = now @ across, before @ across
            if id_ in found or (side > 0) == (was > 0):
                continue
            meeting = before + (now - before) * was / (was - side)
            place = float(meeting @ along / (along @ along))
            if 0 <= place <= 1:
                found[id_] = Crossing(number, id_, place, bool(side > 0))
    return list(found.values())


def foreground_boxes(mask: np.ndarray, *, least_area: int, closing: int = 5) -> np.ndarray:
    """Boxes of the connected regions of a mask, after specks went and gaps were filled.

    Args:
        mask: bool or uint8 ``(height, width)``, not 0 where something moves.
        least_area: pixels of the smallest region that counts.
        closing: diameter in pixels of the disc that fills gaps.

    Returns:
        float ``(n, 4)``: left, top, right, bottom, in pixels.
    """
    import cv2

    def disc(diameter: int) -> np.ndarray:
        return cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (diameter, diameter))

    mask = (np.asarray(mask) != 0).astype(np.uint8)
    mask = cv2.morphologyEx(mask, cv2.MORPH_OPEN, disc(3))
    mask = cv2.morphologyEx(mask, cv2.MORPH_CLOSE, disc(closing))
    _, _, statistics, _ = cv2.connectedComponentsWithStats(mask)
    x, y, width, height, area = statistics[1:].T  # the first is the background
    boxes = np.stack([x, y, x + width, y + height], axis=1).astype(float)
    return boxes[area >= least_area]
