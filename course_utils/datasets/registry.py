"""The cards of the data sets, and packaged files that are what their card says."""

import difflib
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal


@dataclass(frozen=True)
class Card:
    """What a data set is, where it comes from, and what is wrong with it.

    Attributes:
        name: name for `load`.
        kind: ``"images"``, ``"sound"`` or ``"text"``.
        title: its usual name.
        description: one paragraph.
        source: the package that the files were made from, with its version and sha256.
        original_url: where its authors published it.
        licence: of the data, with the holder of the rights.
        citation: the works to cite: authors, year, title, where, and DOI or arXiv id.
        how_made: every step between the source and the files.
        command: the command that makes the files again, byte for byte.
        splits: examples in each split.
        class_names: a name for every label.
        problems: known faults and biases.
        files: bytes and sha256 of each file.
    """

    name: str
    kind: Literal["images", "sound", "text"]
    title: str
    description: str
    source: dict[str, str]
    original_url: str
    licence: str
    citation: tuple[dict[str, Any], ...]
    how_made: str
    command: str
    splits: dict[str, int]
    class_names: tuple[str, ...]
    problems: tuple[str, ...]
    files: dict[str, dict[str, Any]]

    @classmethod
    def read(cls, path: Path) -> "Card":
        """Read a card from its JSON file."""
        values = json.loads(path.read_text(encoding="utf-8"))
        lists = {key: tuple(value) for key, value in values.items() if isinstance(value, list)}
        return cls(**(values | lists))


def folder() -> Path:
    """Where the packaged data lie: inside the wheel, or ``data`` of a checkout."""
    package = Path(__file__).parents[1]
    installed = package / "_data"
    return installed if installed.is_dir() else package.parent / "data"


def names() -> tuple[str, ...]:
    """Names of the data sets that `load` knows, in alphabetical order."""
    return tuple(sorted(path.stem for path in folder().glob("*.json")))


def card(name: str) -> Card:
    """The card of a data set.

    Raises:
        ValueError: unknown name; the message has the known ones and the closest.
    """
    known = names()
    if name not in known:
        close = difflib.get_close_matches(str(name).lower().replace("-", "_"), known, n=1)
        hint = f" Did you mean {close[0]!r}?" if close else ""
        raise ValueError(f"There is no data set {name!r}; known are {', '.join(known)}.{hint}")
    return Card.read(folder() / f"{name}.json")


def verified(card: Card, file: str) -> Path:
    """The path of one of the card's files, after its sha256 was compared with the card.

    Raises:
        ValueError: the file is missing or damaged; says what was expected, found, and what
            to do.
    """
    path, expected = folder() / file, card.files[file]
    if path.is_file():
        with path.open("rb") as stream:
            sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
        found = f"{path.stat().st_size:,} bytes with sha256 {sha256[:12]}…"
    else:
        sha256, found = None, "no file"
    if sha256 != expected["sha256"]:
        raise ValueError(
            f"{file} should have {expected['bytes']:,} bytes with sha256 "
            f"{expected['sha256'][:12]}…, found {found}: install course_utils again, or in a "
            f"checkout run `{card.command}`."
        )
    return path
