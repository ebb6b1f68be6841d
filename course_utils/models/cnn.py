"""A convolutional network for small images: the article's, corrected and regularized.

The plan is LeNet's (LeCun et al. 1998): convolutions that look at small neighbourhoods with
shared weights, pooling that halves the resolution, dense layers that decide. What is new
since: rectifiers, batch normalization (Ioffe and Szegedy 2015, arXiv:1502.03167), dropout
(Srivastava et al. 2014), and random shifts of the training images.
"""

import keras
from keras import layers

from course_utils.models.inputs import check_image_classifier


def build_cnn(
    input_shape: tuple[int, int, int] = (28, 28, 1),
    num_classes: int = 10,
    *,
    widths: tuple[int, ...] = (32, 64, 64),
    dense_width: int = 128,
    dropout: float = 0.4,
    batch_norm: bool = True,
    shift: float = 0.07,
    flip: bool = False,
) -> keras.Model:
    """Images ``(batch, height, width, channels)`` in [0, 1] to logits ``(batch, classes)``.

    Args:
        input_shape: height, width and channels; both sides are halved once a stage.
        num_classes: number of logits.
        widths: output channels of each stage; a stage is a convolution and a pooling.
        dense_width: neurons of the dense layer before the logits.
        dropout: fraction of that layer's inputs dropped in training.
        batch_norm: normalize after every convolution.
        shift: training images move by up to this fraction of their size.
        flip: training images are mirrored left to right half of the time (clothes may be,
            digits may not).

    Raises:
        ValueError: not (height, width, channels), or an image too small for the stages.
    """
    check_image_classifier(input_shape, num_classes, smallest=2 ** len(widths))
    inputs = keras.Input(input_shape)
    x = inputs
    if flip:
        x = layers.RandomFlip("horizontal")(x)
    if shift:
        x = layers.RandomTranslation(shift, shift, fill_mode="constant")(x)
    for width in widths:
        x = layers.Conv2D(width, 3, padding="same", use_bias=not batch_norm)(x)
        if batch_norm:
            # Keras's momentum of 0.99 has not converged after the few hundred steps we take.
            x = layers.BatchNormalization(momentum=0.9)(x)
        x = layers.ReLU()(x)
        x = layers.MaxPooling2D()(x)  # half the height and width: 28, 14, 7, 3
    x = layers.Flatten()(x)
    x = layers.Dense(dense_width, activation="relu")(x)
    x = layers.Dropout(dropout)(x)
    logits = layers.Dense(num_classes, dtype="float32")(x)
    return keras.Model(inputs, logits, name="cnn")
