"""A masked autoencoder: hide most of an image, and learn by filling it in.

He et al. 2022, "Masked Autoencoders Are Scalable Vision Learners", arXiv:2111.06377, Section 3:
the encoder sees the visible patches only; a light decoder gets what the encoder made of them,
and a learned mask token in every hidden place, and predicts the hidden pixels. Which patches are
hidden comes in as an input, so that a page can choose them; `hide` draws them at random.
"""

import keras
import numpy as np
from keras import layers, ops

from course_utils.models.attention import TransformerBlock, check_sizes, sinusoids
from course_utils.models.vit import Patches


@keras.saving.register_keras_serializable(package="course_utils")
class GridPositions(layers.Layer):
    """Adds to each patch of ``(batch, rows·columns, width)`` waves of its row and of its column.

    The fixed two-dimensional sines and cosines of the paper (Appendix A.1): half of the width
    tells the row, half the column.

    Args:
        columns: patches in a row of the image.
    """

    def __init__(self, columns: int, **kwargs):
        super().__init__(**kwargs)
        self.columns = columns

    def build(self, input_shape):
        _, patches, width = input_shape
        place = np.arange(patches)
        rows = sinusoids(patches // self.columns, width // 2)[place // self.columns]
        columns = sinusoids(self.columns, width - width // 2)[place % self.columns]
        self.table = np.concatenate([rows, columns], axis=1)  # (patches, width)

    def call(self, x):
        return x + ops.cast(self.table, x.dtype)

    def get_config(self):
        return super().get_config() | {"columns": self.columns}


@keras.saving.register_keras_serializable(package="course_utils")
class Take(layers.Layer):
    """Of tokens ``(batch, time, width)`` those at ``(batch, count)`` places, in that order."""

    def call(self, tokens, places):
        return ops.take_along_axis(tokens, places[:, :, None], axis=1)


@keras.saving.register_keras_serializable(package="course_utils")
class FillWithMaskTokens(layers.Layer):
    """Visible tokens back to their places, one learned mask token in every other place.

    Takes ``(batch, visible, width)`` and the order ``(batch, patches)`` of all patches, visible
    ones first; returns ``(batch, patches, width)``, patches as they lie in the image.
    """

    def build(self, visible_shape, order_shape):
        self.token = self.add_weight(
            shape=(1, 1, visible_shape[-1]),
            initializer=keras.initializers.RandomNormal(stddev=0.02),
            name="mask_token",
        )

    def call(self, visible, order):
        hidden = order.shape[1] - visible.shape[1]
        token = ops.cast(self.token, visible.dtype)
        masks = ops.broadcast_to(token, (ops.shape(visible)[0], hidden, visible.shape[-1]))
        shuffled = ops.concatenate([visible, masks], axis=1)  # (batch, patches, width)
        back = ops.argsort(order, axis=1)  # place in the image -> place in the order
        return ops.take_along_axis(shuffled, back[:, :, None], axis=1)


def build_mae(
    input_shape: tuple[int, int, int] = (28, 28, 1),
    *,
    patch_size: int = 4,
    width: int = 64,
    heads: int = 4,
    blocks: int = 3,
    mlp_width: int = 128,
    decoder_width: int = 32,
    decoder_blocks: int = 1,
    visible: int = 12,
) -> keras.Model:
    """Images in [0, 1] and an order of their patches to a prediction of every patch's pixels.

    Inputs are ``images`` ``(batch, height, width, channels)`` and ``order``, int32 ``(batch,
    patches)``: a permutation whose first ``visible`` places the encoder sees. The output is
    ``(batch, patches, patch_size²·channels)`` in float32, in the units of `patch_targets`.

    Args:
        input_shape: height, width and channels of an image.
        patch_size: pixels of a patch's side; divides height and width.
        width: numbers a token in the encoder.
        heads: attention heads a block, of encoder and decoder.
        blocks: blocks of the encoder.
        mlp_width: hidden neurons of an encoder block; the decoder's have 2 · ``decoder_width``.
        decoder_width: numbers a token in the decoder.
        decoder_blocks: blocks of the decoder.
        visible: patches that the encoder sees; 12 of 49 hides three quarters.

    Raises:
        ValueError: patches that do not tile the image, or another size that cannot be.
    """
    check_sizes(width, heads, 2, "sinusoidal")
    check_sizes(decoder_width, heads, 2, "sinusoidal")
    images = keras.Input(input_shape, name="images")
    patches = Patches(patch_size, name="patches")(images)  # (batch, patches, size²·channels)
    count, columns = patches.shape[1], input_shape[1] // patch_size
    if not 1 <= visible <= count:
        raise ValueError(f"visible must be between 1 and the {count} patches, not {visible}.")
    order = keras.Input((count,), dtype="int32", name="order")
    x = layers.Dense(width, name="embedding")(patches)
    x = GridPositions(columns, name="positions")(x)
    x = Take(name="visible")(x, order[:, :visible])  # (batch, visible, width)
    for i in range(blocks):
        x = TransformerBlock(heads, mlp_width, name=f"block_{i}")(x)
    x = layers.LayerNormalization(epsilon=1e-6, name="norm")(x)
    x = layers.Dense(decoder_width, name="decoder_embedding")(x)
    x = FillWithMaskTokens(name="filled")(x, order)  # (batch, patches, decoder_width)
    x = GridPositions(columns, name="decoder_positions")(x)
    for i in range(decoder_blocks):
        x = TransformerBlock(heads, 2 * decoder_width, name=f"decoder_block_{i}")(x)
    x = layers.LayerNormalization(epsilon=1e-6, name="decoder_norm")(x)
    pixels = layers.Dense(patches.shape[2], dtype="float32", name="pixels")(x)
    return keras.Model({"images": images, "order": order}, pixels, name="mae")


def mae_encoder(mae: keras.Model) -> keras.Model:
    """The encoder over *all* patches: images to the mean token, ``(batch, width)``.

    It shares its layers with ``mae``: who trains it changes both. (The decoder is thrown away,
    Section 3; the mean token is as good as a class token, Appendix A.1.)
    """
    x = mae.get_layer("positions").output
    blocks = sum(layer.name.startswith("block_") for layer in mae.layers)
    for name in [*(f"block_{i}" for i in range(blocks)), "norm"]:
        x = mae.get_layer(name)(x)
    features = layers.GlobalAveragePooling1D(dtype="float32", name="features")(x)
    return keras.Model(mae.input["images"], features, name="mae_encoder")


def mae_classifier(mae: keras.Model, num_classes: int = 10) -> keras.Model:
    """`mae_encoder` with a new last layer that starts at zero: images to logits, for `fit`."""
    encoder = mae_encoder(mae)
    logits = layers.Dense(num_classes, kernel_initializer="zeros", dtype="float32", name="logits")(
        encoder.output
    )
    return keras.Model(encoder.input, logits, name="mae_classifier")
