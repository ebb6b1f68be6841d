"""A Transformer that reads a sentence and names its class.

Vaswani et al. 2017, "Attention Is All You Need", arXiv:1706.03762, the encoder: positions are
added to the tokens *before* the first block, since attention itself is blind to order. The mean
over the real tokens, padding left out, is what the last layer classifies.
"""

import keras
from keras import layers

from course_utils.models.attention import (
    Positions,
    ScaledEmbedding,
    TransformerBlock,
    check_sizes,
)


def build_text_transformer(
    vocabulary_size: int = 10_000,
    sequence_length: int = 48,
    num_classes: int = 2,
    *,
    width: int = 64,
    heads: int = 4,
    blocks: int = 2,
    mlp_width: int = 128,
    dropout: float = 0.4,
    positions: str = "sinusoidal",
) -> keras.Model:
    """Token ids ``(batch, sequence_length)``, 0 = padding, to logits ``(batch, num_classes)``.

    Args:
        vocabulary_size: ids lie in ``0 .. vocabulary_size - 1``.
        sequence_length: tokens of every row, padding included.
        num_classes: number of logits.
        width: numbers a token.
        heads: attention heads a block.
        blocks: number of blocks.
        mlp_width: hidden neurons of a block's dense layers.
        dropout: fraction dropped after the embedding, in the blocks, and before the logits.
        positions: ``"sinusoidal"``, ``"learned"`` or ``"none"``.

    Raises:
        ValueError: a size that cannot be, or an unknown kind of positions.
    """
    check_sizes(width, heads, num_classes, positions)
    if vocabulary_size < 2 or sequence_length < 1:
        raise ValueError(
            "vocabulary_size must be at least 2 and sequence_length at least 1, "
            f"not {vocabulary_size} and {sequence_length}."
        )
    tokens = keras.Input((sequence_length,), dtype="int32", name="tokens")
    x = ScaledEmbedding(vocabulary_size, width, mask_zero=True)(tokens)  # (batch, time, width)
    if positions != "none":
        x = Positions(sequence_length, positions)(x)
    x = layers.Dropout(dropout)(x)
    for _ in range(blocks):
        x = TransformerBlock(heads, mlp_width, dropout)(x)
    x = layers.LayerNormalization(epsilon=1e-6)(x)
    x = layers.GlobalAveragePooling1D()(x)  # the mean over the real tokens: (batch, width)
    x = layers.Dropout(dropout)(x)
    logits = layers.Dense(num_classes, dtype="float32")(x)
    return keras.Model(tokens, logits, name="text_transformer")
