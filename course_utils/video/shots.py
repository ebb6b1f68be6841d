"""Shot boundaries: where one camera's picture ends and another's begins."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np


class Matched(NamedTuple):
    """What of the true boundaries was found.

    Attributes:
        precision: share of the found ones that are true; 1 where none was found.
        recall: share of the true ones that were found; 1 where there are none.
        f1: their harmonic mean.
    """

    precision: float
    recall: float
    f1: float


def histogram_differences(frames: Iterable[np.ndarray], bins: int = 8) -> np.ndarray:
    """How much the colours change from each frame to the next.

    Half the absolute difference of the two normalized colour histograms: 0 for the same
    colours, wherever they are in the picture, 1 for none in common (Zhang et al., 1993,
    "Automatic partitioning of full-motion video", equation 2, here on joint RGB bins).

    Args:
        frames: uint8 ``(height, width, 3)`` each; one after the other, so a generator will do.
        bins: bins a channel; ``bins`` ** 3 in all.

    Returns:
        float64 ``(frames - 1,)``; entry ``i`` compares frames ``i`` and ``i + 1``.

    Raises:
        ValueError: a frame that is not as above.
    """
    import cv2

    differences, before = [], None
    for frame in frames:
        if frame.dtype != np.uint8 or frame.ndim != 3 or frame.shape[-1] != 3:
            raise ValueError(
                f"A frame must be uint8 (height, width, 3), but it is {frame.dtype} {frame.shape}."
            )
        counts = cv2.calcHist([frame], [0, 1, 2], None, [bins] * 3, [0, 256] * 3)
        now = counts.astype(np.float64) / counts.sum()
        if before is not None:
            differences.append(0.5 * np.abs(now - before).sum())
        before = now
    return np.array(differences)


def shot_boundaries(differences: np.ndarray, threshold: float) -> list[int]:
    """Indices of the frames that begin a new shot.

    A boundary is where the difference exceeds the threshold and is larger than all within two
    frames on either side (of equal ones the first counts): one change gives one boundary.

    Args:
        differences: as from `histogram_differences`.
        threshold: in the unit of ``differences``.
    """
    found = []
    for i, difference in enumerate(differences):
        before, after = differences[max(0, i - 2) : i], differences[i + 1 : i + 3]
        if difference > threshold and all(difference > before) and all(difference >= after):
            found.append(i + 1)
    return found


def match_boundaries(found: Sequence[int], true: Sequence[int], tolerance: int = 1) -> Matched:
    """Precision, recall and F1 of boundaries, each true one matched at most once.

    Args:
        found: indices of frames.
        true: indices of frames.
        tolerance: frames by which a match may be off.
    """
    left, hits = sorted(true), 0
    for boundary in sorted(found):
        near = [t for t in left if abs(t - boundary) <= tolerance]
        if near:
            left.remove(near[0])
            hits += 1
    precision = hits / len(found) if len(found) else 1.0
    recall = hits / len(true) if len(true) else 1.0
    both = precision + recall
    return Matched(precision, recall, 2 * precision * recall / both if both else 0.0)
