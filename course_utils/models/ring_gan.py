"""A GAN in the plane: eight Gaussians on a ring, small enough to watch modes being lost.

The target is that of Metz et al. 2017, "Unrolled generative adversarial networks"
(arXiv:1611.02163). What decides is who learns faster: Heusel et al. 2017, "GANs trained by a
two time-scale update rule converge to a local Nash equilibrium" (arXiv:1706.08500).
"""

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops

MODES = 8
RADIUS = 2.0
DEVIATION = 0.05


def ring(count: int, seed: int = 0) -> np.ndarray:
    """``(count, 2)`` points: a mode at random, Gaussian noise around it."""
    rng = np.random.default_rng(seed)
    angle = 2 * np.pi * rng.integers(MODES, size=count) / MODES
    centres = RADIUS * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return (centres + DEVIATION * rng.standard_normal((count, 2))).astype(np.float32)


def modes_of(points: np.ndarray) -> np.ndarray:
    """``(8,)`` share of the points within four deviations of each mode.

    Raises:
        ValueError: points that are not ``(count, 2)``.
    """
    if np.ndim(points) != 2 or np.shape(points)[1] != 2 or len(points) == 0:
        raise ValueError(f"The points should have shape (count, 2), not {np.shape(points)}.")
    angle = 2 * np.pi * np.arange(MODES) / MODES
    centres = RADIUS * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    distance = np.linalg.norm(points[:, None] - centres, axis=-1)  # (count, modes)
    return (distance < 4 * DEVIATION).mean(axis=0)


def build_perceptron(inputs: int, outputs: int, width: int = 64) -> keras.Model:
    """Two hidden layers of rectifiers; both players of the ring are one of these."""
    start = keras.Input((inputs,))
    x = layers.Dense(width, activation="relu")(start)
    x = layers.Dense(width, activation="relu")(x)
    return keras.Model(start, layers.Dense(outputs, dtype="float32")(x))


def train_ring_gan(
    discriminator_rate: float,
    generator_rate: float = 1e-3,
    steps: int = 6000,
    batch_size: int = 256,
    seed: int = 0,
    snapshots: int = 6,
) -> np.ndarray:
    """Train on the ring by the non-saturating losses; returns samples over the training.

    Args:
        discriminator_rate: learning rate of the discriminator's Adam, beta_1 0.5.
        generator_rate: learning rate of the generator's.
        steps: of both players.
        batch_size: points of each kind a step.
        seed: of weights, data and noise.
        snapshots: how often, at equal intervals, 1,000 points are sampled.

    Returns:
        ``(snapshots, 1000, 2)`` float32.

    Raises:
        ValueError: fewer steps than snapshots.
    """
    if steps < snapshots:
        raise ValueError(f"steps should be at least {snapshots}, one a snapshot, not {steps}.")
    keras.utils.set_random_seed(seed)
    generator, discriminator = build_perceptron(2, 2), build_perceptron(2, 1)
    g_adam = keras.optimizers.Adam(generator_rate, beta_1=0.5)
    d_adam = keras.optimizers.Adam(discriminator_rate, beta_1=0.5)
    g_adam.build(generator.trainable_variables)
    d_adam.build(discriminator.trainable_variables)
    points = tf.constant(ring(50_000, seed))
    random = tf.random.Generator.from_seed(seed)

    @tf.function
    def train(count: tf.Tensor) -> None:
        for _ in tf.range(count):
            chosen = random.uniform((batch_size,), 0, len(points), dtype=tf.int32)
            real, noise = tf.gather(points, chosen), random.normal((batch_size, 2))
            with tf.GradientTape(persistent=True) as tape:
                fake = generator(noise)
                says_real, says_fake = discriminator(real), discriminator(fake)
                g_loss = ops.mean(ops.softplus(-says_fake))
                d_loss = ops.mean(ops.softplus(-says_real)) + ops.mean(ops.softplus(says_fake))
            weights = generator.trainable_variables
            g_adam.apply(tape.gradient(g_loss, weights), weights)
            weights = discriminator.trainable_variables
            d_adam.apply(tape.gradient(d_loss, weights), weights)

    noise = np.random.default_rng(seed).standard_normal((1000, 2)).astype(np.float32)
    seen = []
    for _ in range(snapshots):
        train(tf.constant(steps // snapshots))
        seen.append(np.asarray(generator(noise)))
    return np.stack(seen)
