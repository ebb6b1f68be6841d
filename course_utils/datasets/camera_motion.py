"""Camera motion: clips of a camera that pans, tilts, zooms, rolls, shakes or stands still.

A window glides over a real photograph, so what moves is real and how it moves is known. All
classes are drawn from the same distribution of windows at the middle of the clip: that frame
holds no trace of the class, whatever a network does with it. Eight of the ten motions become
another class when the clip is played backwards.
"""

import numpy as np

from course_utils.datasets.photographs import photographs

CAMERA_MOTIONS = (
    "pan left",
    "pan right",
    "tilt up",
    "tilt down",
    "zoom in",
    "zoom out",
    "roll clockwise",
    "roll counter-clockwise",
    "shake",
    "static",
)
# The class of a clip that is played backwards.
REVERSED_MOTION = (1, 0, 3, 2, 5, 4, 7, 6, 8, 9)

# By photograph, not by window: no photograph is in two splits.
CAMERA_PHOTOGRAPHS = {
    "train": (
        "astronaut",
        "brick",
        "coffee",
        "coins",
        "grass",
        "gravel",
        "hubble_deep_field",
        "china",
    ),
    "validation": ("camera", "retina"),
    "test": ("chelsea", "rocket", "flower"),
}

# Half of the largest window that any motion reaches, in sides of the window: its half diagonal
# (1/√2) times the widest zoom (√2), or plus half of the longest pan.
_MARGIN = 1.02
_NOISE = 0.02  # standard deviation of each pixel in each frame, as of a sensor
# Plain sky, or an edge and nothing else, shows nobody how the camera moves (the aperture problem).
# So windows are drawn again until, in the direction in which it is weakest, the root mean square
# of the slope is at least this much a pixel, at 32 pixels a window; the noise has 0.014.
_LEAST_SLOPE = 0.015
_TRIES = 50
_FINE = 2  # samples a pixel, along each side


