"""Sentences with a label, and their way into numbers."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from course_utils.datasets.dataset import Dataset, Split
from course_utils.datasets.registry import Card, verified

PADDING, UNKNOWN = 0, 1

# Letters and digits of any script, joined by inner apostrophes: "it's" is one word.
_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)*")


def packaged(card: Card) -> Dataset:
    """The sentences that ship with the course."""
    (file,) = card.files
    _, *lines = verified(card, file).read_text(encoding="utf-8").rstrip("\n").split("\n")
    sentences: dict[str, list[str]] = {name: [] for name in card.splits}
    labels: dict[str, list[bool]] = {name: [] for name in card.splits}
    for line in lines:
        split, rating, sentence = line.split("\t")
        sentences[split].append(sentence)
        labels[split].append(float(rating) > 0)
    splits = {
        name: (np.array(sentences[name]), np.array(labels[name], np.int32)) for name in card.splits
    }
    return Dataset(card.name, class_names=card.class_names, card=card, **splits)


def words(sentence: str) -> list[str]:
    """Split a sentence into lower-case words; punctuation is dropped, inner apostrophes stay.

    >>> words("It's NOT a bad film.")
    ["it's", 'not', 'a', 'bad', 'film']
    """
    return _WORD.findall(sentence.lower())


def tokenize(
    data: Dataset, *, vocabulary_size: int = 10_000, sequence_length: int = 48
) -> tuple[Dataset, tuple[str, ...]]:
    """Turn every sentence into a row of word numbers.

    The vocabulary is made from the training split alone, most frequent word first, equal
    counts in alphabetical order. Id 0 is padding, at the end of a row (what
    ``Embedding(mask_zero=True)`` expects), and id 1 is any word outside the vocabulary.

    Args:
        data: a text data set, as `load` returns it.
        vocabulary_size: largest number of ids, padding and unknown included.
        sequence_length: words kept of a sentence, from its beginning.

    Returns:
        The same data set with int32 ids of shape ``(examples, sequence_length)``, and the
        vocabulary: the word of every id.

    Raises:
        ValueError: not a text data set, or a size too small to hold anything.
    """
    for split in (data.train, data.validation, data.test):
        if split[0].ndim != 1 or split[0].dtype.kind != "U":
            raise ValueError(
                f"tokenize needs sentences of shape (examples,), "
                f"not {split[0].dtype} of shape {split[0].shape}."
            )
    if vocabulary_size < 3 or sequence_length < 1:
        raise ValueError(
            f"vocabulary_size must be at least 3 and sequence_length at least 1, "
            f"not {vocabulary_size} and {sequence_length}."
        )
    counts = Counter(word for sentence in data.train[0] for word in words(sentence))
    ranked = sorted(counts, key=lambda word: (-counts[word], word))
    vocabulary = ("<padding>", "<unknown>", *ranked[: vocabulary_size - 2])

    def encoded(split: Split) -> Split:
        x, y = split
        return encode(x, vocabulary, sequence_length), y.copy()

    tokenized = replace(
        data,
        train=encoded(data.train),
        validation=encoded(data.validation),
        test=encoded(data.test),
    )
    return tokenized, vocabulary


def encode(sentences: Iterable[str], vocabulary: Sequence[str], sequence_length: int) -> np.ndarray:
    """Word numbers of new sentences, as `tokenize` makes them: int32 ``(examples, length)``.

    A sentence without a single word gets one unknown, so that no row is padding only: a
    masked layer would have nothing to look at.
    """
    number = {word: i for i, word in enumerate(vocabulary)}
    rows = [
        [number.get(word, UNKNOWN) for word in words(sentence)[:sequence_length]] or [UNKNOWN]
        for sentence in sentences
    ]
    ids = np.full((len(rows), sequence_length), PADDING, np.int32)
    for i, row in enumerate(rows):
        ids[i, : len(row)] = row
    return ids
