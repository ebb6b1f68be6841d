"""What people counted by eye in the clips: the truth that a tracker's count is held against."""

import json
from dataclasses import dataclass

from course_utils.datasets.registry import folder


@dataclass(frozen=True)
class VehicleCrossing:
    """A vehicle that crosses the line.

    Attributes:
        frame: the frame in which its middle reaches the line.
        stream: key of `VehicleCount.streams`.
        vehicle: ``"car"``, ``"van"`` or ``"lorry"``.
        note: what it looks like, and what hides it.
    """

    frame: int
    stream: str
    vehicle: str
    note: str


@dataclass(frozen=True)
class VehicleCount:
    """Vehicles that cross a line in a clip.

    Attributes:
        line: its two ends (x, y), in pixels of the clip.
        streams: the part of the line that each stream of traffic crosses, from 0 (the line's
            first end) to 1 (its second).
        how: how it was counted.
        accuracy: of the frame numbers.
        not_counted: what crosses the line and is not in the list, and why.
        crossings: in the order of their frames.
    """

    line: tuple[tuple[float, float], tuple[float, float]]
    streams: dict[str, tuple[float, float]]
    how: str
    accuracy: str
    not_counted: tuple[str, ...]
    crossings: tuple[VehicleCrossing, ...]

    def stream_at(self, place: float) -> str:
        """The stream that crosses the line at ``place``, from 0 to 1."""
        return next(name for name, (_, end) in self.streams.items() if place <= end)


def vehicle_count(name: str) -> VehicleCount:
    """The vehicles that were counted by eye in a clip.

    Args:
        name: of the clip, as for `video_path`.

    Raises:
        ValueError: nobody counted in this clip.
    """
    path = folder() / "video" / f"{name}-count.json"
    if not path.is_file():
        raise ValueError(f"No vehicles were counted in {name!r}, only in 'traffic'.")
    values = json.loads(path.read_text(encoding="utf-8"))
    first, second = (tuple(end) for end in values["line"])
    return VehicleCount(
        line=(first, second),
        streams={stream: tuple(part) for stream, part in values["streams"].items()},
        how=values["how"],
        accuracy=values["accuracy"],
        not_counted=tuple(values["not_counted"]),
        crossings=tuple(VehicleCrossing(**one) for one in values["crossings"]),
    )
