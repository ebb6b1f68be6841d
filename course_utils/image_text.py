"""Asking a model with an image and a text tower: words to numbers, retrieval, prompts."""

import difflib
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from course_utils.datasets.text import encode, words

if TYPE_CHECKING:
    import keras


class Recall(NamedTuple):
    """A share of queries, and the 95 % bootstrap interval over queries."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.1%} [{self.low:.1%}, {self.high:.1%}]"


def vocabulary_of(captions: Iterable[str]) -> tuple[str, ...]:
    """Every word of the captions, most frequent first, after padding and unknown."""
    counts = Counter(word for caption in captions for word in words(caption))
    ranked = sorted(counts, key=lambda word: (-counts[word], word))
    return ("<padding>", "<unknown>", *ranked)


def tokens(
    captions: Sequence[str], vocabulary: Sequence[str], length: int, *, unknown: str = "refuse"
) -> np.ndarray:
    """Token ids int32 ``(captions, length)``, 0 behind the last word.

    Args:
        captions: sentences; words beyond ``length`` are cut off.
        vocabulary: what `vocabulary_of` returned for the captions of the training.
        length: tokens a row.
        unknown: ``"refuse"`` a word that training never showed, or ``"mark"`` it as unknown.

    Raises:
        ValueError: a word outside the vocabulary, with the known ones closest to it in
            spelling; or a wrong ``unknown``.
    """
    if unknown not in ("refuse", "mark"):
        raise ValueError(f"unknown must be refuse or mark, not {unknown!r}.")
    if unknown == "refuse":
        known = set(vocabulary)
        for caption in captions:
            for word in words(caption):
                if word not in known:
                    close = difflib.get_close_matches(word, vocabulary[2:], n=3)
                    hint = f"; spelt alike are {', '.join(close)}" if close else ""
                    raise ValueError(
                        f"The model never saw the word {word!r} (in {str(caption)!r}){hint}: use "
                        "other words, or pass unknown='mark' to have it read as unknown."
                    )
    return encode(captions, vocabulary, length)


def embed_images(model: "keras.Model", images: np.ndarray) -> np.ndarray:
    """Unit vectors float32 ``(images, width)`` from the image tower of `build_clip`'s model."""
    return model.get_layer("image_tower").predict(images, batch_size=256, verbose=0)


def embed_texts(model: "keras.Model", ids: np.ndarray) -> np.ndarray:
    """Unit vectors float32 ``(texts, width)`` from the text tower of `build_clip`'s model."""
    return model.get_layer("text_tower").predict(ids, batch_size=256, verbose=0)


def ranks(similarities: np.ndarray) -> np.ndarray:
    """Place of the true partner in every row, 0 = first; the truth is on the diagonal.

    A tie counts against the model: one that finds all equal retrieves nothing.

    Raises:
        ValueError: not a square matrix.
    """
    similarities = np.asarray(similarities)
    if similarities.ndim != 2 or similarities.shape[0] != similarities.shape[1]:
        raise ValueError(
            f"similarities must be a square matrix, row i for query i, not {similarities.shape}."
        )
    return (similarities >= np.diagonal(similarities)[:, np.newaxis]).sum(1) - 1


def recall(places: np.ndarray, k: int, *, draws: int = 2000, seed: int = 0) -> Recall:
    """Recall at k: the share of queries with the partner among the first ``k``.

    Args:
        places: what `ranks` returned.
        k: how many are looked at.
        draws: bootstrap samples of the queries (Efron 1979, percentile interval).
        seed: of the draws.

    Raises:
        ValueError: k is below 1.
    """
    if k < 1:
        raise ValueError(f"k must be at least 1, not {k}.")
    return share(np.asarray(places) < k, draws=draws, seed=seed)


def share(hits: np.ndarray, *, draws: int = 2000, seed: int = 0) -> Recall:
    """Share of True with its bootstrap interval: of independent, equal cases it is binomial."""
    hits = np.asarray(hits, bool)
    drawn = np.random.default_rng(seed).binomial(len(hits), hits.mean(), draws) / len(hits)
    low, high = np.quantile(drawn, (0.025, 0.975))
    return Recall(float(hits.mean()), float(low), float(high))


def prompt_embeddings(
    model: "keras.Model", prompts: Sequence[Sequence[str]], vocabulary: Sequence[str], length: int
) -> np.ndarray:
    """A zero-shot classifier ``(classes, width)``: one direction a class, from words alone.

    Where a class has several prompts, their embeddings are averaged and brought back to
    length 1 (the "ensemble in embedding space" of Radford et al. 2021, section 3.1.4).

    Raises:
        ValueError: a class without a prompt, or a word outside the vocabulary.
    """
    if not all(len(some) for some in prompts):
        raise ValueError("Every class needs at least one prompt.")
    means = np.stack(
        [embed_texts(model, tokens(some, vocabulary, length)).mean(0) for some in prompts]
    )
    return means / np.linalg.norm(means, axis=1, keepdims=True)
