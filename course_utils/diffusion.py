"""Diffusion models: how noise is added, what is learned, and how noise becomes an image again.

The forward process, the loss and DDPM's sampler: Ho, Jain and Abbeel 2020, arXiv:2006.11239;
the cosine schedule: Nichol and Dhariwal 2021, arXiv:2102.09672; DDIM: Song, Meng and Ermon 2021,
arXiv:2010.02502; guidance: Ho and Salimans 2022, arXiv:2207.12598; inpainting: Lugmayr et al. 2022,
arXiv:2201.09865.

Everything follows from one array, ``alpha_bar`` of shape ``(steps,)``: the share of the image's
variance that is left after time step t, the first step being t = 0. Images lie in [−1, 1] here, as
noise does around 0; only `generate` and `inpaint` speak of [0, 1].
"""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import keras

# What a sampler asks: noisy images (batch, ...) and one time step; the noise, of their shape.
NoiseOf = Callable[[np.ndarray, int], np.ndarray]
# Rows that go through the network at once: the maps of more leave the cache of a CPU.
BATCH = 100


def linear_schedule(steps: int = 1000, first: float = 1e-4, last: float = 0.02) -> np.ndarray:
    """``alpha_bar`` ``(steps,)`` for noise that grows linearly from ``first`` to ``last``.

    Ho et al., section 4: alpha_bar is the running product of 1 − beta.

    Raises:
        ValueError: fewer than 2 steps, or rates outside 0 < first ≤ last < 1.
    """
    if steps < 2 or not 0 < first <= last < 1:
        raise ValueError(
            f"A schedule needs at least 2 steps and 0 < first ≤ last < 1, "
            f"not {steps} steps from {first} to {last}."
        )
    return np.cumprod(1 - np.linspace(first, last, steps))


def cosine_schedule(steps: int = 1000, offset: float = 0.008) -> np.ndarray:
    """``alpha_bar`` ``(steps,)`` that falls like a squared cosine (Nichol and Dhariwal, eq. 17).

    No step may take more than 0.999 of what is left (their section 3.2).

    Raises:
        ValueError: fewer than 2 steps, or a negative offset.
    """
    if steps < 2 or offset < 0:
        raise ValueError(
            f"A schedule needs at least 2 steps and an offset of at least 0, not {steps}, {offset}."
        )
    time = np.arange(steps + 1) / steps
    left = np.cos((time + offset) / (1 + offset) * np.pi / 2) ** 2
    return np.cumprod(np.maximum(left[1:] / left[:-1], 0.001))


def add_noise(x0: np.ndarray, t: Any, noise: np.ndarray, alpha_bar: np.ndarray) -> np.ndarray:
    """Noisy images x_t at once, without the steps before (Ho et al., eq. 4).

    Args:
        x0: ``(batch, ...)`` in [−1, 1].
        t: time steps, one for all or ``(batch,)``; −1 stands for before the first step.
        noise: standard normal, of the shape of ``x0``.
        alpha_bar: the schedule ``(steps,)``.

    Raises:
        ValueError: noise of another shape, or a step outside the schedule.
    """
    if np.shape(noise) != np.shape(x0):
        raise ValueError(f"The noise should have shape {np.shape(x0)}, not {np.shape(noise)}.")
    left = _level(t, alpha_bar, np.ndim(x0))
    return (np.sqrt(left) * x0 + np.sqrt(1 - left) * noise).astype(np.float32)


def predicted_image(
    x_t: np.ndarray, t: Any, noise: np.ndarray, alpha_bar: np.ndarray
) -> np.ndarray:
    """The image x_0 that ``noise`` would have turned into ``x_t``: `add_noise` solved for it.

    Ho et al., eq. 15; Song et al., eq. 9.
    """
    left = _level(t, alpha_bar, np.ndim(x_t))
    return (x_t - np.sqrt(1 - left) * noise) / np.sqrt(left)


