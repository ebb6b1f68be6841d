"""Detections of single frames, linked into tracks, scored, and counted.

>>> import course_utils as cu
>>> frames = cu.tracking.track(boxes_of_every_frame)
"""

from course_utils.tracking.counting import Crossing, crossings, foreground_boxes
from course_utils.tracking.drawing import draw
from course_utils.tracking.imitation import imitate_detector
from course_utils.tracking.linking import (
    Tracked,
    center_distance,
    greedy,
    hungarian,
    iou_distance,
    track,
)
from course_utils.tracking.motion import ConstantVelocity, StandStill
from course_utils.tracking.scoring import Scores, Switch, score, switches, true_tracks

__all__ = [
    "ConstantVelocity",
    "Crossing",
    "Scores",
    "StandStill",
    "Switch",
    "Tracked",
    "center_distance",
    "crossings",
    "draw",
    "foreground_boxes",
    "greedy",
    "hungarian",
    "imitate_detector",
    "iou_distance",
    "score",
    "switches",
    "track",
    "true_tracks",
]
