"""From maps back to boxes: peaks, sizes, offsets; and non-maximum suppression of boxes."""

from collections.abc import Mapping
from dataclasses import dataclass

import keras
import numpy as np
import tensorflow as tf

from course_utils.models.centernet import STRIDE


@dataclass(frozen=True, eq=False, repr=False)
class Detections:
    """What was found in one picture, the surest first.

    Attributes:
        boxes: float32 ``(found, 4)``: left, top, right, bottom in pixels, within the picture.
        labels: int32 ``(found,)``: classes.
        scores: float32 ``(found,)`` in [0, 1], falling.
    """

    boxes: np.ndarray
    labels: np.ndarray
    scores: np.ndarray

    def __len__(self) -> int:
        return len(self.scores)

    def __getitem__(self, which: np.ndarray | slice) -> "Detections":
        """Those that a mask, a slice or an array of indices picks."""
        return Detections(self.boxes[which], self.labels[which], self.scores[which])

    def above(self, score: float) -> "Detections":
        """Those with at least this score."""
        return self[self.scores >= score]

    def __repr__(self) -> str:
        return f"Detections({len(self)} boxes)"


def detect(
    model: keras.Model, images: np.ndarray, *, least_score: float = 0.01, most: int = 100
) -> list[Detections]:
    """Find objects: one `Detections` a picture.

    Args:
        model: from `build_centernet`.
        images: float32 in [0, 1], ``(images, height, width, 3)``.
        least_score: lower scores are dropped. The default keeps nearly all, as a
            precision-recall curve wants; use `Detections.above` for those worth showing.
        most: at most this many a picture.

    Raises:
        ValueError: images of another shape, range or type than the model's.
    """
    return decode(predict(model, images), least_score=least_score, most=most)


def predict(model: keras.Model, images: np.ndarray, batch_size: int = 64) -> dict[str, np.ndarray]:
    """The model's three maps for ``images``, the heat map as probabilities.

    Args:
        model: from `build_centernet`.
        images: float32 in [0, 1], ``(images, height, width, 3)``.
        batch_size: pictures that are looked at together.

    Returns:
        ``"heatmap"`` in [0, 1], ``"size"`` and ``"offset"``, as `build_centernet` describes.

    Raises:
        ValueError: images of another shape, range or type than the model's.
    """
    from scipy.special import expit

    images = np.asarray(images)
    _check_images(model, images)
    maps = model.predict(images, batch_size=batch_size, verbose=0)
    return maps | {"heatmap": expit(maps["heatmap"])}


def decode(
    maps: Mapping[str, np.ndarray],
    *,
    least_score: float = 0.01,
    most: int = 100,
    peaks_only: bool = True,
    stride: int = STRIDE,
) -> list[Detections]:
    """Read boxes off the maps: one `Detections` a picture (Zhou et al. 2019, section 3.1).

    A cell is a peak if none of its eight neighbours in the map of its class is brighter: a 3×3
    maximum that stays what it was. Its brightness is the score, and the box is drawn around the
    cell's corner plus its offset.

    Args:
        maps: from `predict`, or from `encode`.
        least_score: lower scores are dropped.
        most: at most this many a picture.
        peaks_only: False makes a box of every cell, as if nothing were suppressed.
        stride: pixels a cell.

    Raises:
        ValueError: maps that do not have one another's height and width.
    """
    heatmap, size, offset = (np.asarray(maps[k], np.float32) for k in ("heatmap", "size", "offset"))
    if heatmap.ndim != 4 or not ((*heatmap.shape[:3], 2) == size.shape == offset.shape):
        raise ValueError(
            "The maps must be (images, h, w, classes), (images, h, w, 2) and (images, h, w, 2), "
            f"not {heatmap.shape}, {size.shape} and {offset.shape}."
        )
    if peaks_only:
        highest = tf.nn.max_pool2d(heatmap, 3, 1, "SAME").numpy()
        heatmap = np.where(heatmap == highest, heatmap, 0)
    limits = stride * np.array(heatmap.shape[2:0:-1] * 2, np.float32)  # width, height, twice
    found = []
    for heat, wh, xy in zip(heatmap, size, offset, strict=True):
        candidates = np.flatnonzero(heat >= max(least_score, np.finfo(np.float32).tiny))
        order = np.argsort(-heat.flat[candidates], kind="stable")[:most]
        y, x, label = np.unravel_index(candidates[order], heat.shape)
        middle = np.stack([x, y], -1) + xy[y, x]
        half = np.maximum(wh[y, x], 0) / 2
        boxes = np.clip(stride * np.concatenate([middle - half, middle + half], -1), 0, limits)
        found.append(
            Detections(boxes.astype(np.float32), label.astype(np.int32), heat[y, x, label])
        )
    return found


def suppress(detections: Detections, most_iou: float = 0.5) -> Detections:
    """Non-maximum suppression: drop what overlaps a surer box of the same class.

    Args:
        detections: of one picture.
        most_iou: two boxes of a class may overlap this much and both stay.

    Raises:
        ValueError: ``most_iou`` outside of [0, 1].
    """
    if not 0 <= most_iou <= 1:
        raise ValueError(f"most_iou must lie in [0, 1], not {most_iou}.")
    kept = [np.zeros(0, int)]
    for label in np.unique(detections.labels):
        own = np.flatnonzero(detections.labels == label)
        boxes, scores = detections.boxes[own], detections.scores[own]
        kept.append(own[tf.image.non_max_suppression(boxes, scores, len(own), most_iou).numpy()])
    return detections[np.sort(np.concatenate(kept))]


def _check_images(model: keras.Model, images: np.ndarray) -> None:
    expected = model.input_shape
    if images.ndim != 4 or images.shape[-1] != expected[-1] or not images.size:
        raise ValueError(
            f"images must be (images, height, width, {expected[-1]}), not {images.shape}."
        )
    if not np.issubdtype(images.dtype, np.floating) or not 0 <= images.min() <= images.max() <= 1:
        raise ValueError(
            f"images must be floats in [0, 1], not {images.dtype} from {images.min()} to "
            f"{images.max()}: divide bytes by 255."
        )
    coarsest = _coarsest(model)
    height, width = images.shape[1:3]
    if height % coarsest or width % coarsest:
        raise ValueError(
            f"Height and width must be multiples of {coarsest}, the stride of the model's "
            f"coarsest map, not {height}×{width}: pad the pictures to the next one."
        )


def _coarsest(model: keras.Model) -> int:
    """Pixels a cell of the coarsest map: everything that was halved on the way down."""
    return STRIDE * 2 ** sum(isinstance(layer, keras.layers.UpSampling2D) for layer in model.layers)
