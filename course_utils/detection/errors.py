"""What kind of mistake was it? After Bolya et al. 2020, "TIDE", arXiv:2008.08115, section 2.2."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from course_utils.boxes import iou
from course_utils.detection.decoding import Detections

if TYPE_CHECKING:
    from course_utils.datasets import Scenes

KINDS = ("missed", "wrong class", "doubled", "misplaced", "background")
# From this IoU on a box counts as that of an object, and below the other one it has nothing to
# do with it; the paper's foreground and background thresholds.
_FOREGROUND, _BACKGROUND = 0.5, 0.1


@dataclass(frozen=True)
class Mistake:
    """One mistake.

    Attributes:
        kind: one of `KINDS`.
        image: index of the picture.
        box: left, top, right, bottom: of the object that was missed, else of the wrong box.
        label: class of that object or box.
        score: of the wrong box; 0 for an object that was missed.
    """

    kind: str
    image: int
    box: np.ndarray
    label: int
    score: float


def find_mistakes(predictions: Sequence[Detections], truth: "Scenes") -> list[Mistake]:
    """Sort everything that is wrong by its kind, the surest mistakes first.

    The surest box takes the object of its class that it overlaps most, by COCO's rule at IoU
    0.5. What is left over is *doubled* (its object is taken), *wrong class* (IoU ≥ 0.5 with an
    object of another class), *misplaced* (it touches an object, IoU ≥ 0.1) or *background*. An
    object is *missed* if no box was right about it and none was wrong about its class only.

    Args:
        predictions: one `Detections` a picture, without those that would not be shown.
        truth: still scenes; ``boxes`` and ``labels`` are read.
    """
    mistakes = []
    for image, found in enumerate(predictions):
        present = truth.labels[image] >= 0
        boxes, labels = truth.boxes[image][present], truth.labels[image][present]
        overlaps = iou(found.boxes, boxes)  # (found, objects)
        taken, noticed = np.zeros(len(boxes), bool), np.zeros(len(boxes), bool)
        for i, own in enumerate(overlaps):
            same = np.where(labels == found.labels[i], own, 0)
            free = np.where(taken, 0, same)
            if free.max(initial=0) >= _FOREGROUND:
                taken[free.argmax()] = True
                continue
            kind = _kind(same.max(initial=0), own.max(initial=0))
            if kind == "wrong class":
                noticed[own.argmax()] = True
            box, label, score = found.boxes[i], int(found.labels[i]), float(found.scores[i])
            mistakes.append(Mistake(kind, image, box, label, score))
        for i in np.flatnonzero(~(taken | noticed)):
            mistakes.append(Mistake("missed", image, boxes[i], int(labels[i]), 0.0))
    return sorted(mistakes, key=lambda mistake: -mistake.score)


def _kind(of_its_class: float, of_any: float) -> str:
    if of_its_class >= _FOREGROUND:
        return "doubled"
    if of_any >= _FOREGROUND:
        return "wrong class"
    return "misplaced" if of_any >= _BACKGROUND else "background"
