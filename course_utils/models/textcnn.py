"""A convolutional network for sentences.

Kim 2014, "Convolutional neural networks for sentence classification" (arXiv:1408.5882): a
filter is a pattern of three, four or five neighbouring words, and the largest response over
the sentence says whether the pattern occurs, wherever it stands.

Padding must not change the answer. Here its embedding is zero and its responses are zero; a
rectified response is never below zero, so the largest one is always that of a real word.
"""

import keras
from keras import layers, ops


@keras.saving.register_keras_serializable(package="course_utils")
class HidePadding(layers.Layer):
    """Set the vectors of padding to zero.

    ``call(x, ids)`` with ``x`` ``(batch, time, width)`` and ``ids`` ``(batch, time)`` returns
    ``x`` where the id is not 0, and zeros elsewhere.
    """

    def call(self, x, ids):
        real = ops.cast(ops.not_equal(ids, 0), x.dtype)
        return x * ops.expand_dims(real, -1)  # (batch, time, width) × (batch, time, 1)


def build_textcnn(
    vocabulary_size: int = 10_000,
    sequence_length: int | None = 48,
    num_classes: int = 2,
    *,
    embedding_width: int = 128,
    widths: tuple[int, ...] = (3, 4, 5),
    filters: int = 100,
    embedding_dropout: float = 0.5,
    dropout: float = 0.5,
) -> keras.Model:
    """Word ids ``(batch, sequence_length)``, 0 for padding, to logits ``(batch, classes)``.

    Args:
        vocabulary_size: number of ids, padding included.
        sequence_length: words of a row; None accepts every length.
        num_classes: number of logits.
        embedding_width: numbers that stand for a word.
        widths: neighbouring words that a filter sees, one convolution for each.
        filters: filters of each width.
        embedding_dropout: fraction of the words' numbers dropped in training.
        dropout: fraction of the found patterns dropped in training.

    Raises:
        ValueError: no widths, or a size below the smallest that has a meaning.
    """
    smallest = {
        "vocabulary_size": (vocabulary_size, 2),
        "sequence_length": (1 if sequence_length is None else sequence_length, 1),
        "num_classes": (num_classes, 2),
        "embedding_width": (embedding_width, 1),
        "filters": (filters, 1),
        "widths": (min(widths, default=0), 1),
    }
    for name, (size, least) in smallest.items():
        if size < least:
            raise ValueError(f"{name} must be at least {least}, not {size}.")
    ids = keras.Input((sequence_length,), dtype="int32")
    x = layers.Embedding(vocabulary_size, embedding_width)(ids)
    x = layers.Dropout(embedding_dropout)(HidePadding()(x, ids))  # (batch, time, width)
    found = []
    for width in widths:
        responses = layers.Conv1D(filters, width, padding="same", activation="relu")(x)
        responses = HidePadding()(responses, ids)  # (batch, time, filters)
        found.append(layers.GlobalMaxPooling1D()(responses))  # (batch, filters)
    x = layers.Concatenate()(found) if len(found) > 1 else found[0]
    x = layers.Dropout(dropout)(x)
    logits = layers.Dense(num_classes, dtype="float32")(x)
    return keras.Model(ids, logits, name="textcnn")
