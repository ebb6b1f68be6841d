"""Segmentation: losses over pixels, masks of pictures of any size, and how good a mask is."""

from typing import Any

import keras
import numpy as np
from keras import ops

from course_utils import results


@keras.saving.register_keras_serializable("course_utils")
class SegmentationLoss(keras.losses.Loss):
    """Cross-entropy and soft Dice loss of masks, weighted and added.

    The cross-entropy is the mean over all pixels, so a class counts as much as it has pixels.
    The Dice loss is one minus Dice's overlap, 2·Σpg / (Σp + Σg), of predicted share p and truth g,
    over all pixels of the batch, and the mean over the classes: each class counts the same,
    however few its pixels (Milletari et al. 2016, arXiv:1606.04797, who square p and g in the
    denominator; this is `keras.losses.dice`).

    Args:
        cross_entropy: weight of the cross-entropy.
        dice: weight of the Dice loss.

    Call arguments:
        y_true: integer masks ``(batch, height, width)``, 0 for the background.
        y_pred: logits ``(batch, height, width, classes)``.

    Raises:
        ValueError: a negative weight, or no positive one.
    """

    def __init__(
        self,
        cross_entropy: float = 1.0,
        dice: float = 1.0,
        *,
        name: str = "segmentation_loss",
        **kwargs,
    ):
        super().__init__(name=name, **kwargs)
        if min(cross_entropy, dice) < 0 or cross_entropy + dice == 0:
            raise ValueError(
                "The weights of cross-entropy and Dice loss must not be negative and one of them "
                f"positive, not {cross_entropy} and {dice}."
            )
        self.cross_entropy, self.dice = cross_entropy, dice

    def call(self, y_true, y_pred):
        loss = 0.0
        if self.cross_entropy:
            by_pixel = keras.losses.sparse_categorical_crossentropy(
                y_true, y_pred, from_logits=True
            )
            loss += self.cross_entropy * ops.mean(by_pixel)
        if self.dice:
            truth = ops.one_hot(ops.cast(y_true, "int32"), y_pred.shape[-1])
            by_class = keras.losses.dice(truth, ops.softmax(y_pred), axis=(0, 1, 2))
            loss += self.dice * ops.mean(by_class)
        return loss

    def get_config(self) -> dict:
        return {**super().get_config(), "cross_entropy": self.cross_entropy, "dice": self.dice}


