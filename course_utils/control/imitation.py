"""Learning from an expert: behaviour cloning, and DAgger, which asks it again where one is lost."""

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from course_utils.control.camera import Camera
from course_utils.control.episodes import MAX_STEPS, Episodes, Policy, run, stacks
from course_utils.control.regulator import expert, expert_force

if TYPE_CHECKING:
    import keras

# What was seen, and the force that the expert would have liked.
Lessons = tuple[np.ndarray, np.ndarray]


def watched(episodes: Episodes, camera: Camera) -> Episodes:
    """The same episodes, photographed afterwards: for a driver that needs no pictures."""
    pictures = np.zeros((*episodes.actions.shape, *camera.size), np.uint8)
    pictures[episodes.valid] = camera.photograph(episodes.states[episodes.valid])
    return dataclasses.replace(episodes, pictures=pictures)


def lessons(episodes: Episodes, frames: int = 2) -> Lessons:
    """What was seen, and what the expert would have done there, whoever drove.

    Args:
        episodes: with pictures.
        frames: pictures in a stack.

    Returns:
        Stacks ``(examples, height, width, frames)`` uint8 and forces ``(examples,)`` float32.

    Raises:
        ValueError: episodes without pictures.
    """
    if episodes.pictures is None:
        raise ValueError("These episodes have no pictures: run them with a camera.")
    valid = episodes.valid
    return stacks(episodes.pictures, frames)[valid], expert_force(episodes.states[valid])


def clone(
    model: "keras.Model", known: Lessons, *, epochs: int = 8, learning_rate: float = 2e-3
) -> list[float]:
    """Behaviour cloning (Pomerleau 1989): say what the expert said, by the squared error.

    The force is learned and not the action alone, which is its sign: where the expert is nearly
    undecided, a small error then costs little.

    Returns:
        The mean squared error of each epoch.
    """
    import keras

    steps = epochs * -(-len(known[0]) // 64)
    schedule = keras.optimizers.schedules.CosineDecay(learning_rate, steps)
    model.compile(keras.optimizers.Adam(schedule), "mse")
    return model.fit(*known, batch_size=64, epochs=epochs, verbose=0).history["loss"]


def network_policy(model: "keras.Model") -> Policy:
    """The policy that pushes to the right where the network's output is positive."""
    import tensorflow as tf

    output = tf.function(lambda x: model(x, training=False)[:, 0], reduce_retracing=True)
    return lambda seen: (output(tf.constant(seen, tf.float32)).numpy() > 0).astype(np.int64)


def dagger(
    learn: Callable[[Lessons], "keras.Model"],
    camera: Camera,
    seeds: Sequence[int],
    *,
    rounds: int,
    frames: int = 2,
    max_steps: int = MAX_STEPS,
) -> Iterator[tuple["keras.Model", Lessons]]:
    """DAgger (Ross, Gordon and Bagnell 2011, algorithm 3.1, with β = 1, 0, 0, ...).

    In the first round the expert drives. In all later ones the newest network does, and the
    expert only says what it would have done there; all lessons are kept.

    Args:
        learn: lessons to a trained network.
        camera: what the network sees by.
        seeds: of the environments; each round takes an equal share of them, in order.
        rounds: how often something is learned.
        frames: pictures in a stack.
        max_steps: an episode is cut here.

    Yields:
        After each round the network, and the lessons that it had.

    Raises:
        ValueError: fewer seeds than rounds.
    """
    share = len(seeds) // max(rounds, 1)
    if share < 1:
        raise ValueError(
            f"dagger needs a seed for each of its rounds, and got {len(seeds)} for {rounds}."
        )
    known: list[Lessons] = []
    model = None
    for i in range(rounds):
        mine = seeds[i * share : (i + 1) * share]
        if model is None:
            episodes = watched(run(expert, mine, max_steps=max_steps), camera)
        else:
            driver = network_policy(model)
            episodes = run(driver, mine, camera=camera, frames=frames, max_steps=max_steps)
        known.append(lessons(episodes, frames))
        together = tuple(np.concatenate(part) for part in zip(*known, strict=True))
        model = learn(together)
        yield model, together
