"""AlexNet: large kernels first, then small ones, then two wide dense layers.

Krizhevsky, Sutskever and Hinton 2012, "ImageNet Classification with Deep Convolutional Neural
Networks": rectifiers instead of tanh, dropout in the dense layers, a GPU. The paper split
some convolutions over two GPUs (``groups=2``) and normalized neighbouring channels (local
response normalization, which later networks dropped and which is left out here).
"""

import keras
from keras import layers

from course_utils.models.inputs import check_image_classifier

# The paper's sizes, for images of 227×227×3 pixels and 1,000 classes: 60,965,224 parameters.
ALEXNET = {
    "stem_kernel": 11,
    "stem_stride": 4,
    "stem_padding": "valid",
    "widths": (96, 256, 384, 384, 256),
    "dense_width": 4096,
    "groups": 2,
}


def build_alexnet(
    input_shape: tuple[int, int, int] = (28, 28, 1),
    num_classes: int = 10,
    *,
    stem_kernel: int = 5,
    stem_stride: int = 1,
    stem_padding: str = "same",
    widths: tuple[int, int, int, int, int] = (16, 48, 64, 64, 48),
    dense_width: int = 256,
    groups: int = 1,
) -> keras.Model:
    """Images ``(batch, height, width, channels)`` to logits ``(batch, classes)``.

    Args:
        input_shape: height, width and channels.
        num_classes: number of logits.
        stem_kernel: side of the first kernel, in pixels.
        stem_stride: its step.
        stem_padding: ``"same"`` or ``"valid"``.
        widths: output channels of the five convolutions.
        dense_width: neurons of the two dense layers.
        groups: independent parts of the second, fourth and fifth convolution.

    Raises:
        ValueError: sizes that do not make a classifier of images.
    """
    # Three poolings of 3 with stride 2 take 15 positions to one.
    stem_reach = stem_kernel if stem_padding == "valid" else 1
    check_image_classifier(input_shape, num_classes, smallest=14 * stem_stride + stem_reach)
    first, second, third, fourth, fifth = widths
    inputs = keras.Input(input_shape)
    x = layers.Conv2D(
        first, stem_kernel, strides=stem_stride, padding=stem_padding, activation="relu"
    )(inputs)
    x = layers.MaxPooling2D(3, strides=2)(x)
    x = layers.Conv2D(second, 5, padding="same", groups=groups, activation="relu")(x)
    x = layers.MaxPooling2D(3, strides=2)(x)
    x = layers.Conv2D(third, 3, padding="same", activation="relu")(x)
    x = layers.Conv2D(fourth, 3, padding="same", groups=groups, activation="relu")(x)
    x = layers.Conv2D(fifth, 3, padding="same", groups=groups, activation="relu")(x)
    x = layers.MaxPooling2D(3, strides=2)(x)
    x = layers.Flatten()(x)
    for _ in range(2):
        x = layers.Dense(dense_width, activation="relu")(x)
        x = layers.Dropout(0.5)(x)
    logits = layers.Dense(num_classes, dtype="float32")(x)
    return keras.Model(inputs, logits, name="alexnet")
