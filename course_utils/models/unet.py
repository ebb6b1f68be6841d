"""U-Net: down to see what is there, up to say where, and bridges that carry the edges across.

Ronneberger, Fischer and Brox 2015, "U-Net: Convolutional Networks for Biomedical Image
Segmentation", arXiv:1505.04597. A picture goes in and a picture comes out: one logit a class for
every pixel. Each halving doubles the channels; on the way back up every level gets, besides what
comes from below, the maps of the same size from the way down. Without these bridges
(``skips=False``) all that is known about edges has to pass through the smallest maps.
"""

import keras
from keras import layers

# The paper's Figure 1: for 572×572×1 pixels and 2 classes, maps of 388×388 and 31,030,658
# parameters in 23 convolutions.
UNET = {"width": 64, "depth": 4, "batch_norm": False, "padding": "valid"}


def build_unet(
    input_shape: tuple[int | None, int | None, int] = (96, 96, 3),
    num_classes: int = 6,
    *,
    width: int = 12,
    depth: int = 3,
    skips: bool = True,
    batch_norm: bool = True,
    padding: str = "same",
) -> keras.Model:
    """Images ``(batch, height, width, channels)`` to logits ``(batch, height, width, classes)``.

    The maps of every level can be read with ``model.get_layer(name).output``: ``down0``,
    ``down1``, ... on the way down, ``bottom``, and ``up0``, ... on the way up; level 0 has the
    picture's size.

    Args:
        input_shape: height, width and channels. With padding ``"same"`` a side may be None:
            then the model takes pictures of every side that 2**depth divides.
        num_classes: number of logits of each pixel, the background's among them.
        width: channels of level 0; every level down has twice as many.
        depth: how often both sides are halved.
        skips: join the maps of the way down to those of the way up. Without, as many maps come
            from below instead, so that all convolutions behind stay the same.
        batch_norm: normalize after every 3×3 convolution, which the paper does not.
        padding: ``"same"``, or the paper's ``"valid"``: no convolution looks beyond the
            picture, and each takes a pixel from every side of the map.

    Raises:
        ValueError: a side that cannot be halved ``depth`` times without a rest, fewer than two
            classes, or another padding.
    """
    _check(input_shape, num_classes, depth, padding)

    def convolutions(x, channels, name):
        for i in range(2):
            # Of variance 2 / inputs, the paper's section 3.
            x = layers.Conv2D(
                channels,
                3,
                padding=padding,
                use_bias=not batch_norm,
                kernel_initializer="he_normal",
            )(x)
            if batch_norm:
                x = layers.BatchNormalization(momentum=0.9)(x)
            x = layers.ReLU(name=name if i == 1 else None)(x)
        return x

    def joined(carried, x):
        if padding == "valid":  # what was carried is larger: its middle fits
            margin = (carried.shape[1] - x.shape[1]) // 2, (carried.shape[2] - x.shape[2]) // 2
            carried = layers.Cropping2D(margin)(carried)
        return layers.Concatenate()([carried, x])

    x = inputs = keras.Input(input_shape)  # (B, h, w, channels)
    carried = []
    for level in range(depth):
        x = convolutions(x, width * 2**level, f"down{level}")  # (B, h/2^level, w/2^level, ...)
        carried.append(x)
        x = layers.MaxPooling2D(2)(x)
    x = convolutions(x, width * 2**depth, "bottom")  # (B, h/2^depth, w/2^depth, width·2^depth)
    for level in reversed(range(depth)):
        channels = width * 2**level
        # Twice the side, half the channels; or as many as there are with those carried across.
        x = layers.Conv2DTranspose(channels if skips else 2 * channels, 2, strides=2)(x)
        if skips:
            x = joined(carried[level], x)
        x = convolutions(x, channels, f"up{level}")  # (B, h/2^level, w/2^level, width·2^level)
    logits = layers.Conv2D(num_classes, 1, dtype="float32")(x)  # (B, h, w, classes)
    return keras.Model(inputs, logits, name="unet" if skips else "unet_without_skips")


def _check(
    input_shape: tuple[int | None, int | None, int], num_classes: int, depth: int, padding: str
) -> None:
    if padding not in ("same", "valid"):
        raise ValueError(f'padding must be "same" or "valid", not {padding!r}.')
    if len(input_shape) != 3:
        raise ValueError(f"input_shape must be (height, width, channels), not {input_shape}.")
    if num_classes < 2:
        raise ValueError(
            f"num_classes must be at least 2, the background among them, not {num_classes}."
        )
    for side in input_shape[:2]:
        if side is None and padding == "same":
            continue
        if side is None or not _halves(side, depth, padding):
            fits = (s for s in range(side or 1, (side or 1) + 1000) if _halves(s, depth, padding))
            raise ValueError(
                f'Sides must be halved {depth} times without a rest; with padding "{padding}" '
                f"{side} cannot, the next side that can is {next(fits)}: pad the pictures to it."
            )


def _halves(side: int, depth: int, padding: str) -> bool:
    """Whether every pooling on the way down meets an even side and something is left."""
    lost = 4 if padding == "valid" else 0  # to the two 3×3 convolutions of a level
    for _ in range(depth):
        side -= lost
        if side < 2 or side % 2:
            return False
        side //= 2
    return side > lost
