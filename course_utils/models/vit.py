"""A vision Transformer: an image is a sentence, its words are patches.

Dosovitskiy et al. 2021, "An Image is Worth 16x16 Words", arXiv:2010.11929: cut the image into
squares, map each to a vector with one dense layer, put a learned class token in front, add
positions, and read the answer off the class token after the last block. (The paper's hidden
neurons are GELUs; the rectifiers here cost half as much on a CPU.)
"""

import keras
from keras import layers, ops

from course_utils.models.attention import Positions, TransformerBlock, check_sizes

POOLINGS = ("class", "mean")


@keras.saving.register_keras_serializable(package="course_utils")
class Patches(layers.Layer):
    """Cuts ``(batch, height, width, channels)`` into squares ``(batch, patches, size²·channels)``.

    Row by row from the top left, as we read; nothing is computed, only moved.

    Args:
        size: pixels of a patch's side.

    Raises:
        ValueError: a side of the image is not divisible by ``size``.
    """

    def __init__(self, size: int, **kwargs):
        super().__init__(**kwargs)
        self.size = size

    def build(self, input_shape):
        _check_image(input_shape[1:], self.size)

    def call(self, images):
        _, height, width, channels = images.shape
        rows, columns, size = height // self.size, width // self.size, self.size
        x = ops.reshape(images, (-1, rows, size, columns, size, channels))
        x = ops.transpose(x, (0, 1, 3, 2, 4, 5))  # (batch, rows, columns, size, size, channels)
        return ops.reshape(x, (-1, rows * columns, size * size * channels))

    def get_config(self):
        return super().get_config() | {"size": self.size}


@keras.saving.register_keras_serializable(package="course_utils")
class ClassToken(layers.Layer):
    """Puts one learned token in front: ``(batch, time, width)`` to ``(batch, time + 1, width)``."""

    def build(self, input_shape):
        self.token = self.add_weight(
            shape=(1, 1, input_shape[-1]),
            initializer=keras.initializers.RandomNormal(stddev=0.02),
            name="token",
        )

    def call(self, x):
        token = ops.cast(self.token, x.dtype)
        token = ops.broadcast_to(token, (ops.shape(x)[0], 1, x.shape[-1]))
        return ops.concatenate([token, x], axis=1)


def build_vit(
    input_shape: tuple[int, int, int] = (28, 28, 1),
    num_classes: int = 10,
    *,
    patch_size: int = 7,
    width: int = 64,
    heads: int = 4,
    blocks: int = 3,
    mlp_width: int = 256,
    dropout: float = 0.0,
    positions: str = "sinusoidal",
    pooling: str = "class",
    shift: float = 0.05,
) -> keras.Model:
    """Images ``(batch, height, width, channels)`` in [0, 1] to logits ``(batch, num_classes)``.

    Args:
        input_shape: height, width and channels of an image.
        num_classes: number of logits.
        patch_size: pixels of a patch's side; divides height and width.
        width: numbers a token.
        heads: attention heads a block.
        blocks: number of blocks.
        mlp_width: hidden neurons of a block's dense layers.
        dropout: fraction dropped of what each sublayer adds.
        positions: ``"learned"`` as in the paper, ``"none"``, or ``"sinusoidal"``, which are large
            from the start and so learn sooner in a short training.
        pooling: the answer is read off the ``"class"`` token or off the ``"mean"`` token.
        shift: training images move by up to this fraction of their size.

    Raises:
        ValueError: an image that the patches do not tile, or another size that cannot be.
    """
    check_sizes(width, heads, num_classes, positions)
    _check_image(input_shape, patch_size)
    if pooling not in POOLINGS:
        raise ValueError(f"pooling must be class or mean, not {pooling!r}.")
    images = keras.Input(input_shape, name="images")
    x = images
    if shift:
        x = layers.RandomTranslation(shift, shift, fill_mode="constant")(x)
    x = Patches(patch_size, name="patches")(x)  # (batch, patches, patch_size²·channels)
    x = layers.Dense(width, name="embedding")(x)  # (batch, patches, width)
    if pooling == "class":
        x = ClassToken(name="class_token")(x)  # (batch, 1 + patches, width)
    if positions != "none":
        x = Positions(x.shape[1], positions, name="positions")(x)
    for i in range(blocks):
        x = TransformerBlock(heads, mlp_width, dropout, activation="relu", name=f"block_{i}")(x)
    x = layers.LayerNormalization(epsilon=1e-6)(x)
    if pooling == "class":
        x = layers.Cropping1D((0, x.shape[1] - 1))(x)  # the class token: (batch, 1, width)
        x = layers.Flatten()(x)
    else:
        x = layers.GlobalAveragePooling1D()(x)  # (batch, width)
    logits = layers.Dense(num_classes, dtype="float32", name="logits")(x)
    return keras.Model(images, logits, name="vit")


def _check_image(shape: tuple[int, ...], patch_size: int) -> None:
    if len(shape) != 3 or None in shape or min(shape) < 1:
        raise ValueError(f"An image must be (height, width, channels), not {tuple(shape)}.")
    if patch_size < 1 or shape[0] % patch_size or shape[1] % patch_size:
        raise ValueError(
            f"Patches of {patch_size}×{patch_size} pixels need image sides divisible by "
            f"{patch_size}, not {shape[0]}×{shape[1]}."
        )
