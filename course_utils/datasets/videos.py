"""Real clips that ship with the course, each with a card."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from course_utils.datasets.registry import folder, verified


@dataclass(frozen=True)
class VideoCard:
    """What a clip shows, where it comes from, and what is wrong with it.

    Attributes:
        name: name for `video_path`.
        title: what it is called here.
        description: one sentence.
        source: the package that it was made from, with its version and sha256.
        original_url: where it, or its package, is at home.
        licence: with the holder of the rights, whom a page that shows it must name.
        how_made: every step between the source and the file.
        command: the command that makes it again.
        problems: known faults.
        width, height: pixels.
        frames: how many.
        frames_per_second: at which they are shown.
        codec: how they are coded.
        versions: of the packages that coded them.
        files: bytes and sha256 of each file.
    """

    name: str
    title: str
    description: str
    source: dict[str, str]
    original_url: str
    licence: str
    how_made: str
    command: str
    problems: tuple[str, ...]
    width: int
    height: int
    frames: int
    frames_per_second: float
    codec: str
    versions: dict[str, str]
    files: dict[str, dict[str, Any]]


def video_names() -> tuple[str, ...]:
    """Names of the clips, in alphabetical order."""
    return tuple(sorted(path.stem for path in (folder() / "video").glob("*.mp4")))


def video_card(name: str) -> VideoCard:
    """The card of a clip.

    Raises:
        ValueError: unknown name; the message has the known ones.
    """
    known = video_names()
    if name not in known:
        raise ValueError(f"There is no clip {name!r}; known are {', '.join(known)}.")
    values = json.loads((folder() / "video" / f"{name}.json").read_text(encoding="utf-8"))
    return VideoCard(**(values | {"problems": tuple(values["problems"])}))


def video_path(name: str) -> Path:
    """The path of a clip's mp4 file, after its sha256 was compared with its card.

    Raises:
        ValueError: unknown name, or the file is missing or damaged.

    Example:
        >>> video_path("traffic").name
        'traffic.mp4'
    """
    card = video_card(name)
    (file,) = card.files
    return verified(card, file)
