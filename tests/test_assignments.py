"""Every assignment: the solution earns all, an empty one nothing, wrong answers what they must."""

import importlib
from pathlib import Path

import nbformat
import pytest

pytest.importorskip("nbgrader", reason="the extra 'grading' is not installed")

from course_utils.grading import sandbox
from course_utils.grading.autograde import autograde
from course_utils.grading.course import Course
from course_utils.grading.judge import HIDDEN
from course_utils.grading.records import generate
from course_utils.grading.submission import grade_id, is_answer, is_test

ROOT = Path(__file__).resolve().parents[1]
SOURCES = ROOT / "assignments" / "source"
NAMES = sorted(path.stem for path in SOURCES.glob("*/*.ipynb"))

needs_sandbox = pytest.mark.skipif(
    not sandbox.available(),
    reason="bubblewrap is missing (apt install bubblewrap) or may not work here",
)


def wrong_answers(name: str) -> dict:
    return importlib.import_module(f"wrong_answers.{name.replace('-', '_')}").WRONG


@pytest.fixture(scope="module")
def course(tmp_path_factory) -> Course:
    """The course's assignments, generated as `make assignments` does."""
    root = tmp_path_factory.mktemp("course")
    (root / "source").symlink_to(SOURCES)
    (root / "nbgrader_config.py").symlink_to(SOURCES.parent / "nbgrader_config.py")
    course = Course(root)
    for name in NAMES:
        generate(course, name)
    return course


def handed_in(course: Course, name: str, answers: dict[str, str], path: Path) -> Path:
    """The solution, but with ``answers`` in the cells that they name."""
    nbformat.write(course.solved(name, answers), path)
    return path


def points(course: Course, name: str, path: Path) -> dict[str, float]:
    result = autograde(path, course.release(name), course.hidden_tests(name), name)
    return {one: task.points for one, task in result.tasks.items()}


def full(course: Course, name: str) -> dict[str, float]:
    cells = course.release(name).cells
    return {grade_id(cell): cell.metadata.nbgrader.points for cell in cells if is_test(cell)}


@pytest.mark.parametrize("name", NAMES)
def test_students_get_no_solution_and_no_hidden_test(course, name):
    source = nbformat.read(course.source(name), as_version=4)
    text = nbformat.writes(course.release(name))
    assert "SOLUTION" not in text
    assert "HIDDEN" not in text
    assert "judge." not in text
    assert any(HIDDEN.findall(cell.source) for cell in source.cells)
    assert "# YOUR CODE HERE" in text


@pytest.mark.parametrize("name", NAMES)
def test_it_has_the_parts_of_an_assignment(course, name):
    cells = course.release(name).cells
    tests = [cell for cell in cells if is_test(cell)]
    written = [cell for cell in cells if cell.cell_type == "markdown" and is_answer(cell)]
    assert 6 <= len(tests) + len(written) <= 10
    assert len(written) == 1
    assert all("assert" in cell.source for cell in tests), "a visible test says what is wrong"
    source = nbformat.read(course.source(name), as_version=4)
    rubric = next(cell for cell in source.cells if grade_id(cell) == grade_id(written[0]))
    assert "Rubric" in rubric.source
    assert 'if "google.colab" in sys.modules' in cells[1].source, "it installs the course in Colab"


@needs_sandbox
@pytest.mark.parametrize("name", NAMES)
def test_the_solution_earns_everything(course, name, tmp_path):
    path = handed_in(course, name, {}, tmp_path / "solution.ipynb")
    assert points(course, name, path) == full(course, name)


@needs_sandbox
@pytest.mark.parametrize("name", NAMES)
def test_what_was_handed_out_earns_nothing(course, name, tmp_path):
    nbformat.write(course.release(name), tmp_path / "empty.ipynb")
    assert set(points(course, name, tmp_path / "empty.ipynb").values()) == {0.0}


@needs_sandbox
@pytest.mark.parametrize(
    ("name", "which"), [(name, which) for name in NAMES for which in wrong_answers(name)]
)
def test_a_wrong_answer_loses_its_points_and_no_others(course, name, which, tmp_path):
    answers, expected = wrong_answers(name)[which]
    path = handed_in(course, name, answers, tmp_path / "wrong.ipynb")
    earned = points(course, name, path)
    assert earned == pytest.approx(full(course, name) | expected, abs=1e-3)
