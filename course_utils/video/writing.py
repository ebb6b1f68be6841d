"""Writing video files that every browser plays: H.264 in an mp4 file."""

from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from course_utils.video.containers import StrPath, demuxed, opened
from course_utils.video.reading import probe


def write(
    path: StrPath,
    frames: Iterable[np.ndarray],
    fps: float,
    *,
    quality: int = 20,
    keyframe_interval: int = 250,
) -> Path:
    """Write frames as H.264; the same frames give the same bytes on every machine.

    The colours are stored at half the resolution (4:2:0), so both sides must be even: an odd
    one gets its last row or column twice. H.264 loses a little: what is read again is near
    what was written, not equal to it.

    Args:
        path: should end in ``.mp4``; an existing file is replaced when all has gone well.
        frames: uint8 ``(height, width, 3)`` RGB, or grey ``(height, width)`` or
            ``(height, width, 1)``; one at a time is held, so a generator may be endless in
            principle.
        fps: frames per second.
        quality: x264's constant rate factor: 0 loses nothing, 51 nearly everything; six more
            halve the file, about.
        keyframe_interval: most frames from one keyframe to the next.

    Returns:
        The path.

    Raises:
        ValueError: no frames, a frame that is not as above (RGBA: H.264 knows no
            transparency) or differs in size from the first, or ``fps`` not above 0; nothing
            half-written stays.
    """
    path = Path(path)
    if not fps > 0:
        raise ValueError(f"fps must be above 0, but it is {fps}.")
    if path.suffix.lower() != ".mp4":
        raise ValueError(f"The file's name must end in .mp4, but it is {path.name!r}.")
    temporary = path.with_name(f".{path.stem}.tmp.mp4")
    try:
        with av.open(str(temporary), "w", options={"movflags": "faststart"}) as container:
            encode(container, frames, fps, quality=quality, keyframe_interval=keyframe_interval)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    return path


def encode(
    container: av.container.OutputContainer,
    frames: Iterable[np.ndarray],
    fps: float,
    *,
    quality: int,
    keyframe_interval: int = 250,
) -> None:
    """Write frames into an open mp4 container; arguments and errors are those of `write`."""
    stream, first = None, None
    for i, frame in enumerate(frames):
        picture = _picture(i, frame)
        if stream is None:
            first = picture.shape
            stream = _stream(container, first, fps, quality, keyframe_interval)
        if picture.shape != first:
            raise ValueError(
                f"All frames must have the size of the first, {first[1]}×{first[0]}, but "
                f"frame {i} has {picture.shape[1]}×{picture.shape[0]}."
            )
        coded = av.VideoFrame.from_ndarray(_even(picture), format="rgb24")
        container.mux(stream.encode(coded))
    if stream is None:
        raise ValueError("There are no frames to write.")
    container.mux(stream.encode(None))


def repeat(path: StrPath, target: StrPath, times: int) -> Path:
    """Write a video ``times`` over by copying its packets: nothing is decoded or coded again.

    Args:
        path: an mp4 file; its sound is left out.
        target: should end in ``.mp4``.
        times: at least 1.

    Returns:
        The target's path.

    Raises:
        ValueError: ``times`` below 1, or as `probe`.
    """
    path, target = Path(path), Path(target)
    if times < 1:
        raise ValueError(f"times must be at least 1, but it is {times}.")
    seconds = Fraction(probe(path).seconds).limit_denominator(90_000)
    with av.open(str(target), "w") as container:
        copy = None
        for i in range(times):
            with opened(path) as (source, stream):
                if copy is None:
                    copy = container.add_stream_from_template(stream)
                shift = round(i * seconds / stream.time_base)
                for packet in demuxed(path, source, stream):
                    if packet.size:
                        packet.pts, packet.dts = packet.pts + shift, packet.dts + shift
                        packet.stream = copy
                        container.mux(packet)
    return target


def _stream(
    container: av.container.OutputContainer,
    shape: tuple[int, ...],
    fps: float,
    quality: int,
    keyframe_interval: int,
) -> av.VideoStream:
    rate = Fraction(fps).limit_denominator(1001)
    # x264's look-ahead thread makes the bytes depend on which thread was faster.
    options = {"crf": str(quality), "x264-params": "sync-lookahead=0"}
    stream = container.add_stream("libx264", rate=rate, options=options)
    height, width = shape[:2]
    stream.height, stream.width = height + height % 2, width + width % 2
    stream.pix_fmt = "yuv420p"
    stream.gop_size = keyframe_interval
    # And several coding threads make them depend on how many cores there are.
    stream.codec_context.thread_count = 1
    return stream


def _picture(index: int, frame: np.ndarray) -> np.ndarray:
    """The frame as uint8 ``(height, width, 3)``."""
    frame = np.asarray(frame)
    grey = frame[..., None] if frame.ndim == 2 else frame
    if grey.dtype != np.uint8 or grey.ndim != 3 or grey.shape[2] not in (1, 3) or not grey.size:
        alpha = grey.ndim == 3 and grey.shape[2] == 4
        raise ValueError(
            "A frame must be uint8 (height, width), (height, width, 1) or (height, width, 3), but "
            f"frame {index} is {frame.dtype} {frame.shape}"
            + (": blend it with a background, H.264 knows no transparency." if alpha else ".")
        )
    return np.repeat(grey, 3, axis=-1) if grey.shape[2] == 1 else grey


def _even(picture: np.ndarray) -> np.ndarray:
    height, width = picture.shape[:2]
    padded = np.pad(picture, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
    return np.ascontiguousarray(padded)
