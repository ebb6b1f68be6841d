"""Scaling laws: the pixels that are predicted, training for one pass, and the fits.

J. Hoffmann et al. 2022, "Training Compute-Optimal Large Language Models", arXiv:2203.15556, in
this file "H."; J. Kaplan et al. 2020, "Scaling Laws for Neural Language Models", arXiv:2001.08361.
N is a model's numbers that learn, D the examples that it saw (here pixels), C = 6·N·D its compute
in multiplications and additions.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from course_utils.batches import in_batches

if TYPE_CHECKING:
    import keras

LEVELS = 8
ROWS_ABOVE, COLUMNS_ASIDE = 6, 5
BATCH = 256
# Of the Huber loss: residuals of the logarithm above a thousandth count by their size only.
DELTA = 1e-3
# A curve is sampled at these shares of a run.
SHARES = (1 / 64, 1 / 32, 1 / 16, 1 / 8, 1 / 4, 1 / 2, 3 / 4, 1.0)


def quantize(images: np.ndarray) -> np.ndarray:
    """Images in [0, 1], ``(count, height, width, 1)``, to grey levels, uint8 without channels."""
    return np.minimum(images[..., 0] * LEVELS, LEVELS - 1).astype(np.uint8)


def contexts(pictures: np.ndarray, places: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What is known before a pixel is drawn, and the pixel.

    Args:
        pictures: grey levels, uint8 ``(count, height, width)``.
        places: flat indices of pixels in ``pictures``, ``(examples,)``.

    Returns:
        uint8 ``(examples, 73)``: 6 rows above, 5 pixels to either side, then the 5 pixels to the
        left, zeros outside the picture, then row and column; and the levels ``(examples,)``.
    """
    _, height, width = pictures.shape
    above, aside = ROWS_ABOVE, COLUMNS_ASIDE
    padded = np.pad(pictures, ((0, 0), (above, 0), (aside, aside)))
    image, row, column = np.unravel_index(places, pictures.shape)
    stride = width + 2 * aside
    corner = (image * (height + above) + row) * stride + column  # of the window, in `padded`
    offsets = [r * stride + c for r in range(above) for c in range(2 * aside + 1)]
    offsets += [above * stride + c for c in range(aside)]
    window = padded.reshape(-1)[corner[:, None] + np.asarray(offsets)]
    place = np.stack([row, column], axis=1).astype(np.uint8)
    return np.concatenate([window, place], axis=1), pictures.reshape(-1)[places]


