"""Differentially private training, what it guarantees, and the attack that it is there to stop.

M. Abadi et al., "Deep Learning with Differential Privacy", CCS 2016, arXiv:1607.00133: clip the
gradient of *every example*, add Gaussian noise to the sum, and account for what that gives away.
The accounting is `dp_accounting`'s, not ours: an error there would be a false promise.
"""

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import dp_accounting
    import keras
    import tensorflow as tf


def clipped_sum(
    model: "keras.Model", x: "tf.Tensor", y: "tf.Tensor", weights: "tf.Tensor", clip: float
) -> list["tf.Tensor"]:
    """Sum over the examples of gradients that are each scaled to a norm of at most ``clip``.

    Args:
        model: maps ``(batch, ...)`` to logits ``(batch, classes)``; without batch normalization,
            whose statistics mix the examples.
        x, y: examples and integer labels.
        weights: ``(batch,)``: 1, or 0 for an example that does not count.
        clip: largest norm over all weights together (the paper's C).

    Returns:
        One tensor for each of ``model.trainable_variables``.
    """
    import tensorflow as tf

    variables = [variable.value for variable in model.trainable_variables]

    def of_one(example):
        image, label, weight = example
        with tf.GradientTape() as tape:
            tape.watch(variables)
            logits = model(image[None], training=True)
            loss = tf.nn.sparse_softmax_cross_entropy_with_logits(label[None], logits)[0]
        gradients = tape.gradient(loss, variables)
        norm = tf.linalg.global_norm(gradients)
        scale = weight * tf.minimum(1.0, clip / tf.maximum(norm, 1e-12))
        return [scale * gradient for gradient in gradients]

    return [tf.reduce_sum(one, axis=0) for one in tf.vectorized_map(of_one, (x, y, weights))]


def fit_privately(
    model: "keras.Model",
    x: np.ndarray,
    y: np.ndarray,
    *,
    steps: int,
    batch_size: int,
    noise_multiplier: float,
    clip: float = 1.0,
    learning_rate: float = 0.5,
    momentum: float = 0.9,
    seed: int = 0,
) -> None:
    """DP-SGD (the paper's Algorithm 1), in place.

    Every example enters every batch by a coin of its own, with probability ``batch_size / n``,
    as the accounting demands; so batches vary in size, and the sum is divided by the expected
    one. Momentum comes after the noise, and costs no privacy.

    Args:
        model: see `clipped_sum`.
        x, y: the private examples.
        steps: how many noisy gradients are taken.
        batch_size: expected number of examples in a batch.
        noise_multiplier: standard deviation of the noise over ``clip`` (the paper's σ).
        clip: largest norm of an example's gradient.
        learning_rate, momentum: of stochastic gradient descent.
        seed: of batches and noise. Whoever must keep the promise keeps the seed secret.

    Raises:
        ValueError: numbers that make no sense, or a layer that mixes examples.
    """
    import keras
    import tensorflow as tf

    if not 1 <= batch_size <= len(x) or steps < 1 or clip <= 0 or noise_multiplier < 0:
        raise ValueError(
            f"batch_size must lie in 1..{len(x)}, steps be at least 1, clip above 0 and "
            f"noise_multiplier at least 0, not {batch_size}, {steps}, {clip}, {noise_multiplier}."
        )
    for layer in model._flatten_layers():
        if isinstance(layer, keras.layers.BatchNormalization):
            raise ValueError(
                f"Layer {layer.name!r} normalizes over the batch, so that one example changes the "
                "others' gradients: use GroupNormalization or none."
            )
    rng = np.random.default_rng(seed)
    optimizer = keras.optimizers.SGD(learning_rate, momentum=momentum)
    optimizer.build(model.trainable_variables)
    # One shape for all batches, so that the step is traced once: 6 standard deviations of room.
    room = min(len(x), int(batch_size + 6 * batch_size**0.5) + 1)

    @tf.function(reduce_retracing=True)
    def step(images, labels, weights, noises):
        total = clipped_sum(model, images, labels, weights, clip)
        noisy = [
            (one + clip * noise) / batch_size for one, noise in zip(total, noises, strict=True)
        ]
        optimizer.apply(noisy, model.trainable_variables)

    for _ in range(steps):
        chosen = np.flatnonzero(rng.random(len(x)) < batch_size / len(x))[:room]
        padded = np.zeros(room, int)
        padded[: len(chosen)] = chosen
        weights = (np.arange(room) < len(chosen)).astype(np.float32)
        noises = [
            tf.constant(rng.normal(0, noise_multiplier, variable.shape), tf.float32)
            for variable in model.trainable_variables
        ]
        labels = y[padded].astype(np.int32)
        step(tf.constant(x[padded]), tf.constant(labels), tf.constant(weights), noises)


def epsilon(
    *, examples: int, batch_size: int, steps: int, noise_multiplier: float, delta: float = 1e-5
) -> float:
    """The ε of (ε, δ)-differential privacy that `fit_privately` gives, by `dp_accounting`.

    Two data sets are neighbours if one has one example more. The accountant composes privacy
    loss distributions (Koskela et al. 2020), which is tighter than the paper's moments.

    Args:
        examples: size of the private data set.
        batch_size, steps, noise_multiplier: as in `fit_privately`.
        delta: probability with which the promise may be broken; well below 1 / examples.

    Raises:
        ValueError: no noise, which promises nothing.
    """
    if noise_multiplier <= 0:
        raise ValueError(f"Without noise there is no promise: noise_multiplier {noise_multiplier}.")
    accountant = _accountant()
    accountant.compose(_event(batch_size / examples, steps, noise_multiplier))
    return float(accountant.get_epsilon(delta))


def noise_for(
    target: float, *, examples: int, batch_size: int, steps: int, delta: float = 1e-5
) -> float:
    """The smallest noise multiplier with which the training keeps ε ≤ ``target``."""
    import dp_accounting

    return float(
        dp_accounting.calibrate_dp_mechanism(
            _accountant,
            lambda noise: _event(batch_size / examples, steps, noise),
            target,
            delta,
            dp_accounting.LowerEndpointAndGuess(0.2, 2.0),
            tol=1e-3,
        )
    )


def _accountant() -> "dp_accounting.PrivacyAccountant":
    from dp_accounting import pld

    # Losses are rounded up to this grid: ten times as coarse as the default, ten times as fast,
    # and the promise changes in the third decimal.
    return pld.PLDAccountant(value_discretization_interval=1e-3)


def _event(rate: float, steps: int, noise_multiplier: float) -> "dp_accounting.DpEvent":
    import dp_accounting

    gaussian = dp_accounting.GaussianDpEvent(noise_multiplier)
    sampled = dp_accounting.PoissonSampledDpEvent(rate, gaussian)
    return dp_accounting.SelfComposedDpEvent(sampled, steps)


def most_advantage(epsilon: float, delta: float = 1e-5) -> float:
    """The most by which any membership attack's true positive rate can exceed its false one.

    From the definition, TPR ≤ e^ε FPR + δ and 1 − FPR ≤ e^ε (1 − TPR) + δ (Kairouz, Oh and
    Viswanath 2015, arXiv:1311.0776); where both are equalities, TPR − FPR is the largest.
    """
    return float((np.expm1(epsilon) + 2 * delta) / (np.exp(epsilon) + 1))
