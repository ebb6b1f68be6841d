"""Learning without an expert: the cross-entropy method, which breeds policies by their return."""

from collections.abc import Callable, Iterator

import numpy as np


def cross_entropy_method(
    score: Callable[[np.ndarray], np.ndarray],
    size: int,
    *,
    generations: int,
    population: int = 40,
    elite: int = 8,
    extra_noise: float = 0.5,
    seed: int = 0,
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Draw, keep the best, fit a Gaussian to them, draw again (Rubinstein 1999).

    Szita and Lörincz 2006 found that on its own the Gaussian narrows too early, and added noise
    that fades: here from ``extra_noise`` in the first generation to none in the last.

    Args:
        score: ``(population, size)`` parameters to ``(population,)`` scores; more is better.
        size: number of parameters.
        generations: how often.
        population: parameter vectors a generation.
        elite: how many of them the next Gaussian is fitted to.
        extra_noise: standard deviation added to every parameter's.
        seed: of the draws.

    Yields:
        After each generation the Gaussian's mean ``(size,)`` and the scores ``(population,)``.

    Raises:
        ValueError: an elite that is none.
    """
    if not 1 < elite < population:
        raise ValueError(f"elite must be within 2..{population - 1}, not {elite}.")
    rng = np.random.default_rng(seed)
    mean, deviation = np.zeros(size), np.ones(size)
    for generation in range(generations):
        drawn = mean + deviation * rng.standard_normal((population, size))
        scores = score(drawn)
        best = drawn[np.argsort(scores)[-elite:]]
        fading = extra_noise * (1 - (generation + 1) / generations)
        mean, deviation = best.mean(axis=0), best.std(axis=0) + fading
        yield mean, scores
