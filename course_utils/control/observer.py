"""Eyes, memory and hand as three parts: a network that measures, a Kalman filter, a regulator.

The network sees one frame and says where cart and pole are. The filter knows how the cart-pole
moves and which way it was pushed, so it needs no second frame to know the speeds. The regulator
is the expert's. Together: linear-quadratic-Gaussian control (Kalman 1960; Åström 1970).
"""

from collections.abc import Callable

import numpy as np

from course_utils.control.regulator import FORCE, expert_gain, linearized

# The picture shows the cart's position and the pole's angle, not the speeds.
SEEN = np.array([[1.0, 0, 0, 0], [0, 0, 1.0, 0]])


def kalman_gain(
    a: np.ndarray, c: np.ndarray, process: np.ndarray, measurement: np.ndarray
) -> np.ndarray:
    """The steady gain L ``(states, measured)`` of ŝ ← ŝ + L (y − C ŝ).

    Estimation is the mirror image of regulation: the same Riccati equation, transposed.

    Args:
        a: ``(states, states)``.
        c: ``(measured, states)``.
        process: covariance ``(states, states)`` of what the model does not know, a step.
        measurement: covariance ``(measured, measured)`` of the error of y.
    """
    from scipy.linalg import solve_discrete_are

    p = solve_discrete_are(a.T, c.T, process, measurement)
    return np.linalg.solve(c @ p @ c.T + measurement, c @ p).T


class Observer:
    """A policy that sees single frames and keeps an estimate of the state.

    Args:
        measure: frames ``(n, height, width, 1)`` to positions and angles ``(n, 2)``.
        error: standard deviations (m, rad) of what ``measure`` says.
        speed_noise: standard deviations (m/s, rad/s) of what a step does to the speeds and the
            linear model does not know.
    """

    def __init__(
        self,
        measure: Callable[[np.ndarray], np.ndarray],
        error: tuple[float, float],
        speed_noise: tuple[float, float] = (0.01, 0.03),
    ) -> None:
        self.measure = measure
        self.a, self.b = linearized()
        process = np.diag([1e-6, speed_noise[0] ** 2, 1e-6, speed_noise[1] ** 2])
        self.gain = kalman_gain(self.a, SEEN, process, np.diag(np.square(error)))
        self.regulator = expert_gain()

    def reset(self, count: int) -> None:
        """Forget everything: ``count`` episodes begin, at rest as far as anybody knows."""
        self.estimate = np.zeros((count, 4))
        self.force = np.zeros((count, 1))

    def __call__(self, frames: np.ndarray) -> np.ndarray:
        expected = self.estimate @ self.a.T + self.force @ self.b.T
        surprise = self.measure(frames) - expected @ SEEN.T
        self.estimate = expected + surprise @ self.gain.T
        actions = (self.estimate @ self.regulator < 0).astype(np.int64)
        self.force = FORCE * (2.0 * actions[:, None] - 1)
        return actions
