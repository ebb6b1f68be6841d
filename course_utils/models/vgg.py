"""VGG: nothing but 3×3 convolutions, in blocks that end with a pooling.

Simonyan and Zisserman 2015, "Very Deep Convolutional Networks for Large-Scale Image
Recognition", arXiv:1409.1556: two 3×3 convolutions see as far as one of 5×5, with fewer
weights and one more rectifier. Table 1 of the paper; the default is a small one of its kind.
"""

import keras
from keras import layers

from course_utils.models.inputs import check_image_classifier

# Configuration D of the paper, for 224×224×3 pixels and 1,000 classes: 138,357,544 parameters.
VGG16 = {
    "blocks": ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3)),
    "dense_width": 4096,
    "dropout": 0.5,
    "batch_norm": False,
}


def build_vgg(
    input_shape: tuple[int, int, int] = (28, 28, 1),
    num_classes: int = 10,
    *,
    blocks: tuple[tuple[int, int], ...] = ((16, 2), (32, 2), (64, 2)),
    dense_width: int = 128,
    dropout: float = 0.3,
    batch_norm: bool = True,
) -> keras.Model:
    """Images ``(batch, height, width, channels)`` to logits ``(batch, classes)``.

    Args:
        input_shape: height, width and channels; both sides are halved once a block.
        num_classes: number of logits.
        blocks: (output channels, convolutions) of each block.
        dense_width: neurons of the two dense layers.
        dropout: fraction of their outputs dropped in training.
        batch_norm: normalize after every convolution (not in the paper, which is older).

    Raises:
        ValueError: sizes that do not make a classifier of images.
    """
    check_image_classifier(input_shape, num_classes, smallest=2 ** len(blocks))
    inputs = keras.Input(input_shape)
    x = inputs
    for width, convolutions in blocks:
        for _ in range(convolutions):
            x = layers.Conv2D(width, 3, padding="same", use_bias=not batch_norm)(x)
            if batch_norm:
                x = layers.BatchNormalization(momentum=0.9)(x)
            x = layers.ReLU()(x)
        x = layers.MaxPooling2D(2)(x)
    x = layers.Flatten()(x)
    for _ in range(2):
        x = layers.Dense(dense_width, activation="relu")(x)
        x = layers.Dropout(dropout)(x)
    logits = layers.Dense(num_classes, dtype="float32")(x)
    return keras.Model(inputs, logits, name="vgg")
