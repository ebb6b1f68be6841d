"""Xception: look in space and mix the channels in two steps, with shortcuts.

Chollet 2017, "Xception: Deep Learning with Depthwise Separable Convolutions",
arXiv:1610.02357, Figure 5: an Inception module taken to its extreme, one small kernel for
each channel (depthwise), then a 1×1 convolution over all of them (pointwise).
"""

import keras
from keras import layers

from course_utils.models.inputs import check_image_classifier

# Figure 5 of the paper, for 299×299×3 pixels and 1,000 classes: 22,910,480 parameters.
XCEPTION = {
    "imagenet_stem": True,
    "entry_widths": (128, 256, 728),
    "middle_blocks": 8,
    "exit_widths": (1024, 1536, 2048),
    "momentum": 0.99,
}


def build_xception(
    input_shape: tuple[int, int, int] = (28, 28, 1),
    num_classes: int = 10,
    *,
    imagenet_stem: bool = False,
    entry_widths: tuple[int, ...] = (32, 64),
    middle_blocks: int = 2,
    exit_widths: tuple[int, int, int] = (96, 128, 160),
    momentum: float = 0.9,
) -> keras.Model:
    """Images ``(batch, height, width, channels)`` to logits ``(batch, classes)``.

    Args:
        input_shape: height, width and channels.
        num_classes: number of logits.
        imagenet_stem: begin with two convolutions of which the first halves both sides;
            else with one that keeps them.
        entry_widths: channels of the entry flow's blocks, each of which halves both sides.
        middle_blocks: blocks of three separable convolutions that keep the size.
        exit_widths: channels of the exit flow: of its block, which halves both sides, and
            of the two separable convolutions after it.
        momentum: batch normalization's.

    Raises:
        ValueError: sizes that do not make a classifier of images.
    """
    smallest = (2 if imagenet_stem else 1) * 2 ** (len(entry_widths) + 1)
    check_image_classifier(input_shape, num_classes, smallest=smallest)

    def normalized(x):
        return layers.BatchNormalization(momentum=momentum)(x)

    def convolution(x, width, kernel, strides=1, padding="same"):
        return normalized(layers.Conv2D(width, kernel, strides, padding=padding, use_bias=False)(x))

    def separable(x, width):
        return normalized(layers.SeparableConv2D(width, 3, padding="same", use_bias=False)(x))

    def halving(x, first, second, activate=True):
        shortcut = convolution(x, second, 1, strides=2)
        x = separable(layers.ReLU()(x) if activate else x, first)
        x = separable(layers.ReLU()(x), second)
        x = layers.MaxPooling2D(3, strides=2, padding="same")(x)
        return layers.Add()([x, shortcut])

    inputs = keras.Input(input_shape)
    if imagenet_stem:
        x = layers.ReLU()(convolution(inputs, 32, 3, strides=2, padding="valid"))
        x = layers.ReLU()(convolution(x, 64, 3, padding="valid"))
    else:
        x = layers.ReLU()(convolution(inputs, entry_widths[0] // 2, 3))
    for i, width in enumerate(entry_widths):
        x = halving(x, width, width, activate=i > 0)  # the stem has just activated
    for _ in range(middle_blocks):
        shortcut = x
        for _ in range(3):
            x = separable(layers.ReLU()(x), x.shape[-1])
        x = layers.Add()([x, shortcut])
    x = halving(x, x.shape[-1], exit_widths[0])
    x = layers.ReLU()(separable(x, exit_widths[1]))
    x = layers.ReLU()(separable(x, exit_widths[2]))
    x = layers.GlobalAveragePooling2D()(x)
    logits = layers.Dense(num_classes, dtype="float32")(x)
    return keras.Model(inputs, logits, name="xception")
