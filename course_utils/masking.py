"""What a masked autoencoder is taught: orders of patches, targets, and a loss on the hidden ones.

He et al. 2022, arXiv:2111.06377, Section 3.
"""

from typing import TYPE_CHECKING

import numpy as np

from course_utils.batches import in_batches

if TYPE_CHECKING:
    import keras
    import tensorflow as tf
    from sklearn.pipeline import Pipeline

STRENGTHS = (1e-3, 1e-2, 1e-1, 1.0)


def patch_targets(images: "np.ndarray | tf.Tensor", size: int) -> "tf.Tensor":
    """Every patch with its own mean taken off and divided by its own deviation.

    The paper's "normalized pixels" (Section 4.1, "Reconstruction target"): what counts is the
    structure inside a patch, not how bright it is. A patch of one grey becomes zeros; a variance
    of 1e-3 is added, so that the noise of an almost even patch is not blown up.

    Args:
        images: ``(batch, height, width, channels)`` in [0, 1].
        size: pixels of a patch's side.

    Returns:
        ``(batch, patches, size²·channels)`` float32.
    """
    import tensorflow as tf

    from course_utils.models.vit import Patches

    patches = tf.cast(Patches(size, dtype="float32")(images), tf.float32)
    mean, variance = tf.nn.moments(patches, axes=[-1], keepdims=True)
    return (patches - mean) / tf.sqrt(variance + 1e-3)


def hide(count: int, patches: int, seed: int = 0) -> np.ndarray:
    """Random orders of the patches, int32 ``(count, patches)``; the first ones stay visible."""
    rng = np.random.default_rng(seed)
    return rng.random((count, patches)).argsort(axis=1).astype(np.int32)


def masked_batches(
    images: np.ndarray, mae: "keras.Model", batch_size: int = 256
) -> "tf.data.Dataset":
    """Batches for ``mae.fit``, endlessly; every image is hidden anew each time that it comes.

    Each is ``({"images", "order"}, targets, weights)``. The weights are zero on visible patches
    and ``patches / hidden`` on the others: so Keras's mean squared error, whose mean runs over all
    patches, is the mean over the *hidden* ones.

    Args:
        images: ``(count, height, width, channels)`` in [0, 1].
        mae: as `models.build_mae` returns it.
        batch_size: images a batch.
    """
    import tensorflow as tf

    size, count = mae.get_layer("patches").size, mae.input["order"].shape[1]
    visible = mae.get_layer("visible").output.shape[1]

    def prepare(batch: tf.Tensor) -> tuple:
        order = tf.argsort(tf.random.uniform((tf.shape(batch)[0], count)), axis=1)
        hidden = tf.cast(tf.argsort(order, axis=1) >= visible, tf.float32)  # (batch, patches)
        weights = hidden * count / max(1, count - visible)
        return {"images": batch, "order": order}, patch_targets(batch, size), weights

    data = tf.data.Dataset.from_tensor_slices(images).shuffle(len(images)).repeat()
    return data.batch(batch_size, drop_remainder=True).map(prepare).prefetch(2)


def predict(mae: "keras.Model", images: np.ndarray, order: np.ndarray) -> np.ndarray:
    """Every patch as ``mae`` sees it from the first ones of ``order``, as `patch_targets` has it.

    Without `keras.Model.predict`, whose graph takes longer to make than a few hundred images.
    """
    return in_batches(lambda x, o: mae({"images": x, "order": o}), images, order, size=500)


def loss(mae: "keras.Model", images: np.ndarray, seed: int = 0) -> float:
    """Mean squared error on the hidden patches, in the units of `patch_targets`.

    Args:
        mae: as `models.build_mae` returns it.
        images: ``(count, height, width, channels)`` in [0, 1].
        seed: of what is hidden.
    """
    visible, patches = mae.get_layer("visible").output.shape[1], mae.input["order"].shape[1]
    order = hide(len(images), patches, seed)
    predicted = predict(mae, images, order)
    errors = np.square(predicted - patch_targets(images, mae.get_layer("patches").size)).mean(-1)
    return float(np.take_along_axis(errors, order[:, visible:], axis=1).mean())


def probe(
    features: np.ndarray, labels: np.ndarray, validation: tuple[np.ndarray, np.ndarray]
) -> tuple["Pipeline", dict[float, float]]:
    """A linear classifier of frozen features; its strength is chosen on the validation split.

    Features are standardized first, which the authors found necessary too (Appendix A.1, "Linear
    probing": a normalization without scale before the classifier).

    Args:
        features: ``(examples, width)``.
        labels: ``(examples,)``.
        validation: features and labels to choose the strength on.

    Returns:
        The classifier that was best, and the validation accuracy by inverse strength C.
    """
    from course_utils import pretrained

    tried, fitted = {}, {}
    for c in STRENGTHS:
        fitted[c] = pretrained.linear_probe(features, labels, c)
        tried[c] = float(fitted[c].score(*validation))
    return fitted[max(tried, key=tried.get)], tried


def reconstruct(mae: "keras.Model", images: np.ndarray, order: np.ndarray) -> np.ndarray:
    """Images whose hidden patches are the model's, in the pixels' own units.

    The model predicts a patch without its brightness and contrast; for the picture these are taken
    from the true patch, so it looks better than what the model knows. `loss` does not flatter.

    Returns:
        Like ``images``, clipped to [0, 1].
    """
    size, visible = mae.get_layer("patches").size, mae.get_layer("visible").output.shape[1]
    predicted = predict(mae, images, order)
    true = cut(images, size)
    spread = np.sqrt(true.var(axis=-1, keepdims=True) + 1e-3)
    filled = predicted * spread + true.mean(axis=-1, keepdims=True)
    shown = order.argsort(axis=1) < visible
    return np.clip(paste(np.where(shown[..., None], true, filled), images.shape, size), 0, 1)


def cut(images: np.ndarray, size: int) -> np.ndarray:
    """Images to patches ``(batch, patches, size²·channels)``, row by row."""
    batch, height, width, channels = images.shape
    x = images.reshape(batch, height // size, size, width // size, size, channels)
    return x.swapaxes(2, 3).reshape(batch, -1, size * size * channels)


def paste(patches: np.ndarray, shape: tuple[int, ...], size: int) -> np.ndarray:
    """The inverse of `cut`: patches to images of ``shape``."""
    batch, height, width, channels = shape
    x = patches.reshape(batch, height // size, width // size, size, size, channels)
    return x.swapaxes(2, 3).reshape(shape)
