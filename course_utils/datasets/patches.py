"""Patches of photographs: which photograph is this square of grey pixels cut from?"""

import numpy as np

from course_utils.datasets.photographs import photographs

PATCH_CLASSES = (
    "brick",
    "grass",
    "gravel",
    "coins",
    "hubble_deep_field",
    "retina",
    "chelsea",
    "coffee",
    "rocket",
    "camera",
)


def photograph_patches(
    split: str, count: int, *, size: int = 64, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Random grey squares from ten photographs; the class is the photograph.

    The training patches come from the left third of each photograph, the validation patches
    from the middle third and the test patches from the right third, so no pixel is shared.

    Args:
        split: ``"train"``, ``"validation"`` or ``"test"``.
        count: patches a class.
        size: side in pixels.
        seed: of the places.

    Returns:
        Images float32 ``(10 * count, size, size, 1)`` in [0, 1] and labels int32.

    Raises:
        ValueError: unknown split, or patches larger than a third of a photograph.
    """
    splits = ("train", "validation", "test")
    if split not in splits:
        raise ValueError(f"split must be one of {', '.join(splits)}, not {split!r}.")
    if count < 1 or not 1 <= size <= 100:
        raise ValueError(
            f"count must be at least 1 and size within 1..100, not {count} and {size}."
        )
    part = splits.index(split)
    rng = np.random.default_rng((seed, part))
    pictures = photographs()
    patches = []
    for name in PATCH_CLASSES:
        picture = pictures[name].astype(np.float32) / 255
        grey = picture.mean(axis=-1) if picture.ndim == 3 else picture
        third = grey.shape[1] // 3
        grey = grey[:, part * third : (part + 1) * third]
        tops = rng.integers(0, grey.shape[0] - size + 1, count)
        lefts = rng.integers(0, third - size + 1, count)
        corners = zip(tops, lefts, strict=True)
        patches += [grey[top : top + size, left : left + size] for top, left in corners]
    labels = np.repeat(np.arange(len(PATCH_CLASSES), dtype=np.int32), count)
    return np.stack(patches)[..., None], labels
