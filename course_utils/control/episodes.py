"""Many cart-poles driven at once: by a policy that sees the state, or only pictures.

The cart-pole is Gymnasium's CartPole-v1 (Barto, Sutton and Anderson 1983): every 20 ms a push of
10 N to the left (action 0) or to the right (1). An episode ends when the pole leans by 12°, when
the cart leaves the track, or after 500 steps; each step is worth 1, so the return is the number
of steps. The camera takes a picture every HOLD steps, and each decision holds until the next one
(the frame skip of Mnih et al. 2015).
"""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from course_utils.control.camera import Camera, gymnasium
from course_utils.control.regulator import HOLD

# Seeds of the environments, a thousand for each purpose, so that no two purposes share a start.
SEEDS = {"train": range(0, 1000), "validation": range(1000, 2000), "test": range(2000, 3000)}
MAX_STEPS = 500

Policy = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Episodes:
    """What happened in n episodes; what lies beyond an episode's end means nothing.

    Attributes:
        states: ``(n, decisions, 4)`` float32, before each decision: position of the cart (m),
            its speed (m/s), angle of the pole (rad, to the right), its angular speed (rad/s).
        actions: ``(n, decisions)`` int64, as the policy chose them.
        valid: ``(n, decisions)`` bool: whether the episode still ran.
        returns: ``(n,)`` steps that the pole stayed up.
        pictures: ``(n, decisions, height, width)`` uint8; None without a camera.
    """

    states: np.ndarray
    actions: np.ndarray
    valid: np.ndarray
    returns: np.ndarray
    pictures: np.ndarray | None


def run(
    policy: Policy,
    seeds: Sequence[int],
    *,
    camera: Camera | None = None,
    frames: int = 2,
    delay: int = 0,
    spread: float = 0.05,
    max_steps: int = MAX_STEPS,
) -> Episodes:
    """One episode for each seed, all at once.

    Args:
        policy: observations of all n episodes to n actions. If it has a method ``reset``, that
            is called first, with n.
        seeds: of the environments; each decides where its episode starts.
        camera: with one, the policy sees stacks of pictures ``(n, height, width, frames)``,
            uint8, the newest last; without, states ``(n, 4)``.
        frames: pictures in a stack; before the first step the first one is repeated.
        delay: decisions between the choice of an action and its effect. Until the first one
            arrives the cart is pushed left and right in turn.
        spread: the four numbers of the first state are uniform within ± spread.
        max_steps: an episode is cut here.

    Raises:
        ValueError: no seeds, or numbers out of range.
        ModuleNotFoundError: gymnasium is not installed.
    """
    if not len(seeds):
        raise ValueError("run needs one seed for each episode, and got none.")
    if frames < 1 or delay < 0 or not 1 <= max_steps <= MAX_STEPS or spread <= 0:
        raise ValueError(
            f"frames must be at least 1, delay at least 0, max_steps within 1..{MAX_STEPS} and "
            f"spread above 0, not {frames}, {delay}, {max_steps} and {spread}."
        )
    count = len(seeds)
    environments = gymnasium().make_vec("CartPole-v1", count, vectorization_mode="sync")
    states, _ = environments.reset(
        seed=[int(seed) for seed in seeds], options={"low": -spread, "high": spread}
    )
    if hasattr(policy, "reset"):
        policy.reset(count)
    pending = deque(np.full(count, i % 2) for i in range(delay))
    running, returns = np.ones(count, bool), np.zeros(count, int)
    history: list[tuple[np.ndarray, ...]] = []
    shown: deque[np.ndarray] = deque(maxlen=frames)
    for _ in range(-(-max_steps // HOLD)):
        observation = states
        if camera is not None:
            observation = _watch(camera, states, running, shown)
        actions = np.asarray(policy(observation), np.int64)
        history.append((states, actions, running) + ((shown[-1],) if camera is not None else ()))
        pending.append(actions)
        held = pending.popleft()
        for _ in range(HOLD):
            returns += running
            # An environment that has ended starts again by itself; its steps are not counted.
            states, _, terminated, truncated, _ = environments.step(held)
            running = running & ~(terminated | truncated)
        if not running.any():
            break
    environments.close()
    columns: list[Any] = [np.stack(column, axis=1) for column in zip(*history, strict=True)]
    pictures = columns[3] if camera is not None else None
    return Episodes(*columns[:3], np.minimum(returns, max_steps), pictures)


def _watch(
    camera: Camera, states: np.ndarray, running: np.ndarray, shown: deque[np.ndarray]
) -> np.ndarray:
    """Photograph what still runs, and return the stacks ``(n, height, width, frames)``."""
    new = shown[-1].copy() if shown else np.zeros((len(states), *camera.size), np.uint8)
    new[running] = camera.photograph(states[running])
    shown.extend([new] * (1 if shown else shown.maxlen))
    return np.stack(shown, axis=-1)


def stacks(pictures: np.ndarray, frames: int) -> np.ndarray:
    """The stacks that a policy saw in `run` (Mnih et al. 2015, "Preprocessing").

    Args:
        pictures: ``(n, steps, height, width)``.
        frames: pictures in a stack.

    Returns:
        ``(n, steps, height, width, frames)``, the newest picture last; before the first step
        the first picture is repeated.
    """
    steps = np.arange(pictures.shape[1])
    back = np.arange(frames - 1, -1, -1)
    chosen = np.maximum(steps[:, None] - back, 0)  # (steps, frames)
    return np.moveaxis(pictures[:, chosen], 2, -1)
