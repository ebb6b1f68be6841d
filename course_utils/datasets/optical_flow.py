"""Optical flow beside the picture: what a two-stream network takes in."""

import numpy as np

# Chosen on pale validation clips of camera motion: wide windows average the noise away.
_FARNEBACK = {
    "pyr_scale": 0.5,
    "levels": 2,
    "winsize": 15,
    "iterations": 3,
    "poly_n": 7,
    "poly_sigma": 1.5,
    "flags": 0,
}


def with_flow(clips: np.ndarray) -> np.ndarray:
    """Append to every frame how its pixels move to the next frame.

    The dense flow is that of Farnebäck 2003, "Two-frame motion estimation based on polynomial
    expansion", doi:10.1007/3-540-45103-X_50, as OpenCV computes it. The last frame has no next
    one; its flow is zero.

    Args:
        clips: grey clips float32 in [0, 1], ``(clips, frames, height, width, 1)``.

    Returns:
        float32 ``(clips, frames, height, width, 3)``: the grey value, the motion to the right
        and the motion down in pixels a frame.

    Raises:
        ValueError: clips of another shape.
    """
    import cv2

    clips = np.asarray(clips, np.float32)
    if clips.ndim != 5 or clips.shape[-1] != 1:
        raise ValueError(
            "Flow needs grey clips of shape (clips, frames, height, width, 1), not "
            f"{clips.shape}: take the mean over the channels first."
        )
    result = np.zeros((*clips.shape[:-1], 3), np.float32)
    result[..., :1] = clips
    pictures = np.round(clips[..., 0] * 255).astype(np.uint8)
    for pictured, filled in zip(pictures, result, strict=True):
        for now, later, flow in zip(pictured[:-1], pictured[1:], filled[:-1], strict=True):
            flow[..., 1:] = cv2.calcOpticalFlowFarneback(now, later, None, **_FARNEBACK)
    return result
