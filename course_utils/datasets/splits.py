"""Seeded splits in which every class keeps its share."""

from collections.abc import Sequence

import numpy as np


def stratified(labels: np.ndarray, sizes: Sequence[int], seed: int) -> list[np.ndarray]:
    """Draw disjoint, shuffled index arrays in which every class keeps its share.

    Args:
        labels: class of every example, ``(examples,)``.
        sizes: how many examples each part gets; their sum may leave some over.
        seed: the same seed draws the same parts.

    Returns:
        One integer array a part.

    Raises:
        ValueError: the parts together are larger than the data.
    """
    if sum(sizes) > len(labels):
        raise ValueError(f"{len(labels)} examples cannot fill parts of {list(sizes)}.")
    generator = np.random.default_rng(seed)
    classes, left = np.unique(labels, return_counts=True)
    pools = [generator.permutation(np.flatnonzero(labels == label)) for label in classes]
    parts = []
    for size in sizes:
        # Shares of what is left, so that the last part of a full split fits exactly. Whole
        # numbers by largest remainder: round down, then one more where most was cut off.
        shares = size * left / left.sum()
        taken = np.floor(shares).astype(int)
        taken[np.argsort(taken - shares, kind="stable")[: size - taken.sum()]] += 1
        drawn = [pool[:count] for pool, count in zip(pools, taken, strict=True)]
        pools = [pool[count:] for pool, count in zip(pools, taken, strict=True)]
        left = left - taken
        parts.append(generator.permutation(np.concatenate(drawn)))
    return parts
