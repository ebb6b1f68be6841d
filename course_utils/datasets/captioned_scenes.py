"""Scenes with captions: two coloured things on a plain ground, and a sentence that is true.

"a red 7 left of a green shoe on white": every word can be checked, because the scene was made
from them. Some colours never meet some things in training (`unseen`), which asks whether a model
has learnt words or pairs; and every caption has false ones made of the very same words.
"""

from dataclasses import dataclass

import numpy as np

CAPTION_COLOURS = {
    "red": (0.90, 0.12, 0.12),
    "orange": (1.00, 0.55, 0.05),
    "yellow": (0.93, 0.88, 0.10),
    "green": (0.12, 0.65, 0.20),
    "blue": (0.12, 0.30, 0.95),
    "purple": (0.60, 0.12, 0.80),
}
CAPTION_THINGS = (*"0123456789", "dress", "shoe", "bag")
CAPTION_RELATIONS = ("left of", "right of", "above", "below")
CAPTION_GROUNDS = {"black": 0.04, "grey": 0.45, "white": 0.97}
SIZE, GLYPH = 32, 14

_COLOUR_NAMES, _GROUND_NAMES = tuple(CAPTION_COLOURS), tuple(CAPTION_GROUNDS)
_SPLITS = ("train", "validation", "test")
# Labels of Fashion-MNIST that are a dress, a shoe and a bag.
_GARMENTS = {"dress": (3,), "shoe": (5, 7, 9), "bag": (8,)}


@dataclass(frozen=True, eq=False, repr=False)
class CaptionedScenes:
    """Pictures and sentences; ``n`` scenes.

    Attributes:
        images: float32 in [0, 1], ``(n, 32, 32, 3)``.
        captions: ``(n,)`` arrays of ``str``: what is true.
        swapped: the same words with the two things exchanged ("a green 3 left of a red 7"):
            false.
        rebound: the same words with the two colours exchanged ("a green 7 left of a red 3"):
            false.
        colours: int32 ``(n, 2)``, of the first and the second thing of the caption.
        things: int32 ``(n, 2)``, index into `CAPTION_THINGS`.
    """

    images: np.ndarray
    captions: np.ndarray
    swapped: np.ndarray
    rebound: np.ndarray
    colours: np.ndarray
    things: np.ndarray

    def __repr__(self) -> str:
        return f"CaptionedScenes({self.images.shape} {self.images.dtype})"


def unseen(colour: int, thing: int) -> bool:
    """Whether this colour never meets this thing in training: a fifth of all pairs."""
    return (2 * colour + thing) % 5 == 0


