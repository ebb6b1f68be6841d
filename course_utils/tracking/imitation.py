"""A detector whose faults are known: the truth, spoilt by dice."""

from collections.abc import Iterator, Sequence

import numpy as np

from course_utils.tracking.linking import Tracked


def imitate_detector(
    truth: Sequence[Tracked],
    *,
    misses: float = 0.1,
    false_alarms: float = 0.1,
    jitter: float = 1.0,
    size: tuple[int, int] = (96, 96),
    seed: int = 0,
) -> Iterator[np.ndarray]:
    """Boxes as a detector might give them, with each fault as often as asked for.

    Args:
        truth: the frames of a clip.
        misses: probability that an object is missed in a frame.
        false_alarms: boxes a frame, on average, where nothing is: as large as objects are, and
            anywhere.
        jitter: standard deviation of every edge, in pixels.
        size: width and height of the picture.
        seed: the same seed makes the same faults.

    Yields:
        For every frame boxes ``(n, 4)``, in any order.

    Raises:
        ValueError: numbers out of range.
    """
    if not 0 <= misses <= 1 or false_alarms < 0 or jitter < 0:
        raise ValueError(
            "misses must be within 0..1, false_alarms and jitter at least 0, "
            f"not {misses}, {false_alarms} and {jitter}."
        )
    rng = np.random.default_rng(seed)
    every = np.concatenate([frame.boxes for frame in truth]).reshape(-1, 4)
    for frame in truth:
        kept = frame.boxes[rng.random(len(frame.boxes)) >= misses]
        seen = kept + jitter * rng.standard_normal(kept.shape)
        count = rng.poisson(false_alarms) if len(every) else 0
        sides = np.array([box[2:] - box[:2] for box in rng.permutation(every)[:count]])
        corners = rng.random((len(sides), 2)) * (np.array(size) - sides.reshape(-1, 2))
        alarms = np.concatenate([corners, corners + sides.reshape(-1, 2)], axis=1)
        boxes = np.concatenate([seen, alarms])
        # However much the edges shake, a box keeps an inside.
        boxes[:, 2:] = np.maximum(boxes[:, 2:], boxes[:, :2] + 1)
        yield rng.permutation(boxes)
