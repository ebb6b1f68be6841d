"""Reading video files: what is in them, single frames, and all frames one after the other."""

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np

from course_utils.video.containers import StrPath, decoded, numbered, opened, scan


@dataclass(frozen=True)
class VideoInfo:
    """What a video file says about itself, and what counting its packets says.

    Attributes:
        container: FFmpeg's name for the kind of file, such as ``"mov,mp4,m4a,3gp,3g2,mj2"``.
        codec: how the pictures are coded, such as ``"h264"``.
        width: pixels, as stored: a telephone's note "turn me" is not applied.
        height: pixels, as stored.
        frames_per_second: on average.
        frames: number of coded pictures, counted.
        seconds: from the first picture to the end of the last.
        keyframes: indices of the pictures at which decoding can begin.
        bytes: size of the file.
        audio: whether it has sound, which this package leaves alone.
    """

    container: str
    codec: str
    width: int
    height: int
    frames_per_second: float
    frames: int
    seconds: float
    keyframes: tuple[int, ...]
    bytes: int
    audio: bool


@dataclass(frozen=True)
class Packet:
    """One coded picture, as it lies in the file.

    Attributes:
        index: its place in the order of showing, from 0.
        seconds: when it is shown.
        type: ``"I"`` (coded alone), ``"P"`` (from earlier pictures), ``"B"`` (from both sides).
        keyframe: whether decoding can begin here.
        bytes: size in the file.
    """

    index: int
    seconds: float
    type: str
    keyframe: bool
    bytes: int


def probe(path: StrPath) -> VideoInfo:
    """Describe a video file; its packets are counted, and nothing is decoded.

    Raises:
        ValueError: no such file, empty, not a video, or cut off.
    """
    path = Path(path)
    found, time_base = scan(path)
    shown = sorted(found, key=lambda one: one.pts)
    seconds = (shown[-1].pts + shown[-1].duration - shown[0].pts) * time_base
    with opened(path) as (container, stream):
        return VideoInfo(
            container=container.format.name,
            codec=stream.codec_context.name,
            width=stream.width,
            height=stream.height,
            frames_per_second=float(stream.average_rate or len(found) / seconds),
            frames=len(found),
            seconds=seconds,
            keyframes=tuple(i for i, one in enumerate(shown) if one.keyframe),
            bytes=path.stat().st_size,
            audio=bool(container.streams.audio),
        )


def packets(path: StrPath) -> list[Packet]:
    """The coded pictures in the order of the file; the whole video is decoded for their types.

    Raises:
        ValueError: as `frames`.
    """
    path = Path(path)
    types = ["?IPBSIPB"[frame.pict_type] for frame in decoded(path)]
    found, time_base = scan(path)
    times = sorted(one.pts for one in found)
    listed = []
    for one in found:
        shown = bisect_left(times, one.pts)
        seconds = one.pts * time_base
        listed.append(Packet(shown, seconds, types[shown], one.keyframe, one.bytes))
    return listed


def frames(path: StrPath, *, size: tuple[int, int] | None = None) -> Iterator[np.ndarray]:
    """All frames, decoded one after the other as they are asked for.

    One array is alive at a time, so the memory does not depend on the length of the video.

    Args:
        path: a video file; of several video streams the first.
        size: ``(height, width)`` to scale to, whatever the proportions; by default as stored.

    Yields:
        uint8 ``(height, width, 3)``, RGB. A grey video has three equal channels.

    Raises:
        ValueError: no such file, empty, not a video, cut off, or damaged; for the last two
            after the good frames that come before (damage that stops the decoder may take a
            few of these along).
    """
    for frame in decoded(Path(path)):
        yield _rgb(frame, size)


def read(
    path: StrPath,
    *,
    start: int = 0,
    count: int | None = None,
    step: int = 1,
    size: tuple[int, int] | None = None,
) -> np.ndarray:
    """Read frames ``start``, ``start + step``, ... into one array.

    Decoding begins at the last keyframe that is not after ``start``. The frame's number is
    turned into its time stamp by counting, so it is right where the frame rate varies, too.

    Args:
        path: a video file.
        start: index of the first frame, from 0.
        count: how many frames; by default all that there are.
        step: 2 takes every second frame.
        size: ``(height, width)`` to scale to, whatever the proportions; by default as stored.

    Returns:
        uint8 ``(count, height, width, 3)``, RGB.

    Raises:
        ValueError: as `frames`; or the video has fewer frames than are asked for.
    """
    path = Path(path)
    if start < 0 or step < 1 or (count is not None and count < 1):
        raise ValueError(
            f"start must be at least 0, step and count at least 1, but they are {start}, {step} "
            f"and {count}."
        )
    end = None if count is None else start + (count - 1) * step + 1
    kept, index = [], -1
    for index, frame in numbered(path, start):
        if (index - start) % step == 0:
            kept.append(_rgb(frame, size))
        if index + 1 == end:
            break
    if not kept or (end is not None and index + 1 < end):
        raise ValueError(
            f"{path} has {index + 1 if kept else probe(path).frames} frames, too few for frame "
            f"{(end or start + 1) - 1}: they are numbered from 0."
        )
    return np.stack(kept)


def _rgb(frame: av.VideoFrame, size: tuple[int, int] | None) -> np.ndarray:
    height, width = size or (frame.height, frame.width)
    return frame.reformat(width, height, "rgb24", interpolation="BICUBIC").to_ndarray()
