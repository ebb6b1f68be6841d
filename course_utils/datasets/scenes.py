"""Scenes: garments laid over real photographs, with exact boxes, masks and tracks.

Nobody had to draw a box here: whoever composes a picture knows where everything in it is. The
backgrounds of the three splits are different photographs, the garments come from different
splits of Fashion-MNIST, so a test scene shows nothing that was trained on.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from course_utils.datasets.photographs import photographs

SCENE_CLASSES = ("top", "trousers", "dress", "shoe", "bag")
# Class of each of Fashion-MNIST's ten labels: tops are hard to tell from one another even at
# full size, and so are shoes.
_GROUPS = np.array([0, 1, 0, 2, 0, 3, 0, 3, 4, 3])
SCENE_PHOTOGRAPHS = {
    "train": (
        "brick",
        "brushes",
        "camera",
        "china",
        "coffee",
        "dandelions",
        "dogs",
        "fig",
        "gravel",
        "hubble_deep_field",
        "meadow",
        "mountains",
        "rocket",
        "stream",
        "sunset",
    ),
    "validation": ("coins", "drum", "flower", "retina"),
    "test": ("astronaut", "chelsea", "grass"),
}
_SPLITS = tuple(SCENE_PHOTOGRAPHS)
_SCALES = (0.7, 1.4)
# Two objects may hide this much of the smaller one when a still scene is composed.
_MOST_OVERLAP = 0.2
# A thing of which less is to be seen counts as hidden.
LEAST_VISIBLE = 0.25


@dataclass(frozen=True, eq=False, repr=False)
class Scenes:
    """Pictures and the truth about them; ``...`` is ``(scenes,)`` or ``(clips, frames)``.

    Attributes:
        images: float32 in [0, 1], ``(..., size, size, 3)``.
        boxes: float32 ``(..., objects, 4)``: left, top, right, bottom edges of what is
            visible, in pixels; 0 where there is no object.
        labels: int32 ``(..., objects)``: index into `SCENE_CLASSES`, −1 where there is no
            object or it is hidden. In a clip, an object keeps its place along this axis: the
            index is its track.
        masks: uint8 ``(..., size, size)``: 0 for the background, else 1 + class.
    """

    images: np.ndarray
    boxes: np.ndarray
    labels: np.ndarray
    masks: np.ndarray

    def __repr__(self) -> str:
        present = int((self.labels >= 0).sum())
        return f"Scenes({self.images.shape} {self.images.dtype}, {present} boxes)"


@dataclass(frozen=True)
class _Garment:
    label: int
    colors: np.ndarray  # (height, width, 3)
    mask: np.ndarray  # (height, width) bool


def scenes(
    split: str, count: int, *, size: int = 96, objects: tuple[int, int] = (1, 4), seed: int = 0
) -> Scenes:
    """Compose still scenes of garments over crops of photographs.

    Garments are tinted, between 20 and 39 pixels tall or wide, and hardly cover one another.
    Scene number ``i`` is the same whatever ``count`` is, and different in every split.

    Args:
        split: ``"train"``, ``"validation"`` or ``"test"``.
        count: number of scenes.
        size: side of the pictures in pixels, 48 to 256.
        objects: fewest and most garments a scene; fewer are placed where no room is left.
        seed: the same seed makes the same scenes.

    Raises:
        ValueError: an unknown split, or numbers outside these ranges.
    """
    _check(split, count, size, objects)
    studio = _Studio(split, size)
    images, boxes, labels, masks = _empty((count,), objects[1], size)
    for i in range(count):
        rng = np.random.default_rng((seed, _SPLITS.index(split), i))
        images[i] = studio.background(rng)
        placed: list[np.ndarray] = []
        garments = []
        for _ in range(rng.integers(objects[0], objects[1] + 1)):
            garment = studio.garment(rng)
            corner = _free_corner(rng, garment, placed, size)
            if corner is not None:
                placed.append(_extent(garment, corner))
                garments.append((garment, corner))
        boxes[i], labels[i], masks[i] = _paint(images[i], garments, objects[1])
    return Scenes(images, boxes, labels, masks)


def moving_scenes(
    split: str,
    count: int,
    *,
    frames: int = 32,
    size: int = 96,
    objects: tuple[int, int] = (2, 4),
    speed: tuple[float, float] = (1.0, 3.0),
    seed: int = 0,
) -> Scenes:
    """Clips in which garments drift over a still photograph, bounce, and pass one another.

    Later garments hide earlier ones: a garment with less than a quarter to be seen has label
    −1 in that frame, and comes back under its index.

    Args:
        split: ``"train"``, ``"validation"`` or ``"test"``.
        count: number of clips.
        frames: frames a clip.
        size: side of the pictures in pixels, 48 to 256.
        objects: fewest and most garments a clip.
        speed: slowest and fastest motion, in pixels a frame.
        seed: the same seed makes the same clips.

    Raises:
        ValueError: an unknown split, or numbers outside these ranges.
    """
    _check(split, count, size, objects)
    if frames < 1 or not 0 <= speed[0] <= speed[1]:
        raise ValueError(
            f"frames must be at least 1 and speed (slowest, fastest), not {frames} and {speed}."
        )
    studio = _Studio(split, size)
    images, boxes, labels, masks = _empty((count, frames), objects[1], size)
    for i in range(count):
        rng = np.random.default_rng((seed, 3 + _SPLITS.index(split), i))
        background = studio.background(rng)
        garments = [studio.garment(rng) for _ in range(rng.integers(objects[0], objects[1] + 1))]
        paths = [_path(rng, garment, frames, size, speed) for garment in garments]
        for t in range(frames):
            images[i, t] = background
            now = [(garment, path[t]) for garment, path in zip(garments, paths, strict=True)]
            boxes[i, t], labels[i, t], masks[i, t] = _paint(images[i, t], now, objects[1])
    return Scenes(images, boxes, labels, masks)


class _Studio:
    """The photographs and garments of one split."""

    def __init__(self, split: str, size: int):
        from course_utils.datasets import load

        album = photographs()
        self.size = size
        self.backdrops = [album[name] for name in SCENE_PHOTOGRAPHS[split]]
        glyphs, fine_labels = getattr(load("fashion_mnist"), split)
        self.glyphs, self.groups = glyphs[..., 0], _GROUPS[fine_labels]
        self.members = [np.flatnonzero(self.groups == c) for c in range(len(SCENE_CLASSES))]

    def background(self, rng: np.random.Generator) -> np.ndarray:
        """A crop of random place and size of a photograph, float32 ``(size, size, 3)``."""
        import cv2

        picture = self.backdrops[rng.integers(len(self.backdrops))]
        height, width = picture.shape[:2]
        side = int(rng.integers(self.size, min(height, width) + 1))
        top, left = rng.integers(height - side + 1), rng.integers(width - side + 1)
        crop = picture[top : top + side, left : left + side]
        crop = cv2.resize(crop, (self.size, self.size), interpolation=cv2.INTER_AREA)
        crop = crop.astype(np.float32) / 255
        return crop if crop.ndim == 3 else np.repeat(crop[..., None], 3, axis=-1)

    def garment(self, rng: np.random.Generator) -> _Garment:
        """A garment of a random class, size and tint, cut to what is visible of it."""
        import cv2
        from scipy.ndimage import binary_fill_holes

        label = int(rng.integers(len(SCENE_CLASSES)))
        glyph = self.glyphs[rng.choice(self.members[label])]
        side = round(28 * rng.uniform(*_SCALES))
        hue, saturation, value = rng.uniform(0, 360), rng.uniform(0.3, 1), rng.uniform(0.7, 1)
        tint = cv2.cvtColor(np.float32([[[hue, saturation, value]]]), cv2.COLOR_HSV2RGB)[0, 0]
        grey = cv2.resize(glyph, (side, side), interpolation=cv2.INTER_LINEAR)
        solid = binary_fill_holes(glyph > 0.04).astype(np.float32)
        mask = cv2.resize(solid, (side, side), interpolation=cv2.INTER_LINEAR) > 0.5
        rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
        inside = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        colors = (0.25 + 0.75 * grey[..., None]) * tint
        return _Garment(label, colors[inside].astype(np.float32), mask[inside])


def _check(split: str, count: int, size: int, objects: Sequence[int]) -> None:
    if split not in _SPLITS:
        raise ValueError(f"split must be one of {', '.join(_SPLITS)}, not {split!r}.")
    if count < 1 or not 48 <= size <= 256:
        raise ValueError(
            f"count must be at least 1 and size within 48..256, not {count} and {size}."
        )
    if not 0 <= objects[0] <= objects[1] or objects[1] < 1:
        raise ValueError(f"objects must be (fewest, most) with most at least 1, not {objects}.")


def _empty(lead: tuple[int, ...], most: int, size: int) -> tuple[np.ndarray, ...]:
    return (
        np.empty((*lead, size, size, 3), np.float32),
        np.zeros((*lead, most, 4), np.float32),
        np.full((*lead, most), -1, np.int32),
        np.zeros((*lead, size, size), np.uint8),
    )


def _extent(garment: _Garment, corner: np.ndarray) -> np.ndarray:
    height, width = garment.mask.shape
    return np.array([corner[0], corner[1], corner[0] + width, corner[1] + height])


def _free_corner(
    rng: np.random.Generator, garment: _Garment, placed: list[np.ndarray], size: int
) -> np.ndarray | None:
    """Upper left corner (x, y) where the garment hardly covers another; None after 20 tries."""
    height, width = garment.mask.shape
    for _ in range(20):
        corner = rng.integers(0, (size - width + 1, size - height + 1))
        box = _extent(garment, corner)
        for other in placed:
            sides = np.minimum(box[2:], other[2:]) - np.maximum(box[:2], other[:2])
            smaller = min(np.prod(b[2:] - b[:2]) for b in (box, other))
            if (sides > 0).all() and sides.prod() > _MOST_OVERLAP * smaller:
                break
        else:
            return corner
    return None


def _path(
    rng: np.random.Generator,
    garment: _Garment,
    frames: int,
    size: int,
    speed: tuple[float, float],
) -> np.ndarray:
    """Whole pixels (x, y) of the upper left corner in every frame, ``(frames, 2)``."""
    height, width = garment.mask.shape
    room = np.array([size - width, size - height])
    angle = rng.uniform(0, 2 * np.pi)
    step = rng.uniform(*speed) * np.array([np.cos(angle), np.sin(angle)])
    straight = rng.uniform(0, 1, 2) * room + step * np.arange(frames)[:, None]
    # Straight on in the world behind the mirror, folded back.
    folded = room - np.abs(straight % (2 * room) - room)
    return np.round(folded).astype(int)


def _paint(
    image: np.ndarray, garments: list[tuple[_Garment, np.ndarray]], most: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Lay the garments over ``image`` in place; return boxes, labels, mask of what is visible."""
    owner = np.full(image.shape[:2], -1)
    for index, (garment, (x, y)) in enumerate(garments):
        height, width = garment.mask.shape
        part = np.s_[y : y + height, x : x + width]
        image[part][garment.mask] = garment.colors[garment.mask]
        owner[part][garment.mask] = index
    boxes = np.zeros((most, 4), np.float32)
    labels = np.full(most, -1, np.int32)
    mask = np.zeros(image.shape[:2], np.uint8)
    for index, (garment, _) in enumerate(garments):
        seen = owner == index
        mask[seen] = 1 + garment.label
        if seen.sum() >= LEAST_VISIBLE * garment.mask.sum():
            rows, columns = np.flatnonzero(seen.any(1)), np.flatnonzero(seen.any(0))
            boxes[index] = columns[0], rows[0], columns[-1] + 1, rows[-1] + 1
            labels[index] = garment.label
    return boxes, labels, mask