def noisy_examples(
    x: np.ndarray, y: np.ndarray, alpha_bar: np.ndarray, rng: np.random.Generator, null: int | None
) -> tuple[tuple[np.ndarray, np.ndarray, np.ndarray], np.ndarray, np.ndarray]:
    """What the network sees, what it should answer and how much that counts.

    ``(x_t, t, label), noise, weight``: a random time step and fresh noise for each image, as in Ho
    et al.'s Algorithm 1. With the mean squared error and all weights 1 the loss is their eq. 14.
    The weights are 1 / alpha_bar: where little is left of the image, a small error of the noise is
    a large one of the image. They make it the error of v (Salimans and Ho 2022, arXiv:2202.00512,
    section 4), but for the last steps, where they are cut at 1,000.

    Args:
        x: images ``(batch, height, width, channels)`` in [0, 1].
        y: labels ``(batch,)``.
        alpha_bar: the schedule.
        rng: where time steps and noise come from.
        null: put this label in place of a tenth of the labels (Ho and Salimans, Algorithm 1);
            None keeps all.
    """
    t = rng.integers(len(alpha_bar), size=len(x))
    noise = rng.standard_normal(x.shape, dtype=np.float32)
    label = y if null is None else np.where(rng.random(len(y)) < 0.1, null, y)
    weight = 1 / np.maximum(alpha_bar[t], 0.001).reshape(-1, 1, 1)  # a row of pixels is one error
    return (add_noise(2 * x - 1, t, noise, alpha_bar), t, label), noise, weight


def noisy_batches(
    x: np.ndarray,
    y: np.ndarray,
    alpha_bar: np.ndarray,
    *,
    null: int,
    batch_size: int = 64,
    seed: int = 0,
) -> Any:
    """A ``keras.utils.PyDataset`` of `noisy_examples`: new noise and a new order every epoch.

    Its ``epoch`` counts by itself; to go on with a training, set it to the epochs that are done.
    """
    import keras

    class NoisyBatches(keras.utils.PyDataset):
        def __init__(self) -> None:
            super().__init__()
            self.epoch = 0

        def __len__(self) -> int:
            return len(x) // batch_size

        def __getitem__(self, index: int) -> tuple[Any, np.ndarray, np.ndarray]:
            order = np.random.default_rng((seed, self.epoch)).permutation(len(x))
            rows = order[index * batch_size : (index + 1) * batch_size]
            rng = np.random.default_rng((seed, self.epoch, index))
            return noisy_examples(x[rows], y[rows], alpha_bar, rng, null)

        def on_epoch_end(self) -> None:
            self.epoch += 1

    return NoisyBatches()


