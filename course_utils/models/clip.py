"""CLIP: one tower reads pictures, another sentences, and both write into one space.

Radford et al. 2021, "Learning Transferable Visual Models From Natural Language Supervision",
arXiv:2103.00020, section 2 and figure 3. Nobody names a class: of all pairs that a batch allows,
the towers learn to tell the true ones. The paper's towers are a ResNet or a vision Transformer
and a Transformer of 63 million parameters; these are small enough to train in minutes on a CPU.
"""

import math

import keras
from keras import layers, ops

from course_utils.models.attention import (
    Positions,
    ScaledEmbedding,
    TransformerBlock,
    check_sizes,
)


@keras.saving.register_keras_serializable(package="course_utils")
class ContrastiveLoss(keras.losses.Loss):
    """Symmetric InfoNCE: which caption belongs to a picture, and which picture to a caption?

    The logits are ``s[i, j] = cos(image i, caption j) / temperature``. A row is a classifier of
    picture i whose classes are the captions of the batch and whose right answer is number i:

        loss(image i)   = −log( exp s[i, i] / Σⱼ exp s[i, j] )
        loss(caption i) = −log( exp s[i, i] / Σⱼ exp s[j, i] )      a column, in the same way
        loss            = mean over i of ( loss(image i) + loss(caption i) ) / 2

    Towers that know nothing give every pair the same similarity, and the loss is log(batch).
    Where it is L, the mutual information of pictures and captions is at least log(batch) − L
    nats (van den Oord et al. 2018, arXiv:1807.03748, section 2.3): a small batch cannot show
    much. The gradient at s[i, j] is softmax − 1 on the diagonal and softmax elsewhere, so a pair
    is pushed apart the harder, the more it is mistaken for the true one.

    ``y_true`` is not looked at: the answer is on the diagonal.

    Raises:
        ValueError: the logits are not one square matrix.
    """

    def __init__(self, name="contrastive_loss", **kwargs):
        super().__init__(name=name, **kwargs)

    def call(self, y_true, y_pred):
        if len(y_pred.shape) != 2 or len(set(y_pred.shape) - {None}) > 1:
            raise ValueError(
                "The logits should be (batch, batch), a row a picture and a column its batch's "
                f"captions, not {tuple(y_pred.shape)}: give as many captions as pictures."
            )
        diagonal = ops.diagonal(y_pred)
        rows, columns = ops.logsumexp(y_pred, axis=1), ops.logsumexp(y_pred, axis=0)
        return (rows + columns) / 2 - diagonal  # (batch,)


@keras.saving.register_keras_serializable(package="course_utils")
class ScaledSimilarity(layers.Layer):
    """Cosines of all pairs over a temperature: two ``(batch, width)`` to ``(batch, batch)``.

    Both inputs must have length 1. What is learned is log(1 / temperature), which may take any
    value; after every step it is cut off where the temperature would fall below ``least``
    (section 2.5 of the paper: 0.01, for a stable training).

    Args:
        temperature: at the start.
        learned: whether training changes it.
        least: its lower bound.
    """

    def __init__(self, temperature: float = 0.07, learned: bool = True, least: float = 0.01, **kw):
        super().__init__(dtype="float32", **kw)
        if not 0 < least <= temperature:
            raise ValueError(
                f"temperature must be at least {least} (least) and that above 0, not {temperature}."
            )
        self.temperature, self.learned, self.least = temperature, learned, least

    def build(self, input_shape):
        self.log_scale = self.add_weight(
            shape=(),
            initializer=keras.initializers.Constant(-math.log(self.temperature)),
            constraint=lambda value: ops.minimum(value, -math.log(self.least)),
            trainable=self.learned,
            name="log_scale",
        )

    def call(self, inputs):
        images, captions = inputs
        return ops.exp(self.log_scale) * ops.matmul(images, ops.transpose(captions))

    def compute_output_shape(self, input_shape):
        return (input_shape[0][0], input_shape[1][0])

    def get_config(self):
        own = {"temperature": self.temperature, "learned": self.learned, "least": self.least}
        config = super().get_config() | own
        config.pop("dtype")  # always float32
        return config


