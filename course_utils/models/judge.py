"""The judge: a small classifier of Fashion-MNIST whose features measure generators.

Heusel et al. 2017 (arXiv:1706.08500) compare real and generated images in the features of an
Inception network trained on ImageNet. For 28 × 28 garments the course trains its own.
"""

import keras
from keras import layers


def build_judge(
    image_shape: tuple[int, int, int] = (28, 28, 1), num_classes: int = 10, features: int = 64
) -> keras.Model:
    """Images ``(batch, 28, 28, 1)`` in [0, 1] to logits; the layer "features" is before them.

    Raises:
        ValueError: an image side below 8.
    """
    if min(image_shape[:2]) < 8:
        raise ValueError(f"The judge needs images of at least 8 × 8 pixels, not {image_shape}.")
    image = keras.Input(image_shape, name="image")
    x = image
    for filters in (32, 64):  # (batch, 14, 14, 32), (batch, 7, 7, 64)
        x = layers.Conv2D(filters, 3, padding="same", use_bias=False)(x)
        x = layers.ReLU()(layers.BatchNormalization(momentum=0.9)(x))
        x = layers.MaxPooling2D()(x)
    x = layers.Conv2D(64, 3, strides=2, padding="same", activation="relu")(x)  # (batch, 4, 4, 64)
    x = layers.Dropout(0.4)(layers.Flatten()(x))  # (batch, 1024)
    x = layers.Dense(features, activation="relu", name="features")(x)
    logits = layers.Dense(num_classes, dtype="float32", name="logits")(layers.Dropout(0.2)(x))
    return keras.Model(image, logits, name="judge")
