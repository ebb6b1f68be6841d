"""Mean average precision as COCO defines it, computed by pycocotools (Lin et al. 2014)."""

import contextlib
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from course_utils.boxes import corner_and_size
from course_utils.detection.decoding import Detections

if TYPE_CHECKING:
    from course_utils.datasets import Scenes


@dataclass(frozen=True, eq=False)
class CocoResult:
    """What `pycocotools.cocoeval` measured, over all sizes of objects and 100 boxes a picture.

    Attributes:
        ap: mean over IoU thresholds 0.50, 0.55, ..., 0.95 and classes: "mAP@[.5:.95]".
        ap50: at IoU 0.5 only. ``ap75`` at 0.75.
        per_class: ``(classes,)``: mean over the IoU thresholds; NaN for a class that the
            truth does not have.
        per_class50: ``(classes,)`` at IoU 0.5.
        precision: ``(10 IoU thresholds, 101 recalls, classes)``: the best precision at this
            recall or a higher one; NaN for a class that the truth does not have.
        scores: of the same shape: the score at which the recall is reached, 0 where it is not.
        recalls: ``(101,)``: 0, 0.01, ..., 1.
    """

    ap: float
    ap50: float
    ap75: float
    per_class: np.ndarray
    per_class50: np.ndarray
    precision: np.ndarray
    scores: np.ndarray
    recalls: np.ndarray


def coco_map(predictions: Sequence[Detections], truth: "Scenes", num_classes: int) -> CocoResult:
    """Score predictions by COCO's rules.

    Args:
        predictions: one `Detections` a picture, low scores included: cut at a threshold,
            the curve ends there.
        truth: still scenes; only ``boxes`` and ``labels`` are read (−1: no object).
        num_classes: number of classes.

    Raises:
        ValueError: not one `Detections` a picture, or a truth without any object.
    """
    from pycocotools.cocoeval import COCOeval

    if len(predictions) != len(truth.labels):
        raise ValueError(
            f"Needed is one Detections a picture, not {len(predictions)} for {len(truth.labels)}."
        )
    if not (truth.labels >= 0).any():
        raise ValueError("Average precision needs a truth with at least one object.")
    present = truth.labels >= 0
    true_boxes = [b[p] for b, p in zip(truth.boxes, present, strict=True)]
    true_labels = [one[p] for one, p in zip(truth.labels, present, strict=True)]
    with contextlib.redirect_stdout(io.StringIO()):  # it talks
        evaluation = COCOeval(
            _index(true_boxes, true_labels, None, num_classes),
            _index(
                [d.boxes for d in predictions],
                [d.labels for d in predictions],
                [d.scores for d in predictions],
                num_classes,
            ),
            "bbox",
        )
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    # Axes: IoU threshold, recall, class, size of the objects (0: all), boxes a picture (-1: 100).
    precision = evaluation.eval["precision"][:, :, :, 0, -1]
    precision = np.where(precision < 0, np.nan, precision)
    return CocoResult(
        *(float(value) for value in evaluation.stats[:3]),
        per_class=precision.mean((0, 1)),
        per_class50=precision[0].mean(0),
        precision=precision,
        scores=evaluation.eval["scores"][:, :, :, 0, -1],
        recalls=evaluation.params.recThrs,
    )


def _index(
    boxes: Sequence[np.ndarray],
    labels: Sequence[np.ndarray],
    scores: Sequence[np.ndarray] | None,
    num_classes: int,
) -> object:
    """A `pycocotools.coco.COCO`, as if it had been read from a file."""
    from pycocotools.coco import COCO

    annotations = []
    for image, (some, classes) in enumerate(zip(boxes, labels, strict=True)):
        for i, (x, y, w, h) in enumerate(corner_and_size(some).tolist()):
            one = {
                "id": len(annotations) + 1,  # 0 would read as "no match"
                "image_id": image,
                "category_id": int(classes[i]),
                "bbox": [x, y, w, h],
                "area": w * h,
                "iscrowd": 0,
            }
            annotations.append(one if scores is None else one | {"score": float(scores[image][i])})
    index = COCO()
    index.dataset = {
        "images": [{"id": image} for image in range(len(boxes))],
        "categories": [{"id": label} for label in range(num_classes)],
        "annotations": annotations,
    }
    index.createIndex()
    return index
