"""The parts of a Transformer: scaled embedding, positions, block.

Vaswani et al. 2017, "Attention Is All You Need", arXiv:1706.03762: every token looks at every
other token and takes what it needs. The normalization stands before each sublayer (Xiong et al.
2020, arXiv:2002.04745), which trains without a long warm-up.
"""

import math

import keras
import numpy as np
from keras import layers, ops

POSITIONS = ("sinusoidal", "learned", "none")


def sinusoids(length: int, width: int) -> np.ndarray:
    """Sine and cosine of every position at wavelengths from 2π to 10,000·2π: ``(length, width)``.

    Column 2i holds ``sin(position / 10000^(2i/width))``, column 2i+1 the cosine.
    """
    even = np.arange(width) // 2 * 2
    angle = np.arange(length)[:, None] / 10_000.0 ** (even / width)  # (length, width)
    return np.where(np.arange(width) % 2 == 0, np.sin(angle), np.cos(angle)).astype(np.float32)


@keras.saving.register_keras_serializable(package="course_utils")
class ScaledEmbedding(layers.Embedding):
    """Token ids ``(batch, time)`` to vectors ``(batch, time, width)``, multiplied by √width.

    Without the factor the positions, of size 1, would drown the small initial embeddings.
    """

    def call(self, inputs):
        return super().call(inputs) * math.sqrt(self.output_dim)


@keras.saving.register_keras_serializable(package="course_utils")
class Positions(layers.Layer):
    """Adds to every token of ``(batch, time, width)`` a vector that says where it stands.

    Args:
        max_length: longest sequence; a longer one is refused.
        kind: ``"sinusoidal"``, fixed waves, or ``"learned"``, a table of weights.

    Raises:
        ValueError: unknown kind, or a sequence longer than ``max_length``.
    """

    def __init__(self, max_length: int, kind: str = "sinusoidal", **kwargs):
        super().__init__(**kwargs)
        if kind not in POSITIONS[:2]:
            raise ValueError(f"kind must be sinusoidal or learned, not {kind!r}.")
        self.max_length, self.kind = max_length, kind
        self.supports_masking = True

    def build(self, input_shape):
        _, time, width = input_shape
        self._check_length(time)
        if self.kind == "learned":
            self.table = self.add_weight(
                shape=(self.max_length, width),
                initializer=keras.initializers.RandomNormal(stddev=0.02),
                name="table",
            )
        else:
            self.table = sinusoids(self.max_length, width)

    def call(self, x):
        time = x.shape[1]
        self._check_length(time)
        return x + ops.cast(self.table[:time], x.dtype)  # (batch, time, width)

    def _check_length(self, time):
        if time is None or time > self.max_length:
            raise ValueError(
                f"There are positions for at most {self.max_length} tokens, "
                f"but the sequence has {'no fixed number' if time is None else time}."
            )

    def get_config(self):
        return super().get_config() | {"max_length": self.max_length, "kind": self.kind}


@keras.saving.register_keras_serializable(package="course_utils")
class TransformerBlock(layers.Layer):
    """``x + attention(norm(x))``, then ``x + mlp(norm(x))``: ``(batch, time, width)`` to the same.

    Args:
        heads: number of heads; each is ``width / heads`` wide.
        mlp_width: hidden neurons of the two dense layers applied to every token.
        dropout: fraction dropped of what each sublayer adds.
        activation: of the hidden neurons.
        causal: a token sees only itself and earlier ones.

    A Keras mask ``(batch, time)`` marks the tokens that may be looked at.

    Raises:
        ValueError: the width is not divisible by the number of heads.
    """

    def __init__(
        self,
        heads: int,
        mlp_width: int,
        dropout: float = 0.0,
        activation: str = "relu",
        causal: bool = False,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.heads, self.mlp_width, self.dropout_rate = heads, mlp_width, dropout
        self.activation, self.causal = activation, causal
        self.supports_masking = True

    def build(self, input_shape):
        batch, time, width = input_shape
        if width % self.heads:
            raise ValueError(
                f"The width must be divisible by the number of heads, not {width} by {self.heads}."
            )
        self.attention_norm = layers.LayerNormalization(epsilon=1e-6, dtype=self.dtype_policy)
        self.attention = layers.MultiHeadAttention(
            self.heads, width // self.heads, dtype=self.dtype_policy
        )
        self.mlp_norm = layers.LayerNormalization(epsilon=1e-6, dtype=self.dtype_policy)
        self.hidden = layers.Dense(
            self.mlp_width, activation=self.activation, dtype=self.dtype_policy
        )
        self.output_layer = layers.Dense(width, dtype=self.dtype_policy)
        self.dropout = layers.Dropout(self.dropout_rate, dtype=self.dtype_policy)
        self.attention_norm.build(input_shape)
        self.attention.build(input_shape, input_shape)
        self.mlp_norm.build(input_shape)
        self.hidden.build(input_shape)
        self.output_layer.build((batch, time, self.mlp_width))

    def call(self, x, mask=None, training=None):
        normal = self.attention_norm(x)
        attended = self.attention(
            normal, normal, attention_mask=_seen(mask), use_causal_mask=self.causal
        )
        x = x + self.dropout(attended, training=training)  # (batch, time, width)
        hidden = self.hidden(self.mlp_norm(x))  # (batch, time, mlp_width)
        return x + self.dropout(self.output_layer(hidden), training=training)

    def attention_scores(self, x, mask=None):
        """Who looks at whom: ``(batch, heads, time, time)``; row = looking, column = seen."""
        normal = self.attention_norm(x)
        _, scores = self.attention(
            normal,
            normal,
            attention_mask=_seen(mask),
            use_causal_mask=self.causal,
            return_attention_scores=True,
        )
        return scores

    def get_config(self):
        return super().get_config() | {
            "heads": self.heads,
            "mlp_width": self.mlp_width,
            "dropout": self.dropout_rate,
            "activation": self.activation,
            "causal": self.causal,
        }


def _seen(mask):
    """A token mask ``(batch, time)`` as one over all pairs' second member: ``(batch, 1, time)``."""
    return None if mask is None else mask[:, None, :]


def check_sizes(width: int, heads: int, num_classes: int, positions: str) -> None:
    """Refuse what no Transformer of the course can be, before anything is built."""
    if heads < 1 or width % heads:
        raise ValueError(f"width must be divisible by heads, not {width} by {heads}.")
    if num_classes < 2:
        raise ValueError(f"num_classes must be at least 2, not {num_classes}.")
    if positions not in POSITIONS:
        raise ValueError(f"positions must be one of {', '.join(POSITIONS)}, not {positions!r}.")
