"""MobileNetV2: thin highways, wide detours, one kernel a channel.

Sandler et al. 2018, "MobileNetV2: Inverted Residuals and Linear Bottlenecks",
arXiv:1801.04381: a block widens its input by 1×1 convolutions, looks with one 3×3 kernel a
channel, and comes back to few channels without a rectifier, so that nothing is cut off there;
the shortcut joins the thin ends.
"""

import keras
from keras import layers

from course_utils.models.inputs import check_image_classifier


def build_mobilenet(
    input_shape: tuple[int, int, int] = (28, 28, 1),
    num_classes: int = 10,
    *,
    stem_width: int = 16,
    stages: tuple[tuple[int, int, int], ...] = ((24, 2, 2), (40, 2, 2), (64, 2, 1)),
    expansion: int = 4,
    head_width: int = 160,
) -> keras.Model:
    """Images ``(batch, height, width, channels)`` to logits ``(batch, classes)``.

    Args:
        input_shape: height, width and channels.
        num_classes: number of logits.
        stem_width: channels of the first convolution, which keeps the size.
        stages: (channels, blocks, stride of the first block) of each stage.
        expansion: how many times wider a block is inside (t in the paper).
        head_width: channels of the last 1×1 convolution.

    Raises:
        ValueError: sizes that do not make a classifier of images.
    """
    reduction = 1
    for _, _, stride in stages:
        reduction *= stride
    check_image_classifier(input_shape, num_classes, smallest=reduction)

    def normalized(x):
        return layers.BatchNormalization(momentum=0.9)(x)

    def pointwise(x, width):
        return normalized(layers.Conv2D(width, 1, use_bias=False)(x))

    def block(x, width, strides):
        inside = layers.ReLU(max_value=6)(pointwise(x, expansion * x.shape[-1]))
        inside = layers.DepthwiseConv2D(3, strides, padding="same", use_bias=False)(inside)
        inside = layers.ReLU(max_value=6)(normalized(inside))
        out = pointwise(inside, width)  # linear: no rectifier
        return layers.Add()([x, out]) if strides == 1 and x.shape[-1] == width else out

    inputs = keras.Input(input_shape)
    x = normalized(layers.Conv2D(stem_width, 3, padding="same", use_bias=False)(inputs))
    x = layers.ReLU(max_value=6)(x)
    for width, count, stride in stages:
        for i in range(count):
            x = block(x, width, stride if i == 0 else 1)
    x = layers.ReLU(max_value=6)(pointwise(x, head_width))
    x = layers.GlobalAveragePooling2D()(x)
    logits = layers.Dense(num_classes, dtype="float32")(x)
    return keras.Model(inputs, logits, name="mobilenet")
