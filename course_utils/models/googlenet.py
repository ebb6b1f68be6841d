"""GoogLeNet: several kernel sizes side by side, made cheap by 1×1 convolutions.

Szegedy et al. 2015, "Going Deeper with Convolutions", arXiv:1409.4842, Table 1: an Inception
module looks with 1×1, 3×3 and 5×5 kernels at once and lets the next layer choose; 1×1
convolutions before the large kernels reduce the channels. The two auxiliary classifiers,
which helped the gradient before batch normalization did, are left out.
"""

from typing import NamedTuple

import keras
from keras import layers

from course_utils.models.inputs import check_image_classifier


class Inception(NamedTuple):
    """Output channels of a module's convolutions: a row of the paper's Table 1."""

    one: int
    three_reduce: int
    three: int
    five_reduce: int
    five: int
    pool_projection: int

    @property
    def width(self) -> int:
        """Channels of the module's output."""
        return self.one + self.three + self.five + self.pool_projection


# Table 1 of the paper, stage by stage, for 224×224×3 pixels and 1,000 classes.
GOOGLENET = {
    "stages": (
        (Inception(64, 96, 128, 16, 32, 32), Inception(128, 128, 192, 32, 96, 64)),
        (
            Inception(192, 96, 208, 16, 48, 64),
            Inception(160, 112, 224, 24, 64, 64),
            Inception(128, 128, 256, 24, 64, 64),
            Inception(112, 144, 288, 32, 64, 64),
            Inception(256, 160, 320, 32, 128, 128),
        ),
        (Inception(256, 160, 320, 32, 128, 128), Inception(384, 192, 384, 48, 128, 128)),
    ),
    "imagenet_stem": True,
    "dropout": 0.4,
    "batch_norm": False,
}
_SMALL = (
    (Inception(16, 16, 24, 4, 8, 8), Inception(24, 16, 32, 4, 8, 8)),
    (Inception(32, 24, 48, 8, 16, 16), Inception(40, 32, 56, 8, 16, 16)),
)


def build_googlenet(
    input_shape: tuple[int, int, int] = (28, 28, 1),
    num_classes: int = 10,
    *,
    stages: tuple[tuple[Inception, ...], ...] = _SMALL,
    imagenet_stem: bool = False,
    dropout: float = 0.2,
    batch_norm: bool = True,
) -> keras.Model:
    """Images ``(batch, height, width, channels)`` to logits ``(batch, classes)``.

    Args:
        input_shape: height, width and channels.
        num_classes: number of logits.
        stages: modules of each stage; a pooling halves both sides between two stages.
        imagenet_stem: begin as the paper does, reducing both sides eightfold; else with one
            3×3 convolution and one pooling.
        dropout: fraction of the features dropped before the logits.
        batch_norm: normalize after every convolution (not in the paper, which is older).

    Raises:
        ValueError: sizes that do not make a classifier of images.
    """
    reduction = (8 if imagenet_stem else 2) * 2 ** (len(stages) - 1)
    check_image_classifier(input_shape, num_classes, smallest=reduction)

    def convolution(x, width, kernel, strides=1):
        x = layers.Conv2D(width, kernel, strides, padding="same", use_bias=not batch_norm)(x)
        if batch_norm:
            x = layers.BatchNormalization(momentum=0.9)(x)
        return layers.ReLU()(x)

    def inception(x, module):
        one = convolution(x, module.one, 1)
        three = convolution(convolution(x, module.three_reduce, 1), module.three, 3)
        five = convolution(convolution(x, module.five_reduce, 1), module.five, 5)
        pooled = layers.MaxPooling2D(3, strides=1, padding="same")(x)
        pooled = convolution(pooled, module.pool_projection, 1)
        return layers.Concatenate()([one, three, five, pooled])

    inputs = keras.Input(input_shape)
    if imagenet_stem:
        x = convolution(inputs, 64, 7, strides=2)
        x = layers.MaxPooling2D(3, strides=2, padding="same")(x)
        x = convolution(x, 64, 1)
        x = convolution(x, 192, 3)
    else:
        x = convolution(inputs, 16, 3)
    x = layers.MaxPooling2D(3, strides=2, padding="same")(x)
    for i, stage in enumerate(stages):
        if i > 0:
            x = layers.MaxPooling2D(3, strides=2, padding="same")(x)
        for module in stage:
            x = inception(x, module)
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.Dropout(dropout)(x)
    logits = layers.Dense(num_classes, dtype="float32")(x)
    return keras.Model(inputs, logits, name="googlenet")
