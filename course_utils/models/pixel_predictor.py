"""A small model of images whose loss is a likelihood: each pixel from those before it.

The chain rule makes a picture's probability a product, one factor a pixel (van den Oord et al.
2016, "Pixel Recurrent Neural Networks", arXiv:1601.06759, Eq. 1). Here a factor sees the nearest
earlier pixels only, and is a network with two hidden layers of one width: a family of models
that differ in nothing but size, for measurements of scaling.
"""

import keras
from keras import layers


def build_pixel_predictor(width: int, *, inputs: int = 73, levels: int = 8) -> keras.Model:
    """Earlier pixels and the place, uint8 ``(batch, inputs)``, to logits ``(batch, levels)``.

    Args:
        width: neurons of each of the two hidden layers; the only size that varies.
        inputs: numbers that `scaling.contexts` gives for a pixel.
        levels: grey levels to choose from.

    Raises:
        ValueError: a width below 1 or fewer than two levels.
    """
    if width < 1 or levels < 2:
        raise ValueError(
            f"width must be at least 1 and levels at least 2, not {width} and {levels}."
        )
    seen = keras.Input((inputs,), dtype="uint8", name="seen")
    x = layers.Rescaling(1 / (levels - 1))(seen)  # (batch, inputs), grey levels in [0, 1]
    for i in range(2):
        x = layers.Dense(width, activation="relu", name=f"hidden_{i}")(x)  # (batch, width)
    logits = layers.Dense(levels, dtype="float32", name="logits")(x)
    return keras.Model(seen, logits, name="pixel_predictor")
