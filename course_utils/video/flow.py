"""Optical flow: how far each pixel moves from one frame to the next."""

import numpy as np


def optical_flow(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """The flow by DIS (Kroeger et al., 2016, "Fast optical flow using dense inverse search").

    OpenCV's implementation with its preset ``MEDIUM``.

    Args:
        first: uint8 ``(height, width, 3)`` RGB or ``(height, width)`` grey.
        second: the same size, a little later.

    Returns:
        float32 ``(height, width, 2)``: pixels to the right and pixels down, so that
        ``second[y + flow[y, x, 1], x + flow[y, x, 0]]`` shows what ``first[y, x]`` does.

    Raises:
        ValueError: other shapes or types, different sizes, or a side below 16 pixels.
    """
    import cv2

    grey = []
    for frame in (first, second):
        if frame.dtype != np.uint8 or frame.shape[2:] not in ((), (3,)) or frame.ndim < 2:
            raise ValueError(
                "A frame must be uint8 (height, width, 3) or (height, width), but it is "
                f"{frame.dtype} {frame.shape}."
            )
        grey.append(cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) if frame.ndim == 3 else frame)
    if grey[0].shape != grey[1].shape or min(grey[0].shape) < 16:
        raise ValueError(
            "Two frames of one size with sides of at least 16 pixels are needed, but they have "
            f"{grey[0].shape} and {grey[1].shape}."
        )
    method = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    return method.calc(*map(np.ascontiguousarray, grey), None)


def end_point_error(flow: np.ndarray, truth: np.ndarray, mask: np.ndarray | None = None) -> float:
    """Mean distance, in pixels, between where the flow and where the truth lead.

    Baker et al. (2011), "A database and evaluation methodology for optical flow", section 4.1.

    Args:
        flow: ``(height, width, 2)``.
        truth: the same shape, or one that broadcasts to it, such as ``(2,)``.
        mask: bool ``(height, width)``, the pixels to count; by default all.

    Raises:
        ValueError: no pixel to count.
    """
    distances = np.linalg.norm(flow - np.asarray(truth), axis=-1)
    if mask is not None:
        distances = distances[mask]
    if not distances.size:
        raise ValueError("The mask leaves no pixel to count.")
    return float(distances.mean())


def flow_colors(flow: np.ndarray, largest: float | None = None) -> np.ndarray:
    """The flow as a picture: the hue is the direction, the stronger the colour the faster.

    No motion is white, as in Baker et al. (2011).

    Args:
        flow: ``(..., height, width, 2)`` in pixels.
        largest: the speed, in pixels, at which the colour is full; by default the largest in
            ``flow``. Give it when several pictures must be comparable.

    Returns:
        uint8 ``(..., height, width, 3)``. Right is red, down yellow-green, left cyan, up violet.

    Raises:
        ValueError: ``largest`` is not above 0.
    """
    from matplotlib.colors import hsv_to_rgb

    speed = np.linalg.norm(flow, axis=-1)
    if largest is None:
        largest = float(speed.max()) or 1.0
    if not largest > 0:
        raise ValueError(f"largest must be above 0, but it is {largest}.")
    hue = np.arctan2(flow[..., 1], flow[..., 0]) / (2 * np.pi) % 1
    saturation = np.clip(speed / largest, 0, 1)
    colors = hsv_to_rgb(np.stack([hue, saturation, np.ones_like(hue)], axis=-1))
    return np.round(255 * colors).astype(np.uint8)