def captioned_scenes(
    split: str, count: int, *, pairs: str = "seen", twins: bool = False, seed: int = 0
) -> CaptionedScenes:
    """Compose scenes of two things that differ in colour and in kind.

    Digits and garments come from the same split of MNIST and Fashion-MNIST, half their size.
    Of the two true sentences ("a left of b", "b right of a") one is drawn.

    Args:
        split: ``"train"``, ``"validation"`` or ``"test"``.
        count: number of scenes.
        pairs: ``"seen"``: only pairs of colour and thing that training shows; ``"unseen"``:
            both pairs are among those that it never shows (see `unseen`).
        twins: scenes 2i and 2i + 1 show the same two kinds of thing in exchanged places, so
            that only the order of the words tells their captions apart.
        seed: the same seed makes the same scenes.

    Raises:
        ValueError: an unknown split or pairs, training on unseen pairs, or a count below 1 or,
            for twins, odd.
    """
    if split not in _SPLITS or pairs not in ("seen", "unseen"):
        raise ValueError(
            f"split must be one of {', '.join(_SPLITS)} and pairs seen or unseen, "
            f"not {split!r} and {pairs!r}."
        )
    if split == "train" and pairs == "unseen":
        raise ValueError("Scenes of unseen pairs are for validation and test, not for training.")
    if count < 1 or (twins and count % 2):
        raise ValueError(f"count must be at least 1, and even for twins, not {count}.")
    glyphs = _glyphs(split)
    rng = np.random.default_rng((seed, _SPLITS.index(split), ("seen", "unseen").index(pairs)))
    allowed = np.array(
        [
            (colour, thing)
            for colour in range(len(CAPTION_COLOURS))
            for thing in range(len(CAPTION_THINGS))
            if unseen(colour, thing) == (pairs == "unseen")
        ]
    )
    images, sentences, colours, things = [], [], [], []
    for _ in range(count // 2 if twins else count):
        first, second = _two(rng, allowed)
        relation = CAPTION_RELATIONS[rng.integers(len(CAPTION_RELATIONS))]
        ground = _GROUND_NAMES[rng.integers(len(_GROUND_NAMES))]
        for a, b in ((first, second), (second, first))[: 2 if twins else 1]:
            images.append(_paint(rng, glyphs, a, b, relation, ground))
            sentences.append(_sentences(a, b, relation, ground))
            colours.append((a[0], b[0]))
            things.append((a[1], b[1]))
    captions, swapped, rebound = (np.array(some) for some in zip(*sentences, strict=True))
    return CaptionedScenes(
        np.stack(images),
        captions,
        swapped,
        rebound,
        np.array(colours, np.int32),
        np.array(things, np.int32),
    )


def _two(rng: np.random.Generator, allowed: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    while True:
        first, second = allowed[rng.integers(len(allowed), size=2)]
        if (first != second).all():
            return first, second


def _sentences(first, second, relation: str, ground: str) -> tuple[str, str, str]:
    def sentence(a, b, c, d):
        article = {True: "an", False: "a"}
        one, two = _COLOUR_NAMES[a], _COLOUR_NAMES[c]
        return (
            f"{article[one == 'orange']} {one} {CAPTION_THINGS[b]} {relation} "
            f"{article[two == 'orange']} {two} {CAPTION_THINGS[d]} on {ground}"
        )

    true = sentence(*first, *second)
    return true, sentence(*second, *first), sentence(second[0], first[1], first[0], second[1])


def _paint(rng, glyphs, first, second, relation: str, ground: str) -> np.ndarray:
    image = np.full((SIZE, SIZE, 3), CAPTION_GROUNDS[ground], np.float32)
    # Along the relation the things stand apart, across it they are nearly level.
    near = rng.integers(0, 3)
    far = rng.integers(SIZE // 2, SIZE - GLYPH + 1)
    level = rng.integers(2, SIZE - GLYPH - 1)
    level = np.clip(level + rng.integers(-3, 4, size=2), 0, SIZE - GLYPH)
    along = (near, far) if relation in ("left of", "above") else (far, near)
    for (colour, thing), place, across in zip((first, second), along, level, strict=True):
        top, left = (across, place) if relation in ("left of", "right of") else (place, across)
        some = glyphs[thing]
        ink = some[rng.integers(len(some))][..., np.newaxis]
        tint = np.array(tuple(CAPTION_COLOURS.values())[colour]) + rng.uniform(-0.05, 0.05, 3)
        part = image[top : top + GLYPH, left : left + GLYPH]
        part += ink * (np.clip(tint, 0, 1) - part)
    return image


def _glyphs(split: str) -> list[np.ndarray]:
    """For every thing, its pictures of half their size: how much ink, ``(n, 14, 14)``."""
    from course_utils.datasets import load

    digits, labels = getattr(load("mnist"), split)
    garments, kinds = getattr(load("fashion_mnist"), split)
    found = [digits[labels == digit] for digit in range(10)]
    found += [garments[np.isin(kinds, _GARMENTS[name])] for name in CAPTION_THINGS[10:]]
    halves = [x.reshape(-1, GLYPH, 2, GLYPH, 2).mean((2, 4)) for x in found]
    return [np.minimum(1.5 * x, 1).astype(np.float32) for x in halves]
