"""Moving MNIST: handwritten digits that fly through a dark square and bounce off its walls.

Srivastava, Mansimov, Salakhutdinov 2015, arXiv:1502.04681, section 3.2. Clips are made when
they are asked for, so there are as many as one likes, and where every digit is, is known.
"""

import numpy as np

# The paper's canvas and step: digits of 28 pixels that move by a tenth of their way from wall
# to wall in each frame, in a direction of their own.
CANVAS, DIGIT, STEP = 64, 28, 0.1
SIZES = (16, 32, 64)
_SPLITS = ("train", "validation", "test")


def moving_digits(
    split: str,
    count: int,
    *,
    frames: int = 20,
    size: int = 64,
    digits: int = 2,
    seed: int = 0,
    corners: bool = False,
) -> np.ndarray | tuple[np.ndarray, np.ndarray]:
    """Make clips of bouncing digits, taken from that split of MNIST.

    Where digits overlap, the brighter one is seen. Clip number ``i`` is the same whatever
    ``count`` is, and different in every split.

    Args:
        split: ``"train"``, ``"validation"`` or ``"test"``.
        count: number of clips.
        frames: frames a clip.
        size: side of the frames, 64 as in the paper, or 32 or 16: then every frame is the
            mean over blocks of 2 × 2 or 4 × 4 pixels.
        digits: digits in each clip.
        seed: the same seed makes the same clips.
        corners: also return where the digits are.

    Returns:
        float32 in [0, 1], ``(count, frames, size, size, 1)``; with ``corners`` also the x and
        y of every digit's upper left corner in pixels, float32 ``(count, frames, digits, 2)``;
        a digit's square has the side ``size * 28 / 64``.

    Raises:
        ValueError: an unknown split or size, or a number below 1.
    """
    from course_utils.datasets import load

    if split not in _SPLITS:
        raise ValueError(f"split must be one of {', '.join(_SPLITS)}, not {split!r}.")
    if size not in SIZES:
        raise ValueError(f"size must be one of {', '.join(map(str, SIZES))}, not {size!r}.")
    if min(count, frames, digits) < 1:
        raise ValueError(
            f"count, frames and digits must be at least 1, not {count}, {frames} and {digits}."
        )
    glyphs = getattr(load("mnist"), split)[0][..., 0]  # (examples, 28, 28)
    clips = np.empty((count, frames, size, size, 1), np.float32)
    places = np.empty((count, frames, digits, 2), np.float32)
    block = CANVAS // size
    for i in range(count):
        generator = np.random.default_rng((seed, _SPLITS.index(split), i))
        chosen = glyphs[generator.integers(len(glyphs), size=digits)]
        path = _paths(generator, frames, digits)
        clip = _render(chosen, path)
        clips[i, ..., 0] = clip.reshape(frames, size, block, size, block).mean((2, 4))
        places[i] = path / block
    return (clips, places) if corners else clips


def _paths(generator: np.random.Generator, frames: int, digits: int) -> np.ndarray:
    """Whole pixels (x, y) of the upper left corners, ``(frames, digits, 2)``."""
    angle = generator.uniform(0, 2 * np.pi, digits)
    start = generator.uniform(0, 1, (digits, 2))
    step = STEP * np.stack([np.cos(angle), np.sin(angle)], -1)
    straight = start + step * np.arange(frames)[:, None, None]
    # A ball between mirrors at 0 and 1: straight on in the mirrored world, folded back.
    folded = 1 - np.abs(straight % 2 - 1)
    return np.round(folded * (CANVAS - DIGIT)).astype(int)


def _render(glyphs: np.ndarray, path: np.ndarray) -> np.ndarray:
    """Frames ``(frames, 64, 64)`` with every glyph at its place, the brighter one on top."""
    clip = np.zeros((len(path), CANVAS, CANVAS), np.float32)
    for frame, places in zip(clip, path, strict=True):
        for glyph, (x, y) in zip(glyphs, places, strict=True):
            under = frame[y : y + DIGIT, x : x + DIGIT]
            np.maximum(under, glyph, out=under)
    return clip
