"""A sequence in, another sequence out: a GRU encoder-decoder, with and without attention.

Cho et al. 2014, "Learning Phrase Representations using RNN Encoder-Decoder for Statistical
Machine Translation", arXiv:1406.1078: one network reads the sentence into a vector, a second one
writes from that vector. Its gated unit is the GRU. Bahdanau, Cho, Bengio 2015, "Neural Machine
Translation by Jointly Learning to Align and Translate", arXiv:1409.0473: at every word the writer
looks again at all states of the reader, and a small network says where.

Left out of both papers is the maxout layer before the softmax. Padding is id 0 on both sides.
"""

import keras
import numpy as np
from keras import layers, ops

from course_utils.models.recurrent import AdditiveAttention, GRUCell


@keras.saving.register_keras_serializable(package="course_utils")
class Translator(layers.Layer):
    """Reads source ids ``(batch, source_time)``; writes logits ``(batch, time, target_words)``.

    Args:
        source_words, target_words: sizes of the two vocabularies, padding included.
        width: of the embeddings.
        units: of every state.
        attention: look at all encoder states (Bahdanau et al.) or at the last ones (Cho et al.).
    """

    def __init__(
        self,
        source_words: int,
        target_words: int,
        width: int,
        units: int,
        attention: bool,
        **kwargs,
    ):
        super().__init__(**{"dtype": "float32"} | kwargs)
        self.source_words, self.target_words = source_words, target_words
        self.width, self.units, self.attention = width, units, attention
        self.source_embedding = layers.Embedding(source_words, width, dtype="float32")
        self.target_embedding = layers.Embedding(target_words, width, dtype="float32")
        self.forward, self.backward = GRUCell(units), GRUCell(units)
        self.first_state = layers.Dense(units, activation="tanh", dtype="float32")
        self.decoder = GRUCell(units)
        self.align = AdditiveAttention(units) if attention else None
        self.readout = layers.Dense(target_words, dtype="float32")

    def build(self, *_):
        self.source_embedding.build((None, None))
        self.target_embedding.build((None, None))
        self.forward.build((None, self.width))
        self.backward.build((None, self.width))
        self.first_state.build((None, self.units))
        self.decoder.build((None, self.width + 2 * self.units))
        if self.attention:
            self.align.build((None, self.units), (None, None, 2 * self.units))
        self.readout.build((None, self.width + 3 * self.units))

    def encode(self, source):
        """What the decoder needs of a sentence: its first state, and the memory."""
        x, mask = self.source_embedding(source), source != 0  # (batch, time, width)
        empty = ops.zeros((ops.shape(source)[0], self.units))
        ahead, back, h, b = [], [], empty, empty
        for t in range(source.shape[1]):  # a padded step leaves the state as it was
            h = ops.where(mask[:, t, None], self.forward(x[:, t], h), h)
            ahead.append(h)
        for t in reversed(range(source.shape[1])):
            b = ops.where(mask[:, t, None], self.backward(x[:, t], b), b)
            back.append(b)
        states = ops.concatenate([ops.stack(ahead, 1), ops.stack(back[::-1], 1)], axis=-1)
        projected = self.align.project(states) if self.attention else None
        # Both readers have seen the whole sentence where they end.
        return self.first_state(b), (states, projected, mask, ops.concatenate([h, b], axis=-1))

    def step(self, word, state, memory):
        """The word written before ``(batch,)`` to logits, new state and attention weights."""
        states, projected, mask, last = memory
        if self.attention:
            context, weights = self.align(state, states, projected, mask)
        else:  # one vector must hold the whole sentence
            context, weights = last, ops.zeros_like(ops.cast(mask, "float32"))
        x = self.target_embedding(word)
        state = self.decoder(ops.concatenate([x, context], axis=-1), state)
        return self.readout(ops.concatenate([state, x, context], axis=-1)), state, weights

    def call(self, source, before):
        """Teacher forcing: ``before[:, t]`` is the true word before word ``t``."""
        state, memory = self.encode(source)
        logits = []
        for t in range(before.shape[1]):
            one, state, _ = self.step(before[:, t], state, memory)
            logits.append(one)
        return ops.stack(logits, axis=1)

    def greedy(self, source, start: int, steps: int):
        """Free running: every step reads the likeliest word of the step before."""
        state, memory = self.encode(source)
        word = ops.full((ops.shape(source)[0],), start, dtype="int32")
        words, looks = [], []
        for _ in range(steps):
            logits, state, weights = self.step(word, state, memory)
            word = ops.cast(ops.argmax(logits, axis=-1), "int32")
            words.append(word)
            looks.append(weights)
        return ops.stack(words, axis=1), ops.stack(looks, axis=1)

    def get_config(self):
        names = ("source_words", "target_words", "width", "units", "attention")
        return super().get_config() | {name: getattr(self, name) for name in names}


def build_translator(
    source_words: int,
    target_words: int,
    source_length: int = 18,
    target_length: int = 16,
    *,
    width: int = 32,
    units: int = 96,
    attention: bool = True,
) -> keras.Model:
    """Source ids and the true words before each word, to the logits of each word.

    The weights do not depend on the two lengths; 0 is padding on both sides.

    Args:
        source_words, target_words: sizes of the vocabularies, padding included.
        source_length, target_length: of the rows of ids.
        width: of the embeddings.
        units: of every state.
        attention: with (Bahdanau et al. 2015) or without (Cho et al. 2014).

    Raises:
        ValueError: a size below 1, or a vocabulary without two words.
    """
    if min(source_length, target_length, width, units) < 1 or min(source_words, target_words) < 2:
        raise ValueError(
            "Lengths, width and units must be at least 1 and vocabularies at least 2, not "
            f"{source_length}, {target_length}, {width}, {units}, {source_words}, {target_words}."
        )
    source = keras.Input((source_length,), dtype="int32", name="source")
    before = keras.Input((target_length,), dtype="int32", name="before")
    translator = Translator(source_words, target_words, width, units, attention, name="translator")
    return keras.Model([source, before], translator(source, before), name="seq2seq")


def words_before(target: np.ndarray, start: int = 1) -> np.ndarray:
    """The decoder's input under teacher forcing: the target moved by one, behind a start."""
    return np.concatenate([np.full_like(target[:, :1], start), target[:, :-1]], axis=1)


def translate(
    model: keras.Model, source: np.ndarray, *, start: int = 1, batch_size: int = 500
) -> tuple[np.ndarray, np.ndarray]:
    """Write greedily, each word from the model's own word before.

    Args:
        model: one that `build_translator` made.
        source: ids ``(count, source_length)``.
        start: id that begins every sentence.
        batch_size: sentences at a time.

    Returns:
        Ids, int32 ``(count, target_length)`` (what follows an end means nothing), and attention
        weights, float32 ``(count, target_length, source_length)``, zero without attention.

    Raises:
        ValueError: source ids of another shape than the model reads.
    """
    length, steps = (model.inputs[i].shape[1] for i in (0, 1))
    if source.ndim != 2 or source.shape[1] != length:
        raise ValueError(f"source must have shape (count, {length}), not {source.shape}.")
    translator = model.get_layer("translator")
    # Few and small operations: run as they are, which is quicker than tracing them first.
    parts = [
        translator.greedy(ops.convert_to_tensor(source[i : i + batch_size]), start, steps)
        for i in range(0, len(source), batch_size)
    ]
    words, looks = (np.concatenate([np.asarray(p[k]) for p in parts]) for k in (0, 1))
    return words, looks
