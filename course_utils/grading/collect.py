"""From what a learning platform lets one download to nbgrader's ``submitted/``."""

import io
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath

from course_utils.grading.course import Course
from course_utils.grading.files import write_whole
from course_utils.grading.submission import LARGEST_FILE, NotGradable, grade_id, read

# Moodle: "Ada Lovelace_12345_assignsubmission_file_/x.ipynb", or the same without the folder.
MOODLE = re.compile(r"^(?P<name>.+)_(?P<id>\d+)_assignsubmission_file_?(?P<file>.*)$")
# Canvas: "lovelaceada_LATE_12345_67890_x-2.ipynb"; the first number is the student's.
CANVAS = re.compile(r"^(?P<name>[^_/]+)_(?:LATE_)?(?P<id>\d+)_(?P<upload>\d+)_(?P<file>.+)$")


@dataclass(frozen=True)
class Found:
    """One notebook in what was downloaded.

    Attributes:
        student: the platform's number of the student, or the name of the file or folder.
        name: as far as the platform tells it.
        where: the path inside the download, for messages.
        content: the file.
        modified: when it was handed in, as far as the file tells it.
        order: of several uploads of one student the highest counts.
    """

    student: str
    name: str
    where: str
    content: bytes
    modified: datetime
    order: tuple[int, datetime]


@dataclass(frozen=True)
class Collected:
    """What became of a download: sentences for the instructor, and how many were taken."""

    taken: int
    messages: list[str]


def collect(course: Course, download: Path, assignment: str | None = None) -> Collected:
    """Put every notebook of a folder or zip where nbgrader expects it.

    Which assignment a notebook belongs to is read from its cells; ``assignment`` says it for
    those in which nothing can be read, and leaves out those that belong to another one.

    Raises:
        ValueError: no such folder or zip, or an assignment that is not in the course.
    """
    if assignment is not None:
        course.check_known(assignment)
    cells = {name: course.grade_ids(name) for name in course.assignments}
    messages: list[str] = []
    newest: dict[tuple[str, str], Found] = {}
    for found in _notebooks(download, messages):
        belongs = _assignment(found, cells)
        if belongs is None:
            belongs = assignment
            if belongs is None:
                messages.append(
                    f"{found.where}: no assignment of the course can be read in it; say which it "
                    "is meant to be with --assignment."
                )
                continue
        elif assignment not in (None, belongs):
            messages.append(f"{found.where}: belongs to {belongs}, left out.")
            continue
        key = found.student, belongs
        if key in newest:
            messages.append(f"{found.student} handed in {belongs} more than once: the last counts.")
            if newest[key].order > found.order:
                continue
        newest[key] = found
    for (student, name), found in newest.items():
        folder = course.root / "submitted" / student / name
        folder.mkdir(parents=True, exist_ok=True)
        write_whole(folder / f"{name}.ipynb", found.content)
        write_whole(folder / "timestamp.txt", f"{found.modified:%Y-%m-%d %H:%M:%S} UTC")
        if found.name:
            write_whole(folder.parent / "name.txt", found.name)
    return Collected(len(newest), messages)


def _notebooks(download: Path, messages: list[str]) -> Iterator[Found]:
    if download.is_dir():
        for path in sorted(download.rglob("*")):
            if path.suffix.lower() == ".ipynb" and ".ipynb_checkpoints" not in path.parts:
                if path.is_symlink() or not path.is_file():
                    messages.append(f"{path.name}: is no ordinary file, left out.")
                    continue
                modified = datetime.fromtimestamp(path.stat().st_mtime, UTC)
                where = PurePosixPath(path.relative_to(download).as_posix())
                if path.stat().st_size > LARGEST_FILE:
                    messages.append(f"{where}: larger than {LARGEST_FILE // 2**20} MB, left out.")
                    continue
                yield _found(where, path.read_bytes(), modified)
    elif zipfile.is_zipfile(download):
        with zipfile.ZipFile(download) as archive:
            yield from _members(archive, PurePosixPath(), messages)
    else:
        raise ValueError(f"Expected a folder or a zip file, got {download}.")


def _members(
    archive: zipfile.ZipFile, inside: PurePosixPath, messages: list[str]
) -> Iterator[Found]:
    """Read in memory and never unpacked: a member's path may point anywhere."""
    for member in archive.infolist():
        where = inside / member.filename
        suffix = where.suffix.lower()
        if suffix not in (".ipynb", ".zip") or "__MACOSX" in where.parts:
            continue
        if member.file_size > LARGEST_FILE:
            messages.append(f"{where}: larger than {LARGEST_FILE // 2**20} MB, left out.")
            continue
        try:
            content = archive.read(member)
        except (RuntimeError, zipfile.BadZipFile) as error:
            messages.append(f"{where}: cannot be unpacked ({error}), left out.")
            continue
        if suffix == ".ipynb":
            yield _found(where, content, datetime(*member.date_time, tzinfo=UTC))
        elif inside == PurePosixPath():  # a student's own zip; zips in it are left alone
            try:
                with zipfile.ZipFile(io.BytesIO(content)) as inner:
                    yield from _members(inner, where.with_suffix(""), messages)
            except zipfile.BadZipFile:
                messages.append(f"{where}: is no zip file, left out.")


def _found(where: PurePosixPath, content: bytes, modified: datetime) -> Found:
    for part in where.parts:
        if match := MOODLE.match(part):
            return _named(match["id"], match["name"], where, content, modified, 0)
    if match := CANVAS.match(where.name):
        upload = int(match["upload"])
        return _named(match["id"], match["name"], where, content, modified, upload)
    owner = where.parts[0] if len(where.parts) > 1 else where.stem
    return _named(owner, "", where, content, modified, 0)


def _named(
    student: str,
    name: str,
    where: PurePosixPath,
    content: bytes,
    modified: datetime,
    upload: int,
) -> Found:
    # The name becomes a folder: letters of any language, but nothing that leads elsewhere.
    safe = re.sub(r"[^\w.@-]+", "-", student).strip(".-") or "unnamed"
    return Found(safe[:100], name, str(where), content, modified, (upload, modified))


def _assignment(found: Found, cells: dict[str, set[str]]) -> str | None:
    """The assignment with the most cells in the notebook."""
    try:
        notebook = read(found.content)
    except NotGradable:
        return None
    here = {grade_id(cell) for cell in notebook.cells} - {""}
    shared = {name: len(here & known) for name, known in cells.items()}
    best = max(shared, key=shared.get, default=None)
    return best if best and shared[best] else None
