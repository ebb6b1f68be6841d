"""Digits that act: a handwritten digit moves, circles, grows, shrinks, bounces or stands still.

The label is the action and never the digit, which is there to distract. As in Moving MNIST
(Srivastava, Mansimov, Salakhutdinov 2015, arXiv:1502.04681) clips are made when they are asked
for, from MNIST's own splits. All actions share one distribution of places and sizes at the
middle of the clip: a single frame does not tell them apart.
"""

import numpy as np

DIGIT_ACTIONS = (
    "move left",
    "move right",
    "move up",
    "move down",
    "circle clockwise",
    "circle counter-clockwise",
    "grow",
    "shrink",
    "bounce",
    "stand still",
)
# The class of a clip that is played backwards.
REVERSED_ACTION = (1, 0, 3, 2, 5, 4, 7, 6, 8, 9)

_SPLITS = ("train", "validation", "test")
_NOISE = 0.02  # standard deviation of each pixel in each frame, as of a sensor
_FINE = 2  # samples a pixel, along each side


def digit_actions(
    split: str, count: int, *, frames: int = 16, size: int = 32, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Make clips of one acting digit each, taken from that split of MNIST.

    Speeds vary: over the clip a digit moves by 0.2 to 0.45 of the frame's side, circles by
    three quarters to five quarters of a turn, grows or shrinks by a factor of 1.5 to 2.5, or
    bounces two to three times. Clip number ``i`` shows class ``i % 10`` and is the same
    whatever ``count`` is.

    Args:
        split: ``"train"``, ``"validation"`` or ``"test"``.
        count: number of clips.
        frames: frames a clip, at least 2.
        size: side of the frames in pixels, at least 16.
        seed: the same seed makes the same clips.

    Returns:
        Clips float32 in [0, 1], ``(count, frames, size, size, 1)``, and labels int32
        ``(count,)``, indices of `DIGIT_ACTIONS`.

    Raises:
        ValueError: an unknown split, or a number that is too small.
    """
    from course_utils.datasets import load

    if split not in _SPLITS:
        raise ValueError(f"split must be one of {', '.join(_SPLITS)}, not {split!r}.")
    if count < 1 or frames < 2 or size < 16:
        raise ValueError(
            f"count must be at least 1, frames at least 2 and size at least 16, "
            f"not {count}, {frames} and {size}."
        )
    glyphs = getattr(load("mnist"), split)[0][..., 0]  # (examples, 28, 28)
    clips = np.empty((count, frames, size, size, 1), np.float32)
    labels = (np.arange(count) % len(DIGIT_ACTIONS)).astype(np.int32)
    for i, label in enumerate(labels):
        generator = np.random.default_rng((seed, _SPLITS.index(split), i))
        glyph = glyphs[generator.integers(len(glyphs))]
        middle = generator.uniform(0.32, 0.68, 2), generator.uniform(0.35, 0.55)
        path = action_path(label, frames, generator)
        clip = _render(glyph, *middle, path, size)
        noise = np.random.default_rng((seed, _SPLITS.index(split), i, size)).normal(
            0, _NOISE, clip.shape
        )
        clips[i, ..., 0] = np.clip(clip + noise, 0, 1)
    return clips, labels


def action_path(label: int, frames: int, generator: np.random.Generator) -> np.ndarray:
    """Where the digit is in each frame: ``(frames, 3)``, zero at the middle of the clip.

    Columns: x to the right and y down, in sides of the frame; the logarithm of its size.
    """
    name = DIGIT_ACTIONS[label]
    time = np.linspace(-0.5, 0.5, frames)
    speed, phase = generator.random(2)
    path = np.zeros((frames, 3))
    forwards = -1 if name in ("move left", "move up", "circle counter-clockwise", "shrink") else 1
    if name in ("move left", "move right"):
        path[:, 0] = forwards * time * (0.2 + 0.25 * speed)
    elif name in ("move up", "move down"):
        path[:, 1] = forwards * time * (0.2 + 0.25 * speed)
    elif name.startswith("circle"):
        start = 2 * np.pi * phase
        angle = start + forwards * 2 * np.pi * time * (0.75 + 0.5 * speed)
        radius = 0.1 + 0.08 * generator.random()
        # Clockwise on a picture whose y points down.
        path[:, 0] = radius * (np.cos(angle) - np.cos(start))
        path[:, 1] = radius * (np.sin(angle) - np.sin(start))
    elif name in ("grow", "shrink"):
        path[:, 2] = forwards * time * np.log(1.5 + speed)
    elif name == "bounce":
        height = 0.2 + 0.15 * generator.random()

        def fall(at):
            return 4 * height * at * (1 - at)  # a parabola from floor to floor

        path[:, 1] = fall(phase) - fall((phase + time * (2 + speed)) % 1)
    return path


def _render(
    glyph: np.ndarray, centre: np.ndarray, side: float, path: np.ndarray, size: int
) -> np.ndarray:
    """Frames ``(frames, size, size)`` with the glyph at its places, between pixels."""
    import cv2

    canvas = size * _FINE
    frames = np.empty((len(path), size, size), np.float32)
    for frame, (x, y, grown) in zip(frames, path, strict=True):
        scale = side * np.exp(grown) * canvas / len(glyph)
        across, down = (centre + np.array([x, y])) * canvas - scale * len(glyph) / 2
        matrix = np.array([[scale, 0, across], [0, scale, down]])
        samples = cv2.warpAffine(glyph, matrix, (canvas, canvas), flags=cv2.INTER_LINEAR)
        frame[:] = samples.reshape(size, _FINE, size, _FINE).mean((1, 3))
    return frames