def compile_denoiser(
    network: "keras.Model", steps: int, *, learning_rate: float = 2e-3, averaging: float = 0.998
) -> None:
    """Adam, a short warm-up, a cosine decay; a running mean of the weights; squared error.

    ``fit`` leaves the running mean in the network at its end (Ho et al., Appendix B).

    Args:
        network: `models.build_diffusion_unet` or another of its inputs and output.
        steps: updates of the whole training.
        learning_rate: its peak.
        averaging: momentum of the running mean.
    """
    import keras

    warmup = max(1, min(200, steps // 10))
    rate = keras.optimizers.schedules.CosineDecay(
        0.0, max(1, steps - warmup), warmup_target=learning_rate, warmup_steps=warmup
    )
    optimizer = keras.optimizers.Adam(
        rate, global_clipnorm=1.0, use_ema=True, ema_momentum=averaging
    )
    network.compile(optimizer=optimizer, loss="mse")


def ddpm_step(
    x_t: np.ndarray, x0: np.ndarray, alpha_bar_t: float, alpha_bar_s: float, z: np.ndarray
) -> np.ndarray:
    """From x_t to the less noisy x_s: a draw from q(x_s | x_t, x_0) (Ho et al., eqs. 6 and 7).

    Args:
        x_t: noisy images.
        x0: the images that they are thought to come from, see `predicted_image`.
        alpha_bar_t: the schedule at t.
        alpha_bar_s: the schedule at s, the step before t or one further back.
        z: standard normal.
    """
    alpha = alpha_bar_t / alpha_bar_s
    variance = (1 - alpha_bar_s) / (1 - alpha_bar_t) * (1 - alpha)  # beta tilde
    mean = np.sqrt(alpha_bar_s) * (1 - alpha) / (1 - alpha_bar_t) * x0
    mean = mean + np.sqrt(alpha) * (1 - alpha_bar_s) / (1 - alpha_bar_t) * x_t
    return mean + np.sqrt(variance) * z


def ddim_step(
    x_t: np.ndarray,
    x0: np.ndarray,
    alpha_bar_t: float,
    alpha_bar_s: float,
    z: np.ndarray,
    eta: float = 0.0,
) -> np.ndarray:
    """The same step with as much new noise as wanted (Song et al., eqs. 12 and 16).

    ``eta`` = 0 adds none: then the first noise alone decides the image. ``eta`` = 1 is
    `ddpm_step`.
    """
    noise = (x_t - np.sqrt(alpha_bar_t) * x0) / np.sqrt(1 - alpha_bar_t)
    sigma = eta * np.sqrt((1 - alpha_bar_s) / (1 - alpha_bar_t) * (1 - alpha_bar_t / alpha_bar_s))
    direction = np.sqrt(np.maximum(1 - alpha_bar_s - sigma**2, 0)) * noise
    return np.sqrt(alpha_bar_s) * x0 + direction + sigma * z


def time_steps(total: int, steps: int) -> np.ndarray:
    """``steps`` time steps from total − 1 down, evenly spaced.

    Raises:
        ValueError: fewer than 1 or more than ``total``.
    """
    if not 1 <= steps <= total:
        raise ValueError(f"steps must lie in 1..{total}, not {steps}.")
    return np.round(np.arange(total, 0, -total / steps)).astype(int)[:steps] - 1


def denoise(
    noise_of: NoiseOf,
    start: np.ndarray,
    alpha_bar: np.ndarray,
    *,
    steps: int = 25,
    eta: float = 0.0,
    limits: tuple[float, float] | None = (-1.0, 1.0),
    known: np.ndarray | None = None,
    mask: np.ndarray | None = None,
    repeats: int = 1,
    seed: int = 0,
) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
    """Walk from noise to images; yields ``(t, x0, x)`` after every step.

    ``x0`` is the image that the network believes in at that step, ``x`` where the walk stands.
    With ``eta`` = 1 and as many steps as the schedule has, this is DDPM's Algorithm 2; with fewer
    steps or a smaller ``eta`` it is DDIM.

    Args:
        noise_of: the noise in x_t, see `guided`.
        start: standard normal ``(batch, ...)``.
        alpha_bar: the schedule that the network was trained with.
        steps: how many of the schedule's steps to stop at.
        eta: new noise, from 0 (none) to 1 (DDPM's).
        limits: the believed image is cut to them, as in Ho et al.'s code; None leaves it.
        known: images of which a part is to be kept, with ``mask`` (Lugmayr et al., eq. 8).
        mask: True where ``known`` holds.
        repeats: with ``known``, how often every step is gone, back and again, so that the two
            parts come to agree (their Algorithm 1).
        seed: of the new noise.

    Raises:
        ValueError: impossible steps, ``eta`` or repeats; ``known`` without ``mask`` or of another
            shape.
    """
    if not 0 <= eta <= 1 or repeats < 1:
        raise ValueError(
            f"eta must lie in 0..1 and repeats be at least 1, not {eta} and {repeats}."
        )
    if (known is None) != (mask is None):
        raise ValueError("known and mask come together: give both, or neither.")
    if known is not None and (known.shape != start.shape or np.shape(mask) != start.shape):
        raise ValueError(
            f"known and mask should have the start's shape {start.shape}, "
            f"not {known.shape} and {np.shape(mask)}."
        )
    rng = np.random.default_rng(seed)
    times = time_steps(len(alpha_bar), steps)
    x = start
    for t, s in zip(times, [*times[1:], -1], strict=True):
        left_t, left_s = alpha_bar[t], alpha_bar[s] if s >= 0 else 1.0
        for turn in range(repeats):
            if turn:  # back from s to t (eq. 1 of Ho et al. over several steps)
                z = rng.standard_normal(x.shape, dtype=np.float32)
                x = np.sqrt(left_t / left_s) * x + np.sqrt(1 - left_t / left_s) * z
            x0 = predicted_image(x, t, noise_of(x, t), alpha_bar)
            x0 = x0 if limits is None else np.clip(x0, *limits)
            z = rng.standard_normal(x.shape, dtype=np.float32)
            x = ddim_step(x, x0, left_t, left_s, z, eta).astype(np.float32)
            if known is not None:
                z = rng.standard_normal(x.shape, dtype=np.float32)
                x = np.where(mask, add_noise(known, s, z, alpha_bar), x)
        yield int(t), x0, x


def guided(network: "keras.Model", labels: np.ndarray, scale: float = 1.0) -> NoiseOf:
    """The network's noise for the asked classes, pushed away from what it says of no class.

    ``(1 − scale) · noise(null) + scale · noise(label)``: Ho and Salimans, eq. 6 with w = scale − 1.
    So 1 is the class alone and 0 no class; other scales ask the network twice.

    Raises:
        ValueError: labels that are not integers in 0 .. classes (the last is the null class).
    """
    null = null_class(network)
    labels = np.asarray(labels)
    fits = labels.ndim == 1 and np.issubdtype(labels.dtype, np.integer) and len(labels) > 0
    if not fits or labels.min() < 0 or labels.max() > null:
        raise ValueError(
            f"Labels should be integers of shape (images,) in 0..{null}, {null} for no class, "
            f"not {labels.dtype} of shape {labels.shape}."
        )

    def ask(x: np.ndarray, t: int, asked: np.ndarray) -> np.ndarray:
        time = np.full(len(x), t, np.int32)
        parts = [slice(i, i + BATCH) for i in range(0, len(x), BATCH)]
        said = [network.predict_on_batch([x[p], time[p], asked[p]]) for p in parts]
        return np.concatenate(said)

    def noise_of(x: np.ndarray, t: int) -> np.ndarray:
        nobody = np.full_like(labels, null)
        if scale == 1:
            return ask(x, t, labels)
        if scale == 0:
            return ask(x, t, nobody)
        return (1 - scale) * ask(x, t, nobody) + scale * ask(x, t, labels)

    return noise_of


def null_class(network: "keras.Model") -> int:
    """The label that stands for "no class given"."""
    return network.get_layer("classes").input_dim - 1


def generate(
    network: "keras.Model",
    labels: np.ndarray,
    alpha_bar: np.ndarray,
    *,
    scale: float = 1.0,
    steps: int = 25,
    eta: float = 0.0,
    seed: int = 0,
) -> np.ndarray:
    """One image in [0, 1] a label: ``(labels, height, width, channels)``; see `denoise`."""
    rng = np.random.default_rng((seed, 1))
    start = rng.standard_normal((len(labels), *network.input_shape[0][1:]), dtype=np.float32)
    walk = denoise(
        guided(network, labels, scale), start, alpha_bar, steps=steps, eta=eta, seed=seed
    )
    return _images(walk)


def inpaint(
    network: "keras.Model",
    images: np.ndarray,
    mask: np.ndarray,
    labels: np.ndarray,
    alpha_bar: np.ndarray,
    *,
    scale: float = 1.0,
    steps: int = 25,
    repeats: int = 5,
    seed: int = 0,
) -> np.ndarray:
    """Keep ``images`` in [0, 1] where ``mask`` is True and draw the rest; see `denoise`."""
    rng = np.random.default_rng((seed, 1))
    start = rng.standard_normal(images.shape, dtype=np.float32)
    walk = denoise(
        guided(network, labels, scale),
        start,
        alpha_bar,
        steps=steps,
        eta=1.0,
        known=2 * images - 1,
        mask=np.broadcast_to(mask, images.shape),
        repeats=repeats,
        seed=seed,
    )
    return _images(walk)


def _images(walk: Iterator[tuple[int, np.ndarray, np.ndarray]]) -> np.ndarray:
    for _, _, x in walk:  # noqa: B007
        pass
    return np.clip((x + 1) / 2, 0, 1).astype(np.float32)


def _level(t: Any, alpha_bar: np.ndarray, rank: int) -> np.ndarray:
    """``alpha_bar`` at t, to be multiplied with arrays of that rank; 1 before the first step."""
    t = np.asarray(t)
    if t.min() < -1 or t.max() >= len(alpha_bar):
        raise ValueError(
            f"Time steps should lie in -1..{len(alpha_bar) - 1}, not {t.min()}..{t.max()}."
        )
    left = np.where(t < 0, 1.0, alpha_bar[t])
    return left.reshape(left.shape + (1,) * (rank - 1)) if left.ndim else left
