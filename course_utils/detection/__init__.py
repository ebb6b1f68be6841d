"""Object detection with CenterNet: targets, losses, decoding, COCO's measure, kinds of mistakes.

>>> model = cu.checkpoints.load("scenes-centernet")
>>> found = cu.detection.detect(model, images)  # a list: one Detections a picture
>>> found[0].above(0.3).boxes
"""

from course_utils.boxes import iou
from course_utils.detection.coco import CocoResult, coco_map
from course_utils.detection.decoding import Detections, decode, detect, predict, suppress
from course_utils.detection.drawing import show_boxes, show_mistakes
from course_utils.detection.errors import KINDS, Mistake, find_mistakes
from course_utils.detection.losses import compile_detector, focal_loss, l1_at_middles
from course_utils.detection.targets import encode, gaussian_radius

__all__ = [
    "KINDS",
    "CocoResult",
    "Detections",
    "Mistake",
    "coco_map",
    "compile_detector",
    "decode",
    "detect",
    "encode",
    "find_mistakes",
    "focal_loss",
    "gaussian_radius",
    "iou",
    "l1_at_middles",
    "predict",
    "show_boxes",
    "show_mistakes",
    "suppress",
]
