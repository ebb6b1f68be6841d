"""R(2+1)D: a residual network whose 3-D kernels are taken apart into space and time.

Tran et al. 2018, "A Closer Look at Spatiotemporal Convolutions for Action Recognition",
arXiv:1711.11248: each t×d×d convolution becomes a 1×d×d one, a rectifier and a t×1×1 one. The
channels between them are chosen so that the pair has as many weights as the whole (section
3.5); what is gained is the rectifier in the middle, and an easier optimization.
"""

import keras
from keras import layers

from course_utils.models.frames import check_video_classifier

# Table 1 of the paper: the networks of 18 layers for clips of 112 × 112 pixels in colour.
R2PLUS1D18 = {"blocks": (2, 2, 2, 2), "widths": (64, 128, 256, 512), "stem_kernel": (3, 7, 7)}
R3D18 = R2PLUS1D18 | {"factorized": False}


def middle_channels(inputs: int, outputs: int, kernel: tuple[int, int, int]) -> int:
    """Channels between the two convolutions that keep the number of weights (section 3.5).

    ``floor(t d² N_in N_out / (d² N_in + t N_out))`` for a kernel of t × d × d; at least 1.
    """
    depth, height, width = kernel
    area = height * width
    return max(1, depth * area * inputs * outputs // (area * inputs + depth * outputs))


def convolution(x, width: int, kernel: tuple[int, int, int], strides, factorized: bool):
    """A 3-D convolution without bias, or the pair of a spatial and a temporal one."""
    if not factorized:
        return layers.Conv3D(width, kernel, strides, padding="same", use_bias=False)(x)
    (depth, *area), (step, *steps) = kernel, strides
    middle = middle_channels(x.shape[-1], width, kernel)
    x = layers.Conv3D(middle, (1, *area), (1, *steps), padding="same", use_bias=False)(x)
    x = layers.ReLU()(layers.BatchNormalization(momentum=0.9)(x))
    return layers.Conv3D(width, (depth, 1, 1), (step, 1, 1), padding="same", use_bias=False)(x)


def build_r2plus1d(
    input_shape: tuple[int, int, int, int] = (16, 32, 32, 1),
    num_classes: int = 10,
    *,
    blocks: tuple[int, ...] = (1, 1, 1),
    widths: tuple[int, ...] = (8, 24, 48),
    stem_kernel: tuple[int, int, int] = (3, 5, 5),
    factorized: bool = True,
) -> keras.Model:
    """Clips ``(batch, frames, height, width, channels)`` to logits ``(batch, classes)``.

    Args:
        input_shape: frames, height, width and channels.
        num_classes: number of logits.
        blocks: residual blocks of each stage; every stage but the first halves frames, height
            and width.
        widths: channels of each stage.
        stem_kernel: of the first convolution, which halves height and width.
        factorized: False gives R3D, the same network with whole 3-D kernels.

    Raises:
        ValueError: sizes that do not make a classifier of clips, or not one width a stage.
    """
    if len(blocks) != len(widths):
        raise ValueError(f"blocks and widths need one number a stage, not {blocks} and {widths}.")
    check_video_classifier(input_shape, num_classes, smallest=2 ** len(blocks))

    def normalized(x):
        return layers.BatchNormalization(momentum=0.9)(x)

    def block(x, width, step):
        strides = (step, step, step)
        inside = convolution(x, width, (3, 3, 3), strides, factorized)
        inside = layers.ReLU()(normalized(inside))
        inside = normalized(convolution(inside, width, (3, 3, 3), (1, 1, 1), factorized))
        if step > 1 or x.shape[-1] != width:
            x = normalized(layers.Conv3D(width, 1, strides, use_bias=False)(x))
        return layers.ReLU()(layers.Add()([x, inside]))

    clips = keras.Input(input_shape)
    x = convolution(clips, widths[0], stem_kernel, (1, 2, 2), factorized)
    x = layers.ReLU()(normalized(x))  # (batch, frames, height / 2, width / 2, channels)
    for stage, (count, width) in enumerate(zip(blocks, widths, strict=True)):
        for i in range(count):
            x = block(x, width, 2 if stage and i == 0 else 1)
    x = layers.GlobalAveragePooling3D()(x)
    logits = layers.Dense(num_classes, dtype="float32")(x)
    return keras.Model(clips, logits, name="r2plus1d" if factorized else "r3d")
