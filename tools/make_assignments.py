"""Make what students get: notebooks without solutions and hidden tests, a zip, and a page's table.

Usage: python tools/make_assignments.py   (or make assignments)

Writes _build/extra/assignments/NAME.ipynb and assignments.zip beside them, which the site's build
copies to the site, and book/_generated/assignments.md, which the appendix includes. nbgrader makes
the notebooks; nothing is made again where the sources did not change.
"""

import hashlib
import tempfile
import zipfile
from pathlib import Path

import nbformat
from make_results_page import write_changed
from set_repository import current_url

from course_utils.grading.course import Course
from course_utils.grading.records import generate

ROOT = Path(__file__).resolve().parent.parent
ASSIGNMENTS = ROOT / "assignments"
EXTRA = ROOT / "_build" / "extra"
TARGET = ROOT / "book" / "_generated" / "assignments.md"
ORDER = (
    "images-and-convolution",
    "recurrent-networks",
    "attention-and-transformers",
    "adversarial-networks",
    "transfer-and-detection",
    "video",
    "outlook",
)


def sources() -> list[Path]:
    """The assignments' source notebooks, in the order of the course."""
    known = {path.stem: path for path in ASSIGNMENTS.glob("source/*/*.ipynb")}
    return sorted(known.values(), key=lambda path: ORDER.index(path.stem))


def fingerprint() -> str:
    """Changes when any source or nbgrader's settings do."""
    paths = [*sources(), ASSIGNMENTS / "nbgrader_config.py"]
    return hashlib.sha256(b"\0".join(path.read_bytes() for path in paths)).hexdigest()


def make_students_versions(folder: Path) -> None:
    """Generate every assignment in a course of its own, and keep the notebooks and a zip."""
    folder.mkdir(parents=True, exist_ok=True)
    stamp = folder.parent.parent / "assignments.sha256"  # beside what the site copies
    if stamp.is_file() and stamp.read_text() == fingerprint():
        return
    for old in folder.iterdir():
        old.unlink()
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        for part in ("source", "nbgrader_config.py"):
            (root / part).symlink_to(ASSIGNMENTS / part)
        course = Course(root)
        for assignment in course.assignments:
            generate(course, assignment)
            nbformat.write(course.release(assignment), folder / f"{assignment}.ipynb")
    with zipfile.ZipFile(folder / "assignments.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.glob("*.ipynb")):
            # A fixed date: the same notebooks make the same zip.
            archive.writestr(zipfile.ZipInfo(path.name), path.read_text(encoding="utf-8"))
    stamp.write_text(fingerprint())


def markdown() -> str:
    """A table of all assignments: title, tasks, points, and where to get them."""
    slug = current_url().removeprefix("https://github.com/")
    lines = [
        "| assignment | tasks | points | notebook | in the browser |",
        "|---|---:|---:|---|---|",
    ]
    for path in sources():
        cells = nbformat.read(path, as_version=4).cells
        title = cells[0].source.splitlines()[0].removeprefix("# Assignment: ")
        graded = [cell for cell in cells if cell.metadata.get("nbgrader", {}).get("grade")]
        points = sum(cell.metadata.nbgrader.points for cell in graded)
        file = f"{path.stem}.ipynb"
        colab = f"https://colab.research.google.com/github/{slug}/blob/gh-pages/assignments/{file}"
        lines.append(
            f"| {title} | {len(graded)} | {points:g} "
            f'| <a href="../assignments/{file}" download>{file}</a> | [open in Colab]({colab}) |'
        )
    return "\n".join(lines) + "\n"


def write() -> None:
    """Bring notebooks, zip and table up to date."""
    make_students_versions(EXTRA / "assignments")
    write_changed(TARGET, markdown())


if __name__ == "__main__":
    write()
    print(f"{len(sources())} assignments and assignments.zip are in {EXTRA / 'assignments'}.")
