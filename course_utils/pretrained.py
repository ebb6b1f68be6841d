"""Networks that others trained: loading them by name, what they see, and teaching them anew."""

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from course_utils import results
from course_utils.datasets.registry import folder

if TYPE_CHECKING:
    import keras

SHIPPED = "efficientnet-lite0"
# Of Keras Applications: what turns pixels in [0, 1] into what the network was trained on.
APPLICATIONS = {
    "EfficientNetV2B0": (255.0, 0.0),  # scales its input itself
    "MobileNetV2": (2.0, -1.0),
    "ResNet50V2": (2.0, -1.0),
    "Xception": (2.0, -1.0),
}
KERAS_HUB = "kerashub:"


def class_names() -> tuple[str, ...]:
    """The 1,000 classes of ImageNet in the order of the logits; source and licence in the file."""
    text = (folder() / "labels" / "imagenet.json").read_text(encoding="utf-8")
    return tuple(json.loads(text)["names"])


def top(logits: np.ndarray, count: int = 5) -> list[tuple[str, float]]:
    """The likeliest classes of one image and their probabilities.

    Args:
        logits: ``(1000,)``.
        count: how many.
    """
    logits = np.asarray(logits, np.float64)
    shares = np.exp(logits - logits.max())
    shares /= shares.sum()
    names = class_names()
    return [(names[i], float(shares[i])) for i in np.argsort(-shares)[:count]]


def measured(task: str, method: str) -> dict[int, list[float]]:
    """Test accuracies by images a class, one a seed, that benchmarks/transfer.py stored."""
    found: dict[int, list[float]] = {}
    for one_task, one_method, count, _, accuracy, _ in results.stored("transfer")["runs"]:
        if (one_task, one_method) == (task, method):
            found.setdefault(count, []).append(accuracy)
    return dict(sorted(found.items()))


def validated(method: str) -> dict[float, float]:
    """Validation accuracies by learning rate (a probe's: by strength), from the same file."""
    rows = results.stored("transfer")["validation"]
    return {setting: accuracy for one, setting, accuracy in rows if one == method}


def load(
    name: str = SHIPPED,
    *,
    input_shape: tuple[int, int, int] = (224, 224, 3),
    weights: str | None = "imagenet",
) -> "keras.Model":
    """A trained network without its last layer: images in [0, 1] to features.

    Args:
        name: ``"efficientnet-lite0"``, which ships with the course; one of `APPLICATIONS`; or
            ``"kerashub:"`` and a convolutional preset of KerasHub (a name or a folder), such as
            ``"kerashub:resnet_18_imagenet"``. The last two fetch their weights from the network.
        input_shape: height, width and 3 channels of the images.
        weights: ``"imagenet"`` or another value that Keras Applications knows; ``None`` for
            random ones, which need no network.

    Returns:
        A model with output ``(batch, features)``, float32 under every dtype policy.

    Raises:
        ValueError: an unknown name.
        ImportError: a preset of KerasHub, and KerasHub is not installed.
    """
    import keras
    from keras import layers

    if name == SHIPPED:
        from course_utils import checkpoints, models

        model = models.build_efficientnet_lite0(input_shape, include_top=False)
        if weights is not None:
            whole = {v.path: v.numpy() for v in checkpoints.load(SHIPPED).weights}
            model.set_weights([whole[v.path] for v in model.weights])
        return model
    inputs = keras.Input(input_shape)
    if name.startswith(KERAS_HUB):
        try:
            import keras_hub
        except ImportError:
            raise ImportError(f"{name!r} needs KerasHub: pip install keras-hub.") from None
        preset = name.removeprefix(KERAS_HUB)
        # Through the preset's own converter: it knows the pixels that the network expects.
        convert = keras_hub.layers.ImageConverter.from_preset(preset, image_size=input_shape[:2])
        network = keras_hub.models.Backbone.from_preset(preset, load_weights=weights is not None)
        maps = network(convert(layers.Rescaling(255.0)(inputs)))
        return keras.Model(inputs, layers.GlobalAveragePooling2D(dtype="float32")(maps))
    if name not in APPLICATIONS:
        known = ", ".join((SHIPPED, *APPLICATIONS))
        raise ValueError(
            f"There is no pretrained network {name!r}; known: {known}, or {KERAS_HUB}PRESET."
        )
    scale, offset = APPLICATIONS[name]
    build = getattr(keras.applications, name)
    network = build(include_top=False, weights=weights, input_shape=input_shape)
    maps = network(layers.Rescaling(scale, offset)(inputs))
    return keras.Model(inputs, layers.GlobalAveragePooling2D(dtype="float32")(maps))


