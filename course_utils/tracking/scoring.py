"""How good are tracks? MOTA and IDF1, by the library `motmetrics`.

K. Bernardin and R. Stiefelhagen, "Evaluating Multiple Object Tracking Performance: The CLEAR MOT
Metrics", EURASIP Journal on Image and Video Processing, 2008. E. Ristani et al., "Performance
Measures and a Data Set for Multi-Target, Multi-Camera Tracking", 2016, arXiv:1609.01775.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from course_utils.tracking.linking import Tracked, iou_distance

if TYPE_CHECKING:
    import motmetrics

_NAMES = {
    "mota": "mota",
    "idf1": "idf1",
    "switches": "num_switches",
    "misses": "num_misses",
    "false_alarms": "num_false_positives",
    "objects": "num_objects",
    "fragments": "num_fragmentations",
}


@dataclass(frozen=True)
class Scores:
    """Scores over all frames of all clips.

    Attributes:
        mota: 1 − (misses + false alarms + switches) / objects; may be negative.
        idf1: F1 score of boxes that carry the right identity, from 0 to 1, when every true track
            is given at most one predicted one, in the best way.
        switches: how often a true object's track got another id than it had last.
        misses: true boxes without a predicted one.
        false_alarms: predicted boxes without a true one.
        objects: true boxes.
        fragments: how often a true object's track was interrupted.
    """

    mota: float
    idf1: float
    switches: int
    misses: int
    false_alarms: int
    objects: int
    fragments: int


class Switch(NamedTuple):
    """A true object whose track got another id than it had last.

    Attributes:
        frame: the first frame with the new id.
        object: id of the true object.
        old: id before.
        new: id from here on.
    """

    frame: int
    object: int
    old: int
    new: int


def true_tracks(boxes: np.ndarray, labels: np.ndarray) -> list[Tracked]:
    """The truth of one clip of `course_utils.datasets.moving_scenes`.

    Args:
        boxes: ``(frames, objects, 4)``; an object keeps its place along the second axis.
        labels: ``(frames, objects)``, negative where the object is not to be seen.
    """
    seen = labels >= 0
    return [Tracked(np.flatnonzero(s), b[s]) for b, s in zip(boxes, seen, strict=True)]


def switches(
    truth: Sequence[Tracked], found: Sequence[Tracked], *, least_iou: float = 0.5
) -> list[Switch]:
    """Where the identities of one clip were lost; arguments as for one clip of `score`."""
    last: dict[int, int] = {}
    lost = []
    events = _accumulated(truth, found, least_iou).mot_events.reset_index()
    for event in events[events["Type"].isin(("MATCH", "SWITCH"))].itertuples():
        thing, number = int(event.OId), int(event.HId)
        if event.Type == "SWITCH":
            lost.append(Switch(int(event.FrameId), thing, last[thing], number))
        last[thing] = number
    return lost


def score(
    truth: Sequence[Sequence[Tracked]],
    found: Sequence[Sequence[Tracked]],
    *,
    least_iou: float = 0.5,
) -> Scores:
    """Score the tracks of clips.

    Args:
        truth: clips of frames.
        found: what a tracker made of the same frames.
        least_iou: boxes that overlap less are not of the same object.

    Raises:
        ValueError: not the same number of clips, or of frames in one.
    """
    import motmetrics

    lengths = [[len(clip) for clip in clips] for clips in (truth, found)]
    if lengths[0] != lengths[1]:
        raise ValueError(
            "score needs the same clips and frames of truth and found, "
            f"not {lengths[0]} and {lengths[1]} frames."
        )
    clips = [_accumulated(*pair, least_iou) for pair in zip(truth, found, strict=True)]
    table = motmetrics.metrics.create().compute_many(
        clips, metrics=list(_NAMES.values()), generate_overall=True
    )
    overall = table.loc["OVERALL"]
    kinds = Scores.__annotations__
    return Scores(**{name: kinds[name](overall[key]) for name, key in _NAMES.items()})


def _accumulated(
    truth: Sequence[Tracked], found: Sequence[Tracked], least_iou: float
) -> "motmetrics.MOTAccumulator":
    """The library's account of one clip: who was matched with whom, missed, or false."""
    import motmetrics

    clip = motmetrics.MOTAccumulator(auto_id=True)
    for true, seen in zip(truth, found, strict=True):
        # Its own iou_matrix calls np.asfarray, which NumPy 2 does not have.
        distance = iou_distance(true.boxes, seen.boxes)
        clip.update(true.ids, seen.ids, np.where(distance > 1 - least_iou, np.nan, distance))
    return clip
