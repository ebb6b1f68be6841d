"""A video Transformer: words are little boxes of space and time.

Arnab et al. 2021, "ViViT: A Video Vision Transformer", arXiv:2103.15691: tubelets are cut out
of the clip and mapped to vectors (section 3.2). Attention over all of them is dear, so their
Model 3 attends first over time and then over space; Bertasius et al. 2021, "Is Space-Time
Attention All You Need for Video Understanding?", arXiv:2102.05095, call it divided attention:
a token looks at its own place in the other frames, then at the other places of its own frame.
"""

import keras
from keras import layers, ops

from course_utils.models.attention import Positions, TransformerBlock, check_sizes
from course_utils.models.frames import check_video_classifier

ATTENTIONS = ("divided", "joint", "space")


@keras.saving.register_keras_serializable(package="course_utils")
class SpaceTimePositions(layers.Layer):
    """Adds to every token of ``(batch, time, places, width)`` a vector for when and one for where.

    Args:
        kind: ``"learned"``, two tables of weights, or ``"sinusoidal"``, fixed waves.
    """

    def __init__(self, kind: str = "learned", **kwargs):
        super().__init__(**kwargs)
        self.kind = kind

    def build(self, input_shape):
        _, time, places, width = input_shape
        self.over_time = Positions(time, self.kind, dtype=self.dtype_policy)
        self.over_places = Positions(places, self.kind, dtype=self.dtype_policy)
        self.over_time.build((None, time, width))
        self.over_places.build((None, places, width))

    def call(self, x):
        when = ops.cast(self.over_time.table, x.dtype)[:, None]  # (time, 1, width)
        where = ops.cast(self.over_places.table, x.dtype)[None]  # (1, places, width)
        return x + when + where

    def get_config(self):
        return super().get_config() | {"kind": self.kind}


@keras.saving.register_keras_serializable(package="course_utils")
class DividedBlock(layers.Layer):
    """Attention over time, then a Transformer block over space.

    ``(batch, time, places, width)`` to the same: ``x + attention(norm(x))`` of each place over
    time, then `TransformerBlock` on the places of each time step.

    Args:
        heads: number of heads; each is ``width / heads`` wide.
        mlp_width: hidden neurons of the dense layers.
        dropout: fraction dropped of what each sublayer adds.
        over_time: False leaves the first part out, and the time steps know nothing of each other.
    """

    def __init__(
        self, heads: int, mlp_width: int, dropout: float = 0.0, over_time: bool = True, **kwargs
    ):
        super().__init__(**kwargs)
        self.heads, self.mlp_width = heads, mlp_width
        self.dropout_rate, self.over_time = dropout, over_time

    def build(self, input_shape):
        _, time, places, width = input_shape
        policy = self.dtype_policy
        self.space = TransformerBlock(
            self.heads, self.mlp_width, self.dropout_rate, activation="gelu", dtype=policy
        )
        self.space.build((None, places, width))
        if self.over_time:
            self.norm = layers.LayerNormalization(epsilon=1e-6, dtype=policy)
            self.time = layers.MultiHeadAttention(self.heads, width // self.heads, dtype=policy)
            self.dropout = layers.Dropout(self.dropout_rate, dtype=policy)
            self.norm.build(input_shape)
            self.time.build((None, time, width), (None, time, width))

    def call(self, x, training=None):
        _, time, places, width = x.shape
        if self.over_time:
            x = x + self.dropout(self.attend_over_time(self.norm(x)), training=training)
        x = self.space(ops.reshape(x, (-1, places, width)), training=training)
        return ops.reshape(x, (-1, time, places, width))

    def attend_over_time(self, x):
        """Each place looks at itself at other times: ``(batch, time, places, width)``."""
        _, time, places, width = x.shape
        lines = ops.transpose(x, (0, 2, 1, 3))  # (batch, places, time, width)
        lines = ops.reshape(lines, (-1, time, width))  # a sequence for each place
        lines = ops.reshape(self.time(lines, lines), (-1, places, time, width))
        return ops.transpose(lines, (0, 2, 1, 3))

    def get_config(self):
        return super().get_config() | {
            "heads": self.heads,
            "mlp_width": self.mlp_width,
            "dropout": self.dropout_rate,
            "over_time": self.over_time,
        }


def build_vivit(
    input_shape: tuple[int, int, int, int] = (16, 32, 32, 1),
    num_classes: int = 10,
    *,
    tubelet: tuple[int, int, int] = (4, 8, 8),
    width: int = 64,
    heads: int = 4,
    blocks: int = 2,
    mlp_width: int = 128,
    dropout: float = 0.0,
    positions: str = "sinusoidal",
    attention: str = "divided",
) -> keras.Model:
    """Clips ``(batch, frames, height, width, channels)`` to logits ``(batch, classes)``.

    Args:
        input_shape: frames, height, width and channels.
        num_classes: number of logits.
        tubelet: frames, height and width of a tubelet; they divide those of the clip.
        width: numbers a token.
        heads: attention heads a block.
        blocks: number of blocks.
        mlp_width: hidden neurons of a block's dense layers.
        dropout: fraction dropped of what each sublayer adds.
        positions: one table for time and one for space: ``"learned"`` as in the paper,
            ``"sinusoidal"``, which learn sooner in a short training, or ``"none"``.
        attention: ``"divided"``, over time, then over space; ``"joint"``, over all tokens;
            ``"space"``, within each time step only.

    Raises:
        ValueError: a clip that the tubelets do not tile, or another size that cannot be.
    """
    check_video_classifier(input_shape, num_classes)
    check_sizes(width, heads, num_classes, positions)
    if attention not in ATTENTIONS:
        raise ValueError(f"attention must be one of {', '.join(ATTENTIONS)}, not {attention!r}.")
    if any(n % part for n, part in zip(input_shape, tubelet, strict=False)):
        raise ValueError(
            f"Tubelets of {tubelet} need frames, height and width divisible by these, "
            f"not {input_shape[:3]}."
        )
    time = input_shape[0] // tubelet[0]
    places = input_shape[1] // tubelet[1] * (input_shape[2] // tubelet[2])

    clips = keras.Input(input_shape, name="clips")
    # Mean 0 and variance 1 for each clip: a linear embedding would see little but brightness.
    x = layers.LayerNormalization(axis=(1, 2, 3, 4), center=False, scale=False)(clips)
    x = layers.Conv3D(width, tubelet, tubelet, name="embedding")(x)
    x = layers.Reshape((time, places, width))(x)
    if positions != "none":
        x = SpaceTimePositions(positions, name="positions")(x)
    if attention == "joint":
        x = layers.Reshape((time * places, width))(x)
    for i in range(blocks):
        if attention == "joint":
            block = TransformerBlock(heads, mlp_width, dropout, "gelu", name=f"block_{i}")
        else:
            over_time = attention == "divided"
            block = DividedBlock(heads, mlp_width, dropout, over_time, name=f"block_{i}")
        x = block(x)
    x = layers.LayerNormalization(epsilon=1e-6)(x)
    x = layers.Reshape((time * places, width))(x)
    x = layers.GlobalAveragePooling1D()(x)  # (batch, width)
    logits = layers.Dense(num_classes, dtype="float32", name="logits")(x)
    return keras.Model(clips, logits, name="vivit")