def prepare(images: np.ndarray, size: int) -> np.ndarray:
    """Any images as a network of colour photographs expects them.

    Args:
        images: ``(N, h, w)``, ``(N, h, w, 1)``, ``(N, h, w, 3)`` or ``(N, h, w, 4)``, uint8 or
            floats in [0, 1]; grey ones are repeated, an alpha channel is dropped.
        size: side of the result; images that are not square are cropped in their middle.

    Returns:
        float32 ``(N, size, size, 3)`` in [0, 1].

    Raises:
        ValueError: another shape, or floats outside [0, 1].
    """
    import tensorflow as tf

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
    side = min(x.shape[1:3])
    y0, x0 = (x.shape[1] - side) // 2, (x.shape[2] - side) // 2
    x = x[:, y0 : y0 + side, x0 : x0 + side]
    return np.clip(tf.image.resize(x, (size, size), antialias=True).numpy(), 0, 1)


def few(labels: np.ndarray, count: int, seed: int) -> np.ndarray:
    """Indices of ``count`` random examples of every class.

    Raises:
        ValueError: a class has fewer.
    """
    rng = np.random.default_rng(seed)
    found = [np.flatnonzero(labels == c) for c in np.unique(labels)]
    if min(map(len, found)) < count:
        raise ValueError(f"A class has only {min(map(len, found))} examples, not {count}.")
    return np.concatenate([rng.choice(which, count, replace=False) for which in found])


def linear_probe(x: np.ndarray, y: np.ndarray, strength: float = 0.01):
    """Logistic regression on standardized features: fit it, and nothing else is learnt.

    Args:
        x: features ``(N, width)``.
        y: labels ``(N,)``.
        strength: C of scikit-learn; small values keep the weights small.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return make_pipeline(StandardScaler(), LogisticRegression(C=strength, max_iter=500)).fit(x, y)


def _layers(model: "keras.Model") -> Iterator["keras.Layer"]:
    """All layers, also those of models inside the model."""
    for layer in model.layers:
        yield from _layers(layer) if hasattr(layer, "layers") else (layer,)


def classifier(
    network: "keras.Model", num_classes: int, *, freeze_batch_norm: bool = True, flip: bool = True
) -> "keras.Model":
    """The network with augmentation before it and a new last layer behind it.

    Args:
        network: images to features, as `load` returns it; its weights are shared, not copied.
        num_classes: logits of the new layer, which starts at zero.
        freeze_batch_norm: keep the batch normalizations' statistics, scales and shifts; a
            handful of images would spoil them.
        flip: whether a mirrored image keeps its label (a digit does not).
    """
    import keras
    from keras import layers

    for layer in _layers(network):
        if isinstance(layer, layers.BatchNormalization):
            layer.trainable = not freeze_batch_norm
    inputs = keras.Input(network.input_shape[1:])
    x = layers.RandomTranslation(0.1, 0.1, fill_mode="nearest")(inputs)
    x = layers.RandomFlip("horizontal")(x) if flip else x
    logits = layers.Dense(num_classes, kernel_initializer="zeros", dtype="float32")(network(x))
    return keras.Model(inputs, logits)
