"""CenterNet: an object is the point in its middle, and at that point its size is read off.

Zhou, Wang and Krähenbühl 2019, "Objects as Points", arXiv:1904.07850: no anchors and no
proposals. One map a class, a quarter of the picture's side, is bright where the middle of an
object of that class lies; two more maps hold, at that cell, the size of its box and how far from
the cell's corner the middle lies exactly. The backbone here is a small residual one with an
upward path, in the place of the paper's ResNet-18 with up-convolutions: coarse maps know what is
there, fine ones where.
"""

import math

import keras
from keras import layers

# Pixels of the picture a cell of the output maps, along each side (R in the paper).
STRIDE = 4
# A cell is first taken for the middle of an object with this probability: nearly all are not.
_PRIOR = 0.1


def build_centernet(
    input_shape: tuple[int | None, int | None, int] = (None, None, 3),
    num_classes: int = 5,
    *,
    widths: tuple[int, ...] = (16, 32, 48, 64),
    head_width: int = 32,
) -> keras.Model:
    """Images ``(batch, height, width, channels)`` to a dictionary of three maps.

    With h = height / 4 and w = width / 4, all float32:

    - ``"heatmap"`` ``(batch, h, w, classes)``: logits that a middle lies in the cell;
    - ``"size"`` ``(batch, h, w, 2)``: width and height of the box, in cells;
    - ``"offset"`` ``(batch, h, w, 2)``: x and y of the middle within the cell, 0 to 1.

    Args:
        input_shape: height, width and channels; a side may be None: then the model takes
            pictures of every side that the coarsest map divides (16 pixels a cell here).
        num_classes: number of maps of middles; there is no class for the background.
        widths: channels at stride 2, 4, 8, ...; the first two make the stem.
        head_width: channels of the 3×3 convolution of each of the three heads.

    Raises:
        ValueError: sides that the coarsest map does not divide, fewer than two widths, or a
            number below 1.
    """
    _check(input_shape, num_classes, widths)

    def normalized(x, width, kernel, strides=1):
        x = layers.Conv2D(width, kernel, strides, padding="same", use_bias=False)(x)
        return layers.BatchNormalization(momentum=0.9)(x)

    def block(x, width, strides=1):
        shortcut = x
        if strides > 1 or x.shape[-1] != width:
            shortcut = normalized(x, width, 1, strides)
        x = layers.ReLU()(normalized(x, width, 3, strides))
        return layers.ReLU()(layers.Add()([shortcut, normalized(x, width, 3)]))

    def head(x, channels, bias, name):
        x = layers.Conv2D(head_width, 3, padding="same", activation="relu")(x)
        bias = keras.initializers.Constant(bias)
        return layers.Conv2D(channels, 1, bias_initializer=bias, dtype="float32", name=name)(x)

    inputs = keras.Input(input_shape)
    x = layers.ReLU()(normalized(inputs, widths[0], 3, strides=2))  # (B, H/2, W/2, 16)
    x = block(x, widths[1], strides=2)  # (B, H/4, W/4, 32)
    levels = [x]
    for width in widths[2:]:
        x = block(x, width, strides=2)  # (B, H/8, W/8, 48), then (B, H/16, W/16, 64)
        levels.append(x)
    for finer in reversed(levels[:-1]):  # the upward path
        x = layers.UpSampling2D(2)(normalized(x, finer.shape[-1], 1))
        x = block(layers.Add()([x, finer]), finer.shape[-1])
    outputs = {
        "heatmap": head(x, num_classes, math.log(_PRIOR / (1 - _PRIOR)), "heatmap"),
        "size": head(x, 2, 0.0, "size"),
        "offset": head(x, 2, 0.5, "offset"),
    }
    return keras.Model(inputs, outputs, name="centernet")


def _check(input_shape: tuple[int | None, ...], num_classes: int, widths: tuple[int, ...]) -> None:
    if len(widths) < 2 or min(widths) < 1:
        raise ValueError(f"widths must be two positive numbers or more, not {widths}.")
    if num_classes < 1:
        raise ValueError(f"num_classes must be at least 1, not {num_classes}.")
    if len(input_shape) != 3:
        raise ValueError(f"input_shape must be (height, width, channels), not {input_shape}.")
    coarsest = 2 ** len(widths)
    for side in input_shape[:2]:
        if side is not None and (side < 1 or side % coarsest):
            raise ValueError(
                f"Height and width must be multiples of {coarsest}, not "
                f"{input_shape[0]}×{input_shape[1]}: pad the pictures to the next one."
            )
