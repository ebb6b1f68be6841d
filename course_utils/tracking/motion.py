"""Where will the box be in the next frame? A Kalman filter, and the guess that it stays.

R. E. Kalman, "A New Approach to Linear Filtering and Prediction Problems", Journal of Basic
Engineering 82, 1960. The state is that of SORT (Bewley et al. 2016, section 3.2) but for two
things: width and height stand in the place of area and aspect ratio, so that every noise is in
pixels, and the size has no velocity: nothing in our clips comes nearer.
"""

from dataclasses import dataclass, replace

import numpy as np

# One frame later, the center has moved by its velocity; the size is what it was.
TRANSITION = np.eye(6)
TRANSITION[:2, 4:] = np.eye(2)
# Measured are center and size, not the velocity.
MEASUREMENT = np.eye(4, 6)
# A velocity that was never measured, in pixels a frame.
_FIRST_SPEED = 5.0


@dataclass(frozen=True)
class ConstantVelocity:
    """A Gaussian over center (x, y), width, height and velocity (x, y) of a box.

    Attributes:
        mean: ``(6,)`` in pixels and pixels a frame.
        covariance: ``(6, 6)``.
        jitter: standard deviation of a measured center or side, in pixels.
        acceleration: standard deviation of the change of velocity from frame to frame.
    """

    mean: np.ndarray
    covariance: np.ndarray
    jitter: float
    acceleration: float

    @classmethod
    def start(
        cls, box: np.ndarray, *, jitter: float = 1.0, acceleration: float = 0.5
    ) -> "ConstantVelocity":
        """The state after one measured box ``(4,)``: left, top, right, bottom."""
        mean = np.concatenate([_center_and_size(box), np.zeros(2)])
        spread = np.array([jitter] * 4 + [_FIRST_SPEED] * 2)
        return cls(mean, np.diag(spread**2), jitter, acceleration)

    def predict(self) -> "ConstantVelocity":
        """One frame later: the center moves on, and all of it is less certain."""
        covariance = TRANSITION @ self.covariance @ TRANSITION.T + self._process_noise()
        return replace(self, mean=TRANSITION @ self.mean, covariance=covariance)

    def update(self, box: np.ndarray) -> "ConstantVelocity":
        """The predicted state, drawn towards a measured box ``(4,)``."""
        surprise = _center_and_size(box) - MEASUREMENT @ self.mean
        noise = self.jitter**2 * np.eye(4)
        spread = MEASUREMENT @ self.covariance @ MEASUREMENT.T + noise
        gain = self.covariance @ MEASUREMENT.T @ np.linalg.inv(spread)
        covariance = (np.eye(6) - gain @ MEASUREMENT) @ self.covariance
        return replace(self, mean=self.mean + gain @ surprise, covariance=covariance)

    @property
    def box(self) -> np.ndarray:
        """``(4,)``: left, top, right, bottom."""
        center, size = self.mean[:2], self.mean[2:4]
        return np.concatenate([center - size / 2, center + size / 2])

    def _process_noise(self) -> np.ndarray:
        """A push a moves the center by a/2 and the velocity by a; the size drifts by a/2."""
        push = np.zeros((6, 4))
        push[:2, :2] = push[2:4, 2:] = np.eye(2) / 2
        push[4:, :2] = np.eye(2)
        return self.acceleration**2 * push @ push.T


@dataclass(frozen=True)
class StandStill:
    """No motion model: the box is where it was seen last."""

    box: np.ndarray

    def predict(self) -> "StandStill":
        return self

    def update(self, box: np.ndarray) -> "StandStill":
        return StandStill(box)


def _center_and_size(box: np.ndarray) -> np.ndarray:
    box = np.asarray(box, float)
    return np.concatenate([(box[:2] + box[2:]) / 2, box[2:] - box[:2]])
