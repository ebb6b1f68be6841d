"""Learning from pixels without an expert: REINFORCE, which repeats what went better than usual."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from course_utils.control.camera import Camera
from course_utils.control.episodes import SEEDS, run, stacks

if TYPE_CHECKING:
    import keras


def advantages(valid: np.ndarray, discount: float) -> np.ndarray:
    """How much longer than usual each episode went on, from each decision on.

    Args:
        valid: ``(n, decisions)`` bool, whether the episode still ran; a decision is worth 1.
        discount: what a reward is worth one decision later.

    Returns:
        ``(n, decisions)`` float32: the discounted return from there on, less the mean over the
        episodes at that decision (the baseline), over the standard deviation of all of them.
        An episode that has ended goes on with 0.
    """
    reward = valid.astype(np.float32)
    to_go = np.zeros_like(reward)
    following = np.zeros(len(reward), np.float32)
    for t in range(reward.shape[1] - 1, -1, -1):
        following = to_go[:, t] = reward[:, t] + discount * following
    above = to_go - to_go.mean(axis=0)
    return above / (above[valid].std() + 1e-6)


def reinforce(
    model: "keras.Model",
    camera: Camera,
    *,
    updates: int,
    episodes: int = 16,
    learning_rate: float = 1e-3,
    discount: float = 0.98,
    seed: int = 0,
) -> Iterator[np.ndarray]:
    """REINFORCE with a baseline (Williams 1992): ascend the mean of advantage · ∇ log π(a | s).

    Args:
        model: stacks of frames to a logit ``(batch, 1)`` of pushing to the right; trained in place.
        camera: what it sees by.
        updates: steps of Adam, each on new episodes.
        episodes: driven for one update.
        learning_rate: of Adam.
        discount: see `advantages`.
        seed: of the dice that choose the actions, and of where the episodes start.

    Yields:
        After each update the returns ``(episodes,)`` that it was made from.
    """
    import keras
    import tensorflow as tf

    rng = np.random.default_rng(seed)
    optimizer = keras.optimizers.Adam(learning_rate)
    logit = tf.function(lambda x: model(x, training=False)[:, 0], reduce_retracing=True)

    def policy(seen: np.ndarray) -> np.ndarray:
        right = 1 / (1 + np.exp(-logit(tf.constant(seen, tf.float32)).numpy()))
        return (rng.random(len(seen)) < right).astype(np.int64)

    @tf.function(reduce_retracing=True)
    def step(seen: tf.Tensor, actions: tf.Tensor, advantage: tf.Tensor) -> None:
        with tf.GradientTape() as tape:
            logits = model(seen, training=True)[:, 0]
            # The cross-entropy of what was done is −log π(a | s).
            surprise = tf.nn.sigmoid_cross_entropy_with_logits(labels=actions, logits=logits)
            loss = tf.reduce_mean(advantage * surprise)
        gradients = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))

    frames = model.input_shape[-1]
    for _ in range(updates):
        seeds = rng.choice(SEEDS["train"], episodes, replace=False)
        driven = run(policy, seeds, camera=camera, frames=frames)
        valid = driven.valid
        step(
            tf.constant(stacks(driven.pictures, frames)[valid], tf.float32),
            tf.constant(driven.actions[valid], tf.float32),
            tf.constant(advantages(valid, discount)[valid], tf.float32),
        )
        yield driven.returns
