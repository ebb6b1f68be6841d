"""nbgrader's side: generate assignments, keep grades in its gradebook, write its feedback."""

import os
import sys
import warnings
from pathlib import Path

from nbgrader.api import Gradebook
from nbgrader.apps import NbGraderAPI
from sqlalchemy.exc import SAWarning
from traitlets.config import Config, PyFileConfigLoader

from course_utils.grading.course import Course, Handed

# nbgrader makes its gradebook with a command "alembic" that it looks for in PATH, where a virtual
# environment that is used without being activated is not.
os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])


class NbgraderError(RuntimeError):
    """An nbgrader command did not succeed; the message is the last line of its log."""


def database(course: Course) -> str:
    """The address of the course's gradebook, as nbgrader wants it."""
    return f"sqlite:///{course.root / 'gradebook.db'}"


def generate(course: Course, assignment: str) -> None:
    """``nbgrader generate_assignment``: the student's version, and the gradebook's entry.

    Raises:
        NbgraderError: nbgrader refuses the source notebook.
    """
    _checked(_nbgrader(course).generate_assignment(assignment, force=True, create=True))


def record(course: Course, handed: Handed, points: dict[str, float], anew: bool) -> None:
    """Write the points of one submission into the gradebook.

    A mark that a human gave stays, and where the tests now give other points than before, the cell
    is shown to the human again; a written question waits for one.

    Args:
        course: whose gradebook.
        handed: the submission.
        points: by names of test cells.
        anew: the submission was graded just now, so that a human looks at its answers again.
    """
    folder = handed.path.parent
    name = folder.parent / "name.txt"
    stamp = folder / "timestamp.txt"
    known = {"last_name": name.read_text(encoding="utf-8")} if name.is_file() else {}
    when = {"timestamp": stamp.read_text().strip()} if stamp.is_file() else {}
    with warnings.catch_warnings(), Gradebook(database(course)) as gradebook:
        # nbgrader makes its rows in an order that SQLAlchemy 2 remarks upon; they are right.
        warnings.simplefilter("ignore", SAWarning)
        gradebook.update_or_create_student(handed.student, **known)
        submission = gradebook.update_or_create_submission(
            handed.assignment, handed.student, **when
        )
        for notebook in submission.notebooks:
            for grade in notebook.grades:
                score = points.get(grade.cell.name)
                if not anew and grade.manual_score is not None and grade.auto_score == score:
                    continue
                grade.auto_score = score
                grade.needs_manual_grade = score is None or grade.manual_score is not None
        gradebook.db.commit()


def feedback(course: Course, assignment: str, student: str | None = None) -> list[Path]:
    """``nbgrader generate_feedback``: an HTML page for each student.

    nbgrader copies what lies beside the notebook, and so the result with what hidden tests saw;
    that copy is taken away.

    Returns:
        The pages.

    Raises:
        NbgraderError: nbgrader could not write one.
    """
    _checked(_nbgrader(course).generate_feedback(assignment, student_id=student, force=True))
    for copy in course.root.glob(f"feedback/*/{assignment}/result.json"):
        copy.unlink()
    return sorted(course.root.glob(f"feedback/{student or '*'}/{assignment}/*.html"))


def _nbgrader(course: Course) -> NbGraderAPI:
    settings = course.root / "nbgrader_config.py"
    config = PyFileConfigLoader(str(settings)).load_config() if settings.is_file() else Config()
    config.CourseDirectory.root = str(course.root)
    config.CourseDirectory.db_url = database(course)
    return NbGraderAPI(config=config)


def _checked(result: dict) -> None:
    if not result["success"]:
        log = (result.get("error") or result.get("log") or "no reason given").strip()
        raise NbgraderError(f"nbgrader: {log.splitlines()[-1]}")
