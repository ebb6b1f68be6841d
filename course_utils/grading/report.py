"""What a teacher wants to see of a graded class: one picture and the pairs to look at."""

import json
import tempfile
from dataclasses import dataclass
from pathlib import Path

import nbformat
import numpy as np

from course_utils.grading.course import Course
from course_utils.grading.submission import NotGradable, grade_id, read


@dataclass(frozen=True)
class Pair:
    """Two submissions whose answers resemble each other.

    Attributes:
        students: their names.
        shared: the larger share of one's code that stands in the other's, 0 to 1.
    """

    students: tuple[str, str]
    shared: float


def shares(course: Course, assignment: str) -> tuple[list[str], list[str], np.ndarray]:
    """Points as shares of what could be earned.

    Returns:
        Students, names of test cells, and an array ``(students, cells)`` of 0 to 1.

    Raises:
        ValueError: nothing was graded yet.
    """
    graded = [one for one in course.handed_in(assignment) if course.is_graded(one)]
    if not graded:
        raise ValueError(f"There are no grades of {assignment!r} yet: run course-grade run first.")
    kept = [json.loads(course.graded(one).read_text())["tasks"] for one in graded]
    cells = list(kept[0])
    table = [[tasks[cell]["points"] / tasks[cell]["of"] for cell in cells] for tasks in kept]
    return [one.student for one in graded], cells, np.array(table)


def draw(course: Course, assignment: str, path: Path) -> None:
    """Draw the distribution of scores, and how hard each task was, to a PNG."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    students, cells, table = shares(course, assignment)
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
    left.hist(100 * table.mean(axis=1), bins=np.arange(0, 101, 10), color="tab:blue", rwidth=0.9)
    left.set(
        xlabel="mean of the tasks, percent",
        ylabel="students",
        title=f"{assignment}: {len(students)} submissions",
        xlim=(0, 100),
    )
    places = np.arange(len(cells))[::-1]
    right.barh(places, 100 * table.mean(axis=0), color="tab:orange")
    right.set_yticks(places, cells)
    right.set(xlabel="percent of the points, mean", title="each task", xlim=(0, 100))
    figure.savefig(path, dpi=110)
    plt.close(figure)


def similar(course: Course, assignment: str, at_least: float = 0.8) -> list[Pair]:
    """Pairs of submissions that share much of their answers, the most similar first.

    By winnowed fingerprints (Schleimer, Wilkerson and Aiken 2003), which names and spaces do not
    change; what was handed out does not count. A resemblance is a reason to look, no proof:
    short answers to clear questions are alike.
    """
    from copydetect import CodeFingerprint, compare_files

    release = course.release(assignment)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)

        def fingerprint(code: str, boilerplate: np.ndarray | tuple = ()) -> CodeFingerprint:
            path = folder / "answer.py"
            path.write_text(code, encoding="utf-8")
            return CodeFingerprint(str(path), 25, 1, boilerplate=boilerplate)

        given = np.array(sorted(fingerprint(_answers(release, release)).hashes))
        prints = {}
        for handed in course.handed_in(assignment):
            try:
                notebook = read(handed.path.read_bytes())
            except NotGradable:
                continue
            code = _answers(notebook, release)
            own = fingerprint(code, given) if code.strip() else None
            if own is not None and own.hashes:  # more than what was handed out
                prints[handed.student] = own
    pairs = []
    students = sorted(prints)
    for number, one in enumerate(students):
        for other in students[number + 1 :]:
            _, shared, _ = compare_files(prints[one], prints[other])
            if max(shared) >= at_least:
                pairs.append(Pair((one, other), float(max(shared))))
    return sorted(pairs, key=lambda pair: -pair.shared)


def _answers(notebook: nbformat.NotebookNode, release: nbformat.NotebookNode) -> str:
    answers = {
        grade_id(cell)
        for cell in release.cells
        if cell.cell_type == "code" and cell.metadata.get("nbgrader", {}).get("solution")
    }
    return "\n".join(cell.source for cell in notebook.cells if grade_id(cell) in answers)
