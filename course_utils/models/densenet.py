"""DenseNet: every layer reads all the feature maps made before it and adds a few of its own.

Huang et al. 2017, "Densely Connected Convolutional Networks", arXiv:1608.06993, Table 1:
where ResNet adds, DenseNet concatenates. Each layer adds ``growth_rate`` channels; a 1×1
convolution first reduces what it reads (a bottleneck), and transitions between the blocks
halve the channels and both sides.
"""

import keras
from keras import layers

from course_utils.models.inputs import check_image_classifier

# For 224×224×3 pixels and 1,000 classes: 8,062,504 parameters.
DENSENET121 = {
    "blocks": (6, 12, 24, 16),
    "growth_rate": 32,
    "imagenet_stem": True,
    "epsilon": 1.001e-5,
    "momentum": 0.99,
}


def build_densenet(
    input_shape: tuple[int, int, int] = (28, 28, 1),
    num_classes: int = 10,
    *,
    blocks: tuple[int, ...] = (3, 4, 4),
    growth_rate: int = 6,
    imagenet_stem: bool = False,
    epsilon: float = 1e-3,
    momentum: float = 0.9,
) -> keras.Model:
    """Images ``(batch, height, width, channels)`` to logits ``(batch, classes)``.

    Args:
        input_shape: height, width and channels.
        num_classes: number of logits.
        blocks: layers of each dense block; a transition between two halves both sides.
        growth_rate: channels that a layer adds (k in the paper).
        imagenet_stem: begin with a 7×7 convolution and a pooling, reducing both sides
            fourfold; else with one 3×3 convolution.
        epsilon: batch normalization's.
        momentum: batch normalization's.

    Raises:
        ValueError: sizes that do not make a classifier of images.
    """
    reduction = (4 if imagenet_stem else 1) * 2 ** (len(blocks) - 1)
    check_image_classifier(input_shape, num_classes, smallest=reduction)

    def activated(x):
        return layers.ReLU()(layers.BatchNormalization(epsilon=epsilon, momentum=momentum)(x))

    def convolution(x, width, kernel):
        return layers.Conv2D(width, kernel, padding="same", use_bias=False)(x)

    inputs = keras.Input(input_shape)
    if imagenet_stem:
        x = layers.ZeroPadding2D(3)(inputs)
        x = layers.Conv2D(2 * growth_rate, 7, strides=2, use_bias=False)(x)
        x = layers.ZeroPadding2D(1)(activated(x))
        x = layers.MaxPooling2D(3, strides=2)(x)
    else:
        x = convolution(inputs, 2 * growth_rate, 3)
    for i, count in enumerate(blocks):
        if i > 0:
            x = convolution(activated(x), x.shape[-1] // 2, 1)
            x = layers.AveragePooling2D(2)(x)
        for _ in range(count):
            new = convolution(activated(x), 4 * growth_rate, 1)
            new = convolution(activated(new), growth_rate, 3)
            x = layers.Concatenate()([x, new])
    x = layers.GlobalAveragePooling2D()(activated(x))
    logits = layers.Dense(num_classes, dtype="float32")(x)
    return keras.Model(inputs, logits, name="densenet")