def build_clip(
    input_shape: tuple[int, int, int] = (32, 32, 3),
    vocabulary_size: int = 3_000,
    sequence_length: int = 24,
    *,
    embedding: int = 64,
    image_widths: tuple[int, ...] = (32, 64, 96),
    text_width: int = 64,
    heads: int = 4,
    blocks: int = 1,
    positions: str = "learned",
    dropout: float = 0.1,
    shift: float = 0.08,
    temperature: float = 0.07,
    learned_temperature: bool = True,
) -> keras.Model:
    """Pictures ``(batch, height, width, channels)`` in [0, 1] and token ids
    ``(batch, sequence_length)``, 0 = padding, to logits ``(batch, batch)``.

    The towers are models of their own, ``model.get_layer("image_tower")`` and
    ``"text_tower"``; both return vectors ``(batch, embedding)`` of length 1.

    Args:
        input_shape: height, width and channels; the sides are halved once a width.
        vocabulary_size: ids lie in ``0 .. vocabulary_size - 1``.
        sequence_length: tokens of every row, padding included.
        embedding: numbers a picture or a sentence becomes.
        image_widths: channels of the convolutions of the image tower.
        text_width: numbers a token.
        heads: attention heads a block of the text tower.
        blocks: its Transformer blocks; with 0 and no positions it is a bag of words.
        positions: ``"sinusoidal"``, ``"learned"`` or ``"none"``.
        dropout: fraction dropped in the text tower and before the image embedding.
        shift: training images move by up to this fraction of their size.
        temperature: see `ScaledSimilarity`.
        learned_temperature: whether training changes it.

    Raises:
        ValueError: sizes that cannot be.
    """
    check_sizes(text_width, heads, embedding, positions)
    if vocabulary_size < 3 or sequence_length < 1:
        raise ValueError(
            "vocabulary_size must be at least 3 and sequence_length at least 1, "
            f"not {vocabulary_size} and {sequence_length}."
        )
    if len(input_shape) != 3 or min(input_shape[:2]) < 2 ** len(image_widths):
        raise ValueError(
            f"Pictures of (height, width, channels) with sides of at least "
            f"{2 ** len(image_widths)} pixels fit these image_widths, not {tuple(input_shape)}."
        )
    images = keras.Input(input_shape, name="images")
    x = images
    if shift:
        x = layers.RandomTranslation(shift, shift, fill_mode="nearest")(x)
    for width in image_widths:  # halves both sides
        x = layers.Conv2D(width, 3, padding="same", use_bias=False)(x)
        x = layers.ReLU()(layers.BatchNormalization(momentum=0.9)(x))
        x = layers.MaxPooling2D()(x)
    # Not averaged over the picture: where something is must reach the embedding.
    x = layers.Dropout(dropout)(layers.Flatten()(x))
    x = layers.UnitNormalization(dtype="float32")(layers.Dense(embedding)(x))
    image_tower = keras.Model(images, x, name="image_tower")

    tokens = keras.Input((sequence_length,), dtype="int32", name="tokens")
    x = ScaledEmbedding(vocabulary_size, text_width, mask_zero=True)(tokens)
    if positions != "none":
        x = Positions(sequence_length, positions)(x)
    x = layers.Dropout(dropout)(x)
    for _ in range(blocks):
        x = TransformerBlock(heads, 2 * text_width, dropout)(x)
    x = layers.LayerNormalization(epsilon=1e-6)(x)
    x = layers.GlobalAveragePooling1D()(x)  # the mean over the real tokens
    x = layers.UnitNormalization(dtype="float32")(layers.Dense(embedding)(x))
    text_tower = keras.Model(tokens, x, name="text_tower")

    similarity = ScaledSimilarity(temperature, learned_temperature, name="similarity")
    logits = similarity([image_tower(images), text_tower(tokens)])
    return keras.Model([images, tokens], logits, name="clip")
