"""Boxes of single frames, linked into tracks: SORT.

A. Bewley, Z. Ge, L. Ott, F. Ramos and B. Upcroft, "Simple Online and Realtime Tracking",
ICIP 2016, arXiv:1602.00763. The one idea: predict where every track's box will be, pay for each
pair of a predicted and a detected box, and let an assignment that is cheapest in sum decide.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np

from course_utils.boxes import iou
from course_utils.tracking.motion import ConstantVelocity

Pairs = list[tuple[int, int]]


class Tracked(NamedTuple):
    """The tracks that are seen in one frame.

    Attributes:
        ids: int ``(n,)``, the same number for the same object in every frame.
        boxes: float ``(n, 4)``: left, top, right, bottom, in pixels.
    """

    ids: np.ndarray
    boxes: np.ndarray


class Motion(Protocol):
    """What a track remembers of its box; see `motion`."""

    @property
    def box(self) -> np.ndarray: ...
    def predict(self) -> "Motion": ...
    def update(self, box: np.ndarray) -> "Motion": ...


def iou_distance(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """1 − intersection over union of every box of ``a`` (n, 4) with every one of ``b`` (m, 4)."""
    return 1 - iou(a, b)


def center_distance(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Pixels between the center of every box of ``a`` (n, 4) and of every one of ``b`` (m, 4)."""
    a, b = (np.reshape(boxes, (-1, 4)).astype(float) for boxes in (a, b))
    centers_a, centers_b = ((boxes[:, :2] + boxes[:, 2:]) / 2 for boxes in (a, b))
    return np.linalg.norm(centers_a[:, None] - centers_b[None], axis=-1)


def greedy(cost: np.ndarray, gate: float) -> Pairs:
    """Take the cheapest pair, then the cheapest of what is left, as long as it is within the gate.

    Args:
        cost: ``(n, m)``.
        gate: pairs that cost more are never made.

    Returns:
        Pairs (row, column), each row and each column at most once.
    """
    pairs: Pairs = []
    for flat in np.argsort(cost, axis=None, kind="stable"):
        i, j = (int(index) for index in np.unravel_index(flat, cost.shape))
        if cost[i, j] > gate:
            break
        if all(i != row and j != column for row, column in pairs):
            pairs.append((i, j))
    return pairs


def hungarian(cost: np.ndarray, gate: float) -> Pairs:
    """As many pairs within the gate as there can be, and of these the cheapest in sum.

    Arguments and result are those of `greedy`. The method is Kuhn's and Munkres'; SciPy solves
    the same problem with a faster one (Crouse 2016).
    """
    from scipy.optimize import linear_sum_assignment

    allowed = cost <= gate
    # Dearer than all allowed pairs together: forbidden pairs are made only where nothing else is
    # left, and thrown away. Infinity would be refused.
    forbidden = 1 + np.abs(cost[allowed]).sum() * 2
    rows, columns = linear_sum_assignment(np.where(allowed, cost, forbidden))
    return [(int(i), int(j)) for i, j in zip(rows, columns, strict=True) if allowed[i, j]]


@dataclass
class _Track:
    id: int
    state: Motion
    hits: int = 1
    missed: int = 0


def track(
    detections: Iterable[np.ndarray],
    *,
    cost: Callable[[np.ndarray, np.ndarray], np.ndarray] = iou_distance,
    gate: float = 0.7,
    assign: Callable[[np.ndarray, float], Pairs] = hungarian,
    motion: Callable[[np.ndarray], Motion] = ConstantVelocity.start,
    patience: int = 5,
    confirm: int = 3,
) -> Iterator[Tracked]:
    """Link the boxes of frame after frame; what a frame shows depends on no later one.

    A box that no track claims begins one, which is shown from its ``confirm``-th box on (in the
    first frames of a clip at once) and ends at its first miss before that. A confirmed track
    without a box moves on as its motion model says, unseen, for ``patience`` frames, then ends.

    Args:
        detections: for every frame boxes ``(n, 4)``: left, top, right, bottom; n may be 0.
        cost: what it costs to give a track's predicted box (row) a detected one (column).
        gate: pairs that cost more are never made; for `iou_distance`, 1 − the least overlap.
        assign: `hungarian` or `greedy`.
        motion: starts the state of a track from its first box.
        patience: frames that a track waits for its next box.
        confirm: boxes before a track is believed.

    Yields:
        For every frame the tracks that have a box in it, in the order of their ids.

    Raises:
        ValueError: boxes of another shape, or numbers out of range.
    """
    if patience < 0 or confirm < 1:
        raise ValueError(
            f"patience must be at least 0 and confirm at least 1, not {patience} and {confirm}."
        )
    tracks: list[_Track] = []
    born = 0
    for frame, boxes in enumerate(detections):
        boxes = _checked(boxes, frame)
        for one in tracks:
            one.state = one.state.predict()
        predicted = np.array([one.state.box for one in tracks]).reshape(-1, 4)
        pairs = assign(cost(predicted, boxes), gate)
        matched = dict(pairs)
        for i, one in enumerate(tracks):
            if i in matched:
                one.state = one.state.update(boxes[matched[i]])
                one.hits, one.missed = one.hits + 1, 0
            else:
                one.missed += 1
        believed = min(confirm, frame + 1)
        tracks = [t for t in tracks if t.missed <= (patience if t.hits >= confirm else 0)]
        for j in sorted(set(range(len(boxes))) - set(matched.values())):
            tracks.append(_Track(born, motion(boxes[j])))
            born += 1
        seen = [t for t in tracks if not t.missed and t.hits >= believed]
        yield Tracked(
            np.array([t.id for t in seen], int),
            np.array([t.state.box for t in seen], float).reshape(-1, 4),
        )


def _checked(boxes: np.ndarray, frame: int) -> np.ndarray:
    boxes = np.asarray(boxes, float)
    if not boxes.size:
        return boxes.reshape(0, 4)
    if boxes.ndim != 2 or boxes.shape[1] != 4 or not (boxes[:, 2:] > boxes[:, :2]).all():
        raise ValueError(
            f"Frame {frame} needs boxes (n, 4) with left < right and top < bottom, "
            f"not {boxes.shape} from {boxes.min():g} to {boxes.max():g}."
        )
    return boxes
