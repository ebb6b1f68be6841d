"""What a CenterNet should answer: boxes turned into maps (Zhou et al. 2019, section 3)."""

import numpy as np

from course_utils.models.centernet import STRIDE

# A middle found as far away as the Gaussian reaches still gives a box of this IoU; the value of
# Law and Deng 2018, arXiv:1808.01244, section 3.2, whose rule the paper takes over.
LEAST_IOU = 0.3
# Size and offset of the cells in which no middle lies: no box has a negative size.
NOTHING = -1.0


def encode(
    boxes: np.ndarray,
    labels: np.ndarray,
    image_shape: tuple[int, int],
    num_classes: int,
    *,
    stride: int = STRIDE,
) -> dict[str, np.ndarray]:
    """The three maps that `build_centernet` should return for these boxes.

    The middle of a box falls into one cell. There the heat map of its class is 1, and around it
    a Gaussian falls off; where two overlap the larger value counts.

    Args:
        boxes: ``(images, objects, 4)``: left, top, right, bottom in pixels.
        labels: integers ``(images, objects)``; −1 where there is no object.
        image_shape: height and width of the pictures in pixels.
        num_classes: number of heat maps.
        stride: pixels a cell.

    Returns:
        float32 ``"heatmap"`` ``(images, h, w, classes)`` in [0, 1], ``"size"`` and ``"offset"``
        ``(images, h, w, 2)`` in cells, −1 in the cells without a middle.

    Raises:
        ValueError: shapes that do not fit, a side that the stride does not divide, a box
            outside of the picture or without area, or an unknown label.
    """
    boxes, labels = np.asarray(boxes, np.float32), np.asarray(labels)
    check_boxes(boxes, labels, image_shape, num_classes)
    height, width = image_shape
    if height % stride or width % stride:
        raise ValueError(
            f"Height and width must be multiples of the stride {stride}, not {height}×{width}."
        )
    rows, columns = height // stride, width // stride
    maps = {
        "heatmap": np.zeros((len(boxes), rows, columns, num_classes), np.float32),
        "size": np.full((len(boxes), rows, columns, 2), NOTHING, np.float32),
        "offset": np.full((len(boxes), rows, columns, 2), NOTHING, np.float32),
    }
    middles = (boxes[..., :2] + boxes[..., 2:]) / 2 / stride  # (images, objects, 2), in cells
    sizes = (boxes[..., 2:] - boxes[..., :2]) / stride
    cells = np.floor(middles).astype(int)
    for place in range(boxes.shape[1]):
        i = np.flatnonzero(labels[:, place] >= 0)
        (x, y), label = cells[i, place].T, labels[i, place]
        sigma = gaussian_radius(sizes[i, place]) / 3
        across = _gaussian(np.arange(columns) - x[:, None], sigma)  # (images, w)
        down = _gaussian(np.arange(rows) - y[:, None], sigma)  # (images, h)
        heat = maps["heatmap"][i, :, :, label]
        splat = down[:, :, None] * across[:, None, :]
        maps["heatmap"][i, :, :, label] = np.maximum(heat, splat)
        maps["size"][i, y, x] = sizes[i, place]
        maps["offset"][i, y, x] = middles[i, place] - cells[i, place]
    return maps


def gaussian_radius(sizes: np.ndarray, least_iou: float = LEAST_IOU) -> np.ndarray:
    """How far a box may slide, along both axes at once, and keep the IoU ``least_iou``.

    Slid by r, a box of w × h shares (w − r)(h − r) with where it was, so that
    IoU = (w − r)(h − r) / (2wh − (w − r)(h − r)); this solves for r. The reference code takes
    the smallest of three such cases; only this one keeps the size, as a moved middle does.

    Args:
        sizes: ``(..., 2)``: width and height, in any unit.
        least_iou: the IoU, in (0, 1).

    Returns:
        ``(...)``, in the same unit.
    """
    total = sizes.sum(-1)
    rest = sizes.prod(-1) * (1 - least_iou) / (1 + least_iou)
    return (total - np.sqrt(total**2 - 4 * rest)) / 2


def _gaussian(distance: np.ndarray, sigma: np.ndarray) -> np.ndarray:
    return np.exp(-(distance**2) / (2 * sigma[:, None] ** 2)).astype(np.float32)


def check_boxes(
    boxes: np.ndarray, labels: np.ndarray, image_shape: tuple[int, int], num_classes: int
) -> None:
    """Refuse boxes and labels that do not fit one another or the pictures.

    Raises:
        ValueError: the first thing that does not fit, in one sentence.
    """
    if boxes.ndim != 3 or boxes.shape[-1] != 4 or labels.shape != boxes.shape[:2]:
        raise ValueError(
            "boxes must be (images, objects, 4) and labels (images, objects), "
            f"not {boxes.shape} and {labels.shape}."
        )
    if not np.issubdtype(labels.dtype, np.integer):
        raise ValueError(f"labels must be integers, not {labels.dtype}.")
    present = labels >= 0
    if present.any() and labels.max() >= num_classes:
        raise ValueError(
            f"Labels must lie in 0..{num_classes - 1} (−1: no object), found {labels.max()}."
        )
    height, width = image_shape
    left, top, right, bottom = boxes[present].T
    fits = (left >= 0) & (left < right) & (right <= width)
    fits &= (top >= 0) & (top < bottom) & (bottom <= height)
    if not fits.all():
        wrong = boxes[present][~fits][0].tolist()
        raise ValueError(
            "Boxes must be (left, top, right, bottom) within the picture of "
            f"{width}×{height} pixels, not {wrong}: clip them, and leave out what is empty."
        )
