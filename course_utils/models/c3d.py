"""C3D: a kernel that is three frames deep.

Tran et al. 2015, "Learning Spatiotemporal Features with 3D Convolutional Networks",
arXiv:1412.0767: all kernels 3×3×3, a pooling after each block; the first pooling leaves time
alone, so that it is not folded away too early.
"""

import keras
from keras import layers

from course_utils.models.frames import check_video_classifier

# Section 3.3 of the paper, for clips of 16 frames of 112 × 112 pixels in colour.
C3D = {
    "blocks": ((64, 1), (128, 1), (256, 2), (512, 2), (512, 2)),
    "dense_widths": (4096, 4096),
    "dropout": 0.5,
    "stem_strides": (1, 1, 1),
    "batch_norm": False,
}


def build_c3d(
    input_shape: tuple[int, int, int, int] = (16, 32, 32, 1),
    num_classes: int = 10,
    *,
    blocks: tuple[tuple[int, int], ...] = ((8, 1), (24, 1), (48, 1), (64, 1)),
    dense_widths: tuple[int, ...] = (),
    dropout: float = 0.3,
    stem_strides: tuple[int, int, int] = (1, 2, 2),
    batch_norm: bool = True,
) -> keras.Model:
    """Clips ``(batch, frames, height, width, channels)`` to logits ``(batch, classes)``.

    Args:
        input_shape: frames, height, width and channels.
        num_classes: number of logits.
        blocks: (output channels, convolutions) of each block; a pooling follows each. The
            first block's does not pool over time.
        dense_widths: neurons of the dense layers before the logits.
        dropout: fraction dropped before each dense layer in training.
        stem_strides: steps of the first convolution; more than 1 saves most of the arithmetic,
            and then no pooling follows the first block.
        batch_norm: normalize after every convolution (not in the paper, which is older).

    Raises:
        ValueError: sizes that do not make a classifier of clips.
    """
    check_video_classifier(input_shape, num_classes, smallest=2 ** len(blocks))
    clips = keras.Input(input_shape)
    x = clips
    for i, (width, convolutions) in enumerate(blocks):
        for j in range(convolutions):
            strides = stem_strides if i == j == 0 else (1, 1, 1)
            x = layers.Conv3D(width, 3, strides, padding="same", use_bias=not batch_norm)(x)
            if batch_norm:
                x = layers.BatchNormalization(momentum=0.9)(x)
            x = layers.ReLU()(x)  # (batch, frames, height, width, channels)
        if i or stem_strides == (1, 1, 1):
            x = layers.MaxPooling3D(2 if i else (1, 2, 2), padding="same")(x)
    x = layers.Flatten()(x)
    for width in dense_widths:
        x = layers.Dense(width, activation="relu")(x)
        x = layers.Dropout(dropout)(x)
    if not dense_widths:
        x = layers.Dropout(dropout)(x)
    logits = layers.Dense(num_classes, dtype="float32")(x)
    return keras.Model(clips, logits, name="c3d")
