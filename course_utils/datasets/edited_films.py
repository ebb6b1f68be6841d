"""Films cut together from the course's clips and photographs, so that every cut is known.

Test sets for shot boundaries are made by hand and are large; many detectors are trained on films
that are cut together by a program, as these are (Souček and Lokoč, 2020, "TransNet V2").
"""

from typing import NamedTuple

import numpy as np

from course_utils.datasets.photographs import photographs
from course_utils.datasets.videos import video_names, video_path

SIZE = (96, 128)
# Frames over which a dissolve mixes two shots, and its share among the boundaries.
DISSOLVE, DISSOLVE_SHARE = 8, 0.25
# Shortest and longest shot, and the fastest camera over a photograph in pixels a frame.
LENGTHS, SPEED = (15, 40), 12.0
_PHOTOGRAPHS = (
    "astronaut",
    "brick",
    "camera",
    "chelsea",
    "coffee",
    "coins",
    "grass",
    "gravel",
    "hubble_deep_field",
    "retina",
    "rocket",
)


class EditedFilm(NamedTuple):
    """A film and the truth about it.

    Attributes:
        frames: uint8 ``(count, 96, 128, 3)``.
        boundaries: int ``(shots - 1,)``, the first frame of each new shot; of a dissolve its
            middle.
        kinds: ``"cut"``, ``"same source"`` (a cut between two parts of one clip or photograph)
            or ``"dissolve"`` for each boundary.
    """

    frames: np.ndarray
    boundaries: np.ndarray
    kinds: tuple[str, ...]


def edited_film(seed: int, *, shots: int = 60) -> EditedFilm:
    """Draw shots and cut them together.

    Four in ten shots are windows of the two clips at rest, the others windows that
    glide over a photograph. A quarter of the boundaries are dissolves of eight frames.

    Args:
        seed: another film for each.
        shots: how many; they take 15 to 39 frames each.

    Raises:
        ValueError: fewer than 2 shots.
    """
    if shots < 2:
        raise ValueError(f"A film needs at least 2 shots to have a boundary, not {shots}.")
    random, sources = np.random.default_rng(seed), _sources()
    # Two clips and eleven photographs: each clip counts four times.
    names = [name for name in sources for _ in range(4 if sources[name].ndim == 4 else 1)]
    frames: list[np.ndarray] = []
    boundaries, kinds, before = [], [], ""
    for _ in range(shots):
        name = str(random.choice(names))
        shot = list(_shot(random, sources[name]))
        dissolve = random.random() < DISSOLVE_SHARE
        if frames and dissolve:
            weights = np.linspace(0, 1, DISSOLVE + 2)[1:-1]
            pairs = zip(weights, frames[-DISSOLVE:], shot[:DISSOLVE], strict=True)
            mixed = [np.round((1 - w) * a + w * b).astype(np.uint8) for w, a, b in pairs]
            frames[-DISSOLVE:] = mixed
            boundaries.append(len(frames) - DISSOLVE // 2)
            kinds.append("dissolve")
            shot = shot[DISSOLVE:]
        elif frames:
            boundaries.append(len(frames))
            kinds.append("same source" if name == before else "cut")
        frames += shot
        before = name
    return EditedFilm(np.stack(frames), np.array(boundaries), tuple(kinds))


def _sources() -> dict[str, np.ndarray]:
    """The clips at twice the size of a film, the photographs at four times."""
    import cv2

    from course_utils import video

    height, width = SIZE
    sources = {
        name: video.read(video_path(name), size=(2 * height, 2 * width)) for name in video_names()
    }
    album = photographs()
    for name in _PHOTOGRAPHS:
        photograph = album[name]
        colored = photograph if photograph.ndim == 3 else np.repeat(photograph[..., None], 3, -1)
        scaled = cv2.resize(colored, (4 * width, 4 * height), interpolation=cv2.INTER_AREA)
        sources[name] = scaled
    return sources


def _shot(random: np.random.Generator, source: np.ndarray) -> np.ndarray:
    """A window of a clip, or a window that glides over a photograph and turns at its edges."""
    height, width = SIZE
    count = int(random.integers(*LENGTHS))
    room = np.array(source.shape[-3:-1]) - SIZE
    corner = random.integers(room)
    if source.ndim == 4:
        start = random.integers(len(source) - count)
        (y, x), part = corner, source[start : start + count]
        return part[:, y : y + height, x : x + width]
    angle, speed = random.uniform(0, 2 * np.pi), random.uniform(0, SPEED)
    way = corner + speed * np.arange(count)[:, None] * (np.sin(angle), np.cos(angle))
    corners = (room - np.abs(way % (2 * room) - room)).astype(int)
    return np.stack([source[y : y + height, x : x + width] for y, x in corners])