def draw(pictures: np.ndarray, count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """`contexts` of ``count`` different pixels at random.

    Raises:
        ValueError: more pixels than there are.
    """
    if not 0 < count <= pictures.size:
        raise ValueError(f"count must be between 1 and {pictures.size:,} pixels, not {count:,}.")
    places = np.random.default_rng(seed).choice(pictures.size, count, replace=False)
    # In parts: the indices of the windows take eight times the memory of the windows.
    parts = [contexts(pictures, places[i : i + 200_000]) for i in range(0, count, 200_000)]
    return np.concatenate([x for x, _ in parts]), np.concatenate([y for _, y in parts])


def train(
    model: "keras.Model",
    x: np.ndarray,
    y: np.ndarray,
    rate: float,
    validation: tuple[np.ndarray, np.ndarray],
    *,
    epochs: int = 1,
) -> list[tuple[int, float]]:
    """Adam, short warm-up and a cosine decay that ends with the data, once or several times.

    Args:
        model: maps a batch of ``x`` to logits.
        x: examples, in random order.
        y: their integer labels.
        rate: the peak of the schedule.
        validation: examples and labels that the loss is measured on.
        epochs: passes over the data, each in another order.

    Returns:
        The learning curve: examples seen, and the mean cross-entropy on ``validation`` in nats.
    """
    import keras
    import tensorflow as tf

    steps = epochs * (len(x) // BATCH)
    schedule = keras.optimizers.schedules.CosineDecay(
        0.0, steps - steps // 20, warmup_target=rate, warmup_steps=max(1, steps // 20)
    )
    optimizer = keras.optimizers.Adam(schedule)
    optimizer.build(model.trainable_variables)

    # A loop inside the graph: for models this small, a Python loop would be most of the time.
    @tf.function
    def run(x: Any, y: Any) -> None:
        for start in tf.range(0, len(x) - BATCH + 1, BATCH):
            with tf.GradientTape() as tape:
                logits = model(x[start : start + BATCH], training=True)
                loss = tf.nn.sparse_softmax_cross_entropy_with_logits(
                    tf.cast(y[start : start + BATCH], tf.int32), logits
                )
                loss = tf.reduce_mean(loss)
            gradients = tape.gradient(loss, model.trainable_variables)
            optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))

    run = run.get_concrete_function(
        tf.TensorSpec([None, *x.shape[1:]], x.dtype), tf.TensorSpec([None], y.dtype)
    )
    rng = np.random.default_rng(0)
    curve, seen = [], 0
    for epoch in range(epochs):
        order = rng.permutation(len(x)) if epoch else np.arange(len(x))
        ends = [round(share * len(x)) // BATCH * BATCH for share in SHARES] if epochs == 1 else []
        done = 0
        for end in [*ends[:-1], len(x) // BATCH * BATCH]:
            if end > done:
                part = order[done:end]
                run(tf.convert_to_tensor(x[part]), tf.convert_to_tensor(y[part]))
                seen, done = seen + end - done, end
                curve.append((seen, cross_entropy(model, *validation)))
    return curve


def cross_entropy(model: "keras.Model", x: np.ndarray, y: np.ndarray) -> float:
    """Mean of −ln p(label), in nats."""
    from scipy.special import log_softmax

    logits = in_batches(model, x, size=20_000)
    return float(-log_softmax(logits.astype(np.float64), axis=1)[np.arange(len(y)), y].mean())


@dataclass(frozen=True)
class Law:
    """``E + A / N^a + B / D^b`` (H., Eq. 2); with ``B = 0`` a law of one variable.

    Attributes:
        floor: E, what no model and no amount of data takes away.
        size: (A, a).
        data: (B, b).
    """

    floor: float
    size: tuple[float, float]
    data: tuple[float, float] = (0.0, 0.0)

    def __call__(self, n: np.ndarray | float, d: np.ndarray | float = 1.0) -> np.ndarray | float:
        n, d = np.asarray(n, float), np.asarray(d, float)
        (big_a, a), (big_b, b) = self.size, self.data
        return self.floor + big_a * n**-a + big_b * d**-b

    def best_size(self, compute: np.ndarray | float) -> np.ndarray | float:
        """N that minimizes the law when 6·N·D = ``compute`` (H., Eq. 4)."""
        (big_a, a), (big_b, b) = self.size, self.data
        g = (a * big_a / (b * big_b)) ** (1 / (a + b))
        return g * (np.asarray(compute, float) / 6) ** (b / (a + b))


def fit_joint(n: np.ndarray, d: np.ndarray, loss: np.ndarray, start: Law | None = None) -> Law:
    """The law of both variables, by H.'s procedure (Section 3.3, Eq. 3).

    The Huber loss (δ = 10⁻³) of the *logarithm* of the loss is minimized by L-BFGS over
    (ln E, ln A, a, ln B, b), from several starts, of which the best is kept.

    Args:
        n: N of every run.
        d: D of every run.
        loss: what it reached, in nats.
        start: the only start, where a law near the answer is known (as in a bootstrap).
    """
    from scipy.optimize import minimize
    from scipy.special import huber, logsumexp

    log_n, log_d, log_loss = np.log(n), np.log(d), np.log(loss)
    one = np.ones_like(log_n)
    # What each parameter adds to the logarithm of its term.
    slopes = [(one, 0 * one, 0 * one, 0 * one, 0 * one)]
    slopes += [(0 * one, one, -log_n, 0 * one, 0 * one), (0 * one, 0 * one, 0 * one, one, -log_d)]
    slopes = np.asarray(slopes)  # (terms, parameters, runs)

    def objective(p: np.ndarray) -> tuple[float, np.ndarray]:
        terms = np.einsum("tpr,p->tr", slopes, p)
        total = logsumexp(terms, axis=0)
        residual = total - log_loss
        shares = np.exp(terms - total)  # of each term in the loss
        gradient = np.einsum("r,tr,tpr->p", np.clip(residual, -DELTA, DELTA), shares, slopes)
        return float(huber(DELTA, residual).sum()), gradient

    if start is None:
        e = np.log(0.9 * np.min(loss))
        starts = [(e, 8 * a, a, 12 * b, b) for a in (0.2, 0.4, 0.8) for b in (0.2, 0.4, 0.8)]
    else:
        (big_a, a), (big_b, b) = start.size, start.data
        starts = [(np.log(start.floor), np.log(big_a), a, np.log(big_b), b)]
    options = {"maxiter": 1000, "ftol": 1e-13, "gtol": 1e-10}
    bounds = [(-8, 3), (-10, 25), (0.01, 3), (-10, 25), (0.01, 3)]
    runs = [
        minimize(objective, s, jac=True, method="L-BFGS-B", bounds=bounds, options=options)
        for s in starts
    ]
    e, log_a, a, log_b, b = min(runs, key=lambda run: run.fun).x
    return Law(float(np.exp(e)), (float(np.exp(log_a)), float(a)), (float(np.exp(log_b)), float(b)))


def fit_single(x: np.ndarray, loss: np.ndarray, *, floor: float | None = None) -> Law:
    """``E + A / x^a`` by least squares of the logarithm.

    Args:
        x: N or D, at least three values.
        loss: measured.
        floor: E, if it is not to be fitted; 0 gives the straight line on log axes.
    """
    from scipy.optimize import least_squares

    log_x, log_loss = np.log(x), np.log(loss)
    top = np.min(loss) if floor is None else 0.0

    def residual(p: np.ndarray) -> np.ndarray:
        e = top / (1 + np.exp(-p[2])) if floor is None else floor  # between 0 and the least loss
        return np.log(e + np.exp(p[0] - p[1] * log_x)) - log_loss

    runs = []
    for start in ((0.0, 0.3, 0.0), (3.0, 0.7, 2.0), (1.0, 0.1, -2.0)):
        start = start if floor is None else start[:2]
        runs.append(least_squares(residual, start, x_scale="jac", max_nfev=5000))
    p = min(runs, key=lambda run: run.cost).x
    e = top / (1 + np.exp(-p[2])) if floor is None else floor
    return Law(float(e), (float(np.exp(p[0])), float(p[1])))
