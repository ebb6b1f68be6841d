"""Video files as FFmpeg sees them: packets and coded frames, and an error for every fault.

FFmpeg alone would rather guess: it fills the damaged parts of a picture from its neighbours, and
takes a tear between two packets for the end of the video. Here, a file that is empty, is no video,
was cut off or is damaged raises a ``ValueError`` of one sentence that names it.
"""

from bisect import bisect_left
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from os import PathLike
from pathlib import Path

import av

# Only local files: a text file named .mp4 may be a playlist, which would make FFmpeg wait for
# other computers. The limits, in seconds, are for opening a file and for one read from it.
_OPTIONS = {"protocol_whitelist": "file"}
_TIMEOUT = (10.0, 10.0)

StrPath = str | PathLike[str]


@dataclass(frozen=True)
class Coded:
    """A packet's numbers, in units of its stream's time base."""

    pts: int
    dts: int
    duration: int
    keyframe: bool
    bytes: int


@contextmanager
def opened(path: Path) -> Iterator[tuple[av.container.InputContainer, av.VideoStream]]:
    """The container and its first video stream; every failure is a sentence about the file."""
    if not path.is_file():
        raise ValueError(f"{path} should be a video file, but there is no such file.")
    if not path.stat().st_size:
        raise ValueError(f"{path} should be a video file, but it is empty: fetch it again.")
    try:
        container = av.open(str(path), options=dict(_OPTIONS), timeout=_TIMEOUT)
    except av.FFmpegError as error:
        raise ValueError(
            f"{path} is not a video that FFmpeg can open, or its end is missing "
            f"({error.strerror}): fetch it again."
        ) from None
    with container:
        if not container.streams.video:
            raise ValueError(f"{path} has no pictures in it, only {container.format.long_name}.")
        yield container, container.streams.video[0]


def scan(path: Path) -> tuple[list[Coded], float]:
    """All packets in the order of the file, without decoding, and the seconds of a time unit."""
    found = []
    with opened(path) as (container, stream):
        for packet in demuxed(path, container, stream):
            if packet.size and not packet.is_discard:
                pts, dts, length = _stamp(packet), packet.dts, packet.duration or 0
                found.append(Coded(pts, dts, length, packet.is_keyframe, packet.size))
        time_base = float(stream.time_base)
    if not found:
        raise ValueError(f"{path} is a video without a single frame.")
    return found, time_base


def demuxed(
    path: Path, container: av.container.InputContainer, stream: av.VideoStream
) -> Iterator[av.Packet]:
    """The packets up to the end that the header promises, and an empty one that ends decoding."""
    end = packet = None
    try:
        for packet in container.demux(stream):
            if packet.is_corrupt:
                break
            if packet.size:
                end = max(end or 0, _stamp(packet) + (packet.duration or 0))
            yield packet
        else:
            # Containers differ by a few frames in what they count as the end.
            if _promised(container, stream) - (end or 0) * stream.time_base < 0.2:
                return
    except av.FFmpegError:
        pass
    if packet is None or packet.size:
        # Good pictures that still wait in the decoder come out before the error.
        empty = av.Packet()
        empty.stream = stream
        yield empty
    until = float((end or 0) * stream.time_base)
    raise ValueError(f"{path} breaks off after {until:.1f} s: fetch it again.")


def _promised(container: av.container.InputContainer, stream: av.VideoStream) -> float:
    """The second at which the pictures end, after the header; 0 where it does not tell."""
    if stream.duration is not None:
        return float(((stream.start_time or 0) + stream.duration) * stream.time_base)
    if len(container.streams) == 1 and container.duration is not None:
        return ((container.start_time or 0) + container.duration) / av.time_base
    return 0.0


def numbered(path: Path, start: int) -> Iterator[tuple[int, av.VideoFrame]]:
    """Frames from number ``start`` on, with their numbers; decoded from the keyframe before."""
    if not start:
        yield from enumerate(decoded(path))
        return
    found, _ = scan(path)
    times = sorted(one.pts for one in found)
    if start >= len(times):
        return
    before = [one for one in found if one.keyframe and one.pts <= times[start]]
    begin = max(before, key=lambda one: one.pts, default=None)
    if begin is None or begin.dts is None or len(set(times)) < len(times):
        # No time stamps to go by: count from the first frame.
        yield from ((i, frame) for i, frame in enumerate(decoded(path)) if i >= start)
        return
    for frame in decoded(path, begin):
        if frame.pts is not None and frame.pts >= times[start]:
            yield bisect_left(times, frame.pts), frame


def decoded(path: Path, begin: Coded | None = None) -> Iterator[av.VideoFrame]:
    """The frames in the order of showing, from the keyframe ``begin`` or from the first."""
    with opened(path) as (container, stream):
        stream.thread_type = "AUTO"
        if begin is not None:
            # By the time of decoding, which is what containers look up.
            container.seek(begin.dts, stream=stream)
        for packet in demuxed(path, container, stream):
            try:
                pictures = packet.decode()
            except av.FFmpegError as error:
                raise _damaged(path, packet, error.strerror) from None
            for frame in pictures:
                if begin is not None and frame.pts is not None and frame.pts < begin.pts:
                    continue
                if frame.is_corrupt:
                    raise _damaged(path, frame, "a part of the picture is missing")
                yield frame


def _damaged(path: Path, where: av.Packet | av.VideoFrame, why: str) -> ValueError:
    seconds = float((_stamp(where) or 0) * where.time_base)
    return ValueError(f"{path} is damaged at {seconds:.1f} s ({why}): fetch it again.")


def _stamp(one: av.Packet | av.VideoFrame) -> int | None:
    """The time of showing; AVI has only that of decoding, in the same order."""
    return one.dts if one.pts is None else one.pts
