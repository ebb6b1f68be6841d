"""A policy from pixels: a few frames in, a push out.

Mnih et al. 2015, "Human-level control through deep reinforcement learning", Nature 518,
doi:10.1038/nature14236: convolutions with strides and no pooling, so that *where* something is
stays in the features, over a stack of the last frames, because one frame does not move. Narrower
here, as the pictures are small and grey.
"""

import keras
from keras import layers


def build_policy(
    input_shape: tuple[int, int, int] = (32, 120, 2),
    num_outputs: int = 1,
    *,
    widths: tuple[int, ...] = (16, 32, 32),
    dense_width: int = 64,
    shift: float = 0.0,
    brightness: float = 0.0,
) -> keras.Model:
    """Stacks of frames ``(batch, height, width, frames)``, 0..255, to ``(batch, num_outputs)``.

    Args:
        input_shape: height, width and frames in a stack.
        num_outputs: numbers to say: one for a push (its sign is the direction), or several.
        widths: channels of the convolutions; each halves the size.
        dense_width: units of the hidden dense layer.
        shift: in training, move the stack by up to this fraction of its size, the same for all
            its frames (Kostrikov et al. 2021, arXiv:2004.13649).
        brightness: in training, make the stack darker or brighter by up to this share of 255,
            and its contrast smaller or larger.

    Raises:
        ValueError: sizes that leave nothing to look at.
    """
    smallest = 2 ** len(widths)
    if len(input_shape) != 3 or min(input_shape) < 1 or min(input_shape[:2]) < smallest:
        raise ValueError(
            f"input_shape must be (height, width, frames) of at least {smallest}×{smallest} "
            f"pixels, not {tuple(input_shape)}."
        )
    if num_outputs < 1:
        raise ValueError(f"num_outputs must be at least 1, not {num_outputs}.")

    inputs = keras.Input(input_shape)
    x = layers.Rescaling(-1 / 255, offset=1.0)(inputs)  # white paper is 0, ink is 1
    if shift:
        x = layers.RandomTranslation(shift, shift, fill_mode="nearest")(x)
    if brightness:
        x = layers.RandomBrightness(brightness, value_range=(0, 1))(x)
        x = layers.RandomContrast(brightness, value_range=(0, 1))(x)
    for i, width in enumerate(widths):
        x = layers.Conv2D(width, 5 if i == 0 else 3, 2, padding="same", activation="relu")(x)
    x = layers.Dense(dense_width, activation="relu")(layers.Flatten()(x))
    outputs = layers.Dense(num_outputs, dtype="float32")(x)
    return keras.Model(inputs, outputs, name="policy")