def camera_motion(
    split: str, count: int, *, frames: int = 16, size: int = 32, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Make clips of a moving camera over the photographs of that split.

    Directions are those of the camera: when it pans left, what it sees moves right. Speeds
    vary: over the clip a pan or tilt travels 0.15 to 0.55 of the window's side, a zoom changes
    the scale by a factor of 1.25 to 2, a roll turns by 15° to 60°. Clip number ``i`` shows
    class ``i % 10``, is the same whatever ``count`` is, and shows the same at every ``size``.

    Args:
        split: ``"train"``, ``"validation"`` or ``"test"``.
        count: number of clips.
        frames: frames a clip, at least 2.
        size: side of the frames in pixels, at least 8.
        seed: the same seed makes the same clips.

    Returns:
        Grey clips float32 in [0, 1], ``(count, frames, size, size, 1)``, and labels int32
        ``(count,)``, indices of `CAMERA_MOTIONS`.

    Raises:
        ValueError: an unknown split, or a number that is too small.
    """
    splits = tuple(CAMERA_PHOTOGRAPHS)
    if split not in splits:
        raise ValueError(f"split must be one of {', '.join(splits)}, not {split!r}.")
    if count < 1 or frames < 2 or size < 8:
        raise ValueError(
            f"count must be at least 1, frames at least 2 and size at least 8, "
            f"not {count}, {frames} and {size}."
        )
    pictures = _grey_photographs(CAMERA_PHOTOGRAPHS[split])
    clips = np.empty((count, frames, size, size, 1), np.float32)
    labels = (np.arange(count) % len(CAMERA_MOTIONS)).astype(np.int32)
    for i, label in enumerate(labels):
        generator = np.random.default_rng((seed, splits.index(split), i))
        picture = pictures[generator.integers(len(pictures))]
        if generator.random() < 0.5:
            picture = picture[:, ::-1]
        clip = _render(picture, motion_path(label, frames, generator), size, generator)
        noise = np.random.default_rng((seed, splits.index(split), i, size)).normal(
            0, _NOISE, clip.shape
        )
        clips[i, ..., 0] = np.clip(clip + noise, 0, 1)
    return clips, labels


def motion_path(label: int, frames: int, generator: np.random.Generator) -> np.ndarray:
    """Where the window is in each frame: ``(frames, 4)``, zero at the middle of the clip.

    Columns: the window's centre, x to the right and y down, in sides of the window; its angle
    in radians, clockwise; the logarithm of its side.
    """
    name = CAMERA_MOTIONS[label]
    time = np.linspace(-0.5, 0.5, frames)
    path = np.zeros((frames, 4))
    speed = generator.random()  # 0 slow, 1 fast
    forwards = -1 if name in ("pan left", "tilt up", "zoom in", "roll counter-clockwise") else 1
    if name.startswith("pan"):
        path[:, 0] = forwards * time * (0.15 + 0.4 * speed)
    elif name.startswith("tilt"):
        path[:, 1] = forwards * time * (0.15 + 0.4 * speed)
    elif name.startswith("roll"):
        path[:, 2] = forwards * time * np.radians(15 + 45 * speed)
    elif name.startswith("zoom"):
        path[:, 3] = forwards * time * np.log(1.25 + 0.75 * speed)
    elif name == "shake":
        shift = generator.normal(0, 0.02 + 0.03 * speed, (frames, 2))
        path[:, :2] = np.clip(shift, -0.15, 0.15)
    return path


def weakest_slope(picture: np.ndarray) -> float:
    """Root mean square slope of a picture ``(height, width)`` in the direction of the least.

    The root of the smaller eigenvalue of the structure tensor; Shi and Tomasi 1994, "Good
    features to track", doi:10.1109/CVPR.1994.323794, choose by it what can be followed.
    """
    down, right = np.gradient(picture)
    tensor = np.cov(np.stack([right.ravel(), down.ravel()]), bias=True)
    return float(np.sqrt(max(0.0, np.linalg.eigvalsh(tensor)[0])))


def _grey_photographs(names: tuple[str, ...]) -> list[np.ndarray]:
    """Grey float32 pictures ``(height, width)`` in [0, 1]."""
    album = photographs()
    pictures = [album[name] for name in names]
    grey = [(p.mean(-1) if p.ndim == 3 else p).astype(np.float32) / 255 for p in pictures]
    return [_shrunk(picture, 512) for picture in grey]


def _render(
    picture: np.ndarray, path: np.ndarray, size: int, generator: np.random.Generator
) -> np.ndarray:
    """Frames ``(frames, size, size)``: a window of a random place, size and tilt, moved."""
    share = generator.uniform(0.25, 0.45)  # of the photograph's shorter side
    picture = _shrunk(picture, size * _FINE / share)
    side = share * min(picture.shape)  # of the window, in pixels
    angle = generator.uniform(-1, 1) * np.radians(15)
    low, high = _MARGIN * side, np.array(picture.shape[::-1]) - _MARGIN * side
    best, slope = None, -1.0
    for _ in range(_TRIES):
        centre = generator.uniform(low, high)
        found = weakest_slope(_window(picture, centre, side, angle, 32))
        if found > slope:
            best, slope = centre, found
        if slope >= _LEAST_SLOPE:
            break
    frames = np.empty((len(path), size, size), np.float32)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    for frame, (x, y, roll, zoom) in zip(frames, path, strict=True):
        centre = best + side * (turn @ (x, y))
        frame[:] = _window(picture, centre, side * np.exp(zoom), angle + roll, size)
    return frames


def _shrunk(picture: np.ndarray, shorter: float) -> np.ndarray:
    """The picture with that shorter side, by area means, so that no detail falls between samples.

    A picture that is smaller stays as it is.
    """
    import cv2

    factor = shorter / min(picture.shape)
    if factor >= 1:
        return np.ascontiguousarray(picture)
    height, width = (max(1, round(factor * n)) for n in picture.shape)
    return cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)


def _window(
    picture: np.ndarray, centre: np.ndarray, side: float, angle: float, size: int
) -> np.ndarray:
    """A square of the picture, turned and resampled between pixels: ``(size, size)``."""
    import cv2

    fine = size * _FINE
    step = side / fine
    cos, sin = step * np.cos(angle), step * np.sin(angle)
    middle = (fine - 1) / 2
    matrix = np.array(
        [
            [cos, -sin, centre[0] - (cos - sin) * middle],
            [sin, cos, centre[1] - (sin + cos) * middle],
        ]
    )
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    samples = cv2.warpAffine(
        picture,
        matrix,
        (fine, fine),
        flags=flags,
        borderMode=cv2.BORDER_REFLECT_101,
    )
    return samples.reshape(size, _FINE, size, _FINE).mean((1, 3))