def augment(
    images: np.ndarray, masks: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Half of the pictures mirrored, all of them in other colours.

    A mask moves with its picture and does not care for its colours. The channels are exchanged,
    and each is raised to a power of its own (its gamma), between 0.45 and 2.2. So a grey
    photograph becomes a coloured one: else a network learns that whatever has a colour is a
    garment, and fails on the first orange wall.

    Args:
        images: float32 ``(N, h, w, 3)`` in [0, 1].
        masks: ``(N, h, w)``.
        rng: decides for every picture anew.

    Returns:
        New arrays of the same shapes and types.
    """
    count = len(images)
    order = rng.permuted(np.tile(np.arange(3), (count, 1)), axis=1)
    images = np.take_along_axis(images, order[:, None, None], axis=3)
    gamma = np.exp(rng.uniform(-0.8, 0.8, (count, 1, 1, 3))).astype(np.float32)
    images = np.clip(images, 0, 1) ** gamma
    mirrored = rng.random(count) < 0.5
    return (
        np.where(mirrored[:, None, None, None], images[:, :, ::-1], images),
        np.where(mirrored[:, None, None], masks[:, :, ::-1], masks),
    )


def segment(
    model: keras.Model, images: np.ndarray, *, multiple: int = 8, batch_size: int = 32
) -> np.ndarray:
    """Logits of pictures whose sides the model cannot halve without a rest.

    The pictures are mirrored at their right and lower edges until both sides are multiples of
    ``multiple``, and the logits are cut back. Grey pictures are repeated in three channels and
    an alpha channel is dropped.

    Args:
        model: built for sides ``None`` (or for the padded size), with padding ``"same"``.
        images: ``(N, h, w)``, or ``(N, h, w, 1)``, ``(N, h, w, 3)`` or ``(N, h, w, 4)``; uint8,
            or floats in [0, 1].
        multiple: 2**depth of the U-Net.

    Returns:
        float32 ``(N, h, w, classes)``; ``argmax(-1)`` of it is the mask.

    Raises:
        ValueError: another shape, floats outside [0, 1], or a model of another size.
    """
    images = np.asarray(images)
    images = images[..., None] if images.ndim == 3 else images
    if images.ndim != 4 or images.shape[-1] not in (1, 3, 4):
        raise ValueError(
            f"Images must be (N, height, width) with 0, 1, 3 or 4 channels, not {images.shape}."
        )
    x = images.astype(np.float32) / (255 if images.dtype == np.uint8 else 1)
    if x.size and not (x.min() >= 0 and x.max() <= 1):
        raise ValueError(f"Pixels must lie in [0, 1], but they span {x.min():g}..{x.max():g}.")
    x = np.repeat(x, 3, axis=-1) if x.shape[-1] == 1 else x[..., :3]
    height, width = x.shape[1:3]
    x = np.pad(x, ((0, 0), (0, -height % multiple), (0, -width % multiple), (0, 0)), "symmetric")
    sides = model.input_shape[1:3]
    if any(wanted not in (None, side) for wanted, side in zip(sides, x.shape[1:3], strict=True)):
        raise ValueError(
            f"The model takes pictures of {sides[0]}×{sides[1]} pixels, not "
            f"{x.shape[1]}×{x.shape[2]}: build it with sides None."
        )
    logits = model.predict(x, batch_size=batch_size, verbose=0)
    return logits[:, :height, :width]


def class_iou(masks: np.ndarray, predicted: np.ndarray, num_classes: int) -> np.ndarray:
    """Intersection over union of every class, over all pixels of all pictures together.

    Args:
        masks: the truth, integers ``(N, h, w)``.
        predicted: integers of the same shape.
        num_classes: classes, the background among them.

    Returns:
        ``(num_classes,)``; 0 for a class that is in neither. Its mean is the mean IoU that
        `keras.metrics.MeanIoU` gives.

    Raises:
        ValueError: different shapes.
    """
    from sklearn.metrics import jaccard_score

    _same_shape(masks, predicted)
    return jaccard_score(
        masks.ravel(),
        predicted.ravel(),
        labels=np.arange(num_classes),
        average=None,
        zero_division=0.0,
    )


def boundary_iou(
    masks: np.ndarray, predicted: np.ndarray, num_classes: int, *, distance: int = 2
) -> np.ndarray:
    """IoU of the rim of each class only: what lies within ``distance`` pixels of its edge.

    The inside of a large object is easy and hides what happens at its edge; this leaves the
    inside out (Cheng et al. 2021, arXiv:2103.16562, equation 2).

    Args:
        masks: the truth, integers ``(N, h, w)``, 0 for the background.
        predicted: integers of the same shape.
        num_classes: classes, the background among them.
        distance: thickness of the rim in pixels. The paper takes 2 % of the diagonal, which is
            2.7 for 96×96 pixels.

    Returns:
        ``(num_classes - 1,)``, without the background; 0 for a class that is in neither.

    Raises:
        ValueError: different shapes, or a distance below 1.
    """
    from sklearn.metrics import jaccard_score

    _same_shape(masks, predicted)
    if distance < 1:
        raise ValueError(f"distance must be at least 1 pixel, not {distance}.")
    found = []
    for c in range(1, num_classes):
        true, guess = rim(masks == c, distance), rim(predicted == c, distance)
        either = true | guess  # the score does not count what is in neither
        score = jaccard_score(true[either], guess[either]) if either.any() else 0.0
        found.append(score)
    return np.array(found)


def rim(inside: np.ndarray, distance: int) -> np.ndarray:
    """The pixels of a shape within ``distance`` of its edge, or of the picture's.

    Args:
        inside: bool ``(N, h, w)``.
        distance: in pixels, diagonals counting as one.
    """
    from scipy.ndimage import binary_erosion

    square = np.ones((1, 3, 3), bool)
    return inside & ~binary_erosion(inside, square, iterations=distance, border_value=0)


def _same_shape(masks: np.ndarray, predicted: np.ndarray) -> None:
    if masks.shape != predicted.shape or masks.ndim != 3:
        raise ValueError(
            "Both masks must have the shape (N, height, width), "
            f"not {masks.shape} and {predicted.shape}."
        )


def measured_losses() -> dict[str, Any]:
    """What tools/train_unet.py --losses stored: short trainings that differ in the loss only.

    Returns:
        ``"scenes"``, how many each has seen, and ``"runs"``: for every name of a loss
        ``"class IoU"`` on the validation split, the background's first.
    """
    return results.stored("segmentation")
