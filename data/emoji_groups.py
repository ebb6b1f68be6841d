"""Which emoji are drawings of one thing, and a split that never parts them.

A man, a woman and a person at the same work are three names and almost one picture, and so are
twelve clock faces or a heart in nine colours. Were one of them trained on and another tested,
the test would ask what has been shown.
"""

import re

import numpy as np

from course_utils.datasets.splits import stratified

# What may differ in name between two drawings of one thing.
_GENDER = {
    "adult", "boy", "boys", "child", "children", "father", "girl", "girls", "he", "king", "man",
    "man’s", "men", "mother", "mrs", "mx", "people", "person", "prince", "princess", "queen",
    "she", "woman", "woman’s", "women",
}  # fmt: skip
_COLOUR = {
    "black", "blue", "brown", "green", "grey", "light", "orange", "pink", "purple", "red", "white",
    "yellow",
}  # fmt: skip
_SIZE = {"large", "medium", "medium-small", "small"}
_FAMILIES = {
    "arrow": "arrow",
    "family": "family",
    "geometric": "shape",
    "keycap": "keycap",
}
_SERIES = (
    (re.compile(r"o’clock$|-thirty$"), "clock face"),
    (re.compile(r"\bmoon\b|moon face"), "moon"),
    (re.compile(r"\bheart\b"), "heart"),
    (re.compile(r"^(Santa|Mrs\. Claus|Mx Claus)"), "claus"),
    (re.compile(r"^mer(maid|man|person)$"), "mer"),
    (re.compile(r"^couple with|^kiss(:|$)"), "couple"),
    (re.compile(r"holding hands$"), "holding hands"),
)
# Drawings of one subcategory that differ less than this (root mean square over 32×32 pixels,
# white to black is 1) are one thing whatever their names say.
_ALIKE = 0.08


def group_name(name: str, subcategory: str) -> str:
    """What is left of a name without gender, colour, size, direction and series number."""
    if subcategory in _FAMILIES:
        return _FAMILIES[subcategory]
    for pattern, series in _SERIES:
        if pattern.search(name):
            return series
    base = re.sub(r": facing right$|^(wo)?man: |^person: |: (wo)?man$", "", name)
    words = [w for w in base.split() if w.strip(":,.").lower() not in _GENDER | _COLOUR | _SIZE]
    return " ".join(words) or subcategory


def groups(names: list[str], subcategories: list[str], x: np.ndarray) -> np.ndarray:
    """A group number for every drawing: equal base name, or almost equal pixels.

    Args:
        names: of the emoji.
        subcategories: theirs in Unicode; only drawings of one are compared.
        x: uint8 ``(emoji, height, width, 3)``.
    """
    keys = [group_name(*pair) for pair in zip(names, subcategories, strict=True)]
    numbers = np.unique(keys, return_inverse=True)[1]
    flat = x.reshape(len(x), -1).astype(np.float32) / 255
    kinds = np.array(subcategories)
    for i in range(len(x)):
        others = i + 1 + np.flatnonzero(kinds[i + 1 :] == kinds[i])
        distance = np.sqrt(np.mean((flat[others] - flat[i]) ** 2, axis=1))
        for j in others[distance < _ALIKE]:
            numbers[numbers == numbers[j]] = numbers[i]
    return np.unique(numbers, return_inverse=True)[1]


def grouped_split(
    labels: np.ndarray, group: np.ndarray, sizes: tuple[int, int, int], seed: int
) -> list[np.ndarray]:
    """Train, validation and test, every class with its share and every group in one part.

    Groups come in a random order; each goes to validation if that still lacks as many of every
    class, else to test, else to train. So the largest groups end up in train.

    Raises:
        ValueError: a part cannot be filled exactly.
    """
    order = np.random.default_rng(seed).permutation(group.max() + 1)
    wanted = [np.bincount(labels[part]) for part in stratified(labels, sizes, seed)]
    parts: list[list[int]] = [[], [], []]
    for number in order:
        members = np.flatnonzero(group == number)
        count = np.bincount(labels[members], minlength=len(wanted[0]))
        part = next(p for p in (1, 2, 0) if p == 0 or (count <= wanted[p]).all())
        wanted[part] = wanted[part] - count
        parts[part].extend(members)
    if any(left.any() for left in wanted):
        raise ValueError(f"The groups do not fill parts of {sizes} exactly: left are {wanted}.")
    shuffle = np.random.default_rng(seed)
    return [shuffle.permutation(part) for part in parts]
