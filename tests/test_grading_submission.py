"""What a student handed in is read with patience and put into the released notebook."""

import nbformat
import pytest

pytest.importorskip("nbgrader", reason="the extra 'grading' is not installed")

import hostile_submissions as corpus

from course_utils.grading import submission
from course_utils.grading.submission import NotGradable, grade_id, read, restore


@pytest.fixture
def release() -> nbformat.NotebookNode:
    """As students get it, without asking nbgrader for it."""
    notebook = corpus.source()
    for cell in notebook.cells:
        if submission.is_answer(cell):
            cell.source = "# YOUR CODE HERE"
        elif submission.is_test(cell):
            cell.source = cell.source.split("\n### BEGIN")[0]
    return notebook


def test_answers_are_taken_and_everything_else_is_put_back(release):
    handed = corpus.source()
    handed.cells[3].source = "assert True"
    handed.cells[3].metadata.nbgrader.points = 100
    handed.cells.insert(2, nbformat.v4.new_code_cell("mine = 1"))
    made = restore(handed, release, "sums")
    by_name = {grade_id(cell): cell for cell in made.notebook.cells}
    assert "return a + b" in by_name["add-answer"].source
    assert by_name["add"].source == release.cells[3].source
    assert by_name["add"].metadata.nbgrader.points == 2
    assert made.notebook.cells[2].source == "mine = 1"
    assert made.notes == ["Changed tests or questions were put back: add, double."]


def test_missing_cells_come_back_in_their_places(release):
    handed = nbformat.from_dict(release)
    handed.cells = [cell for cell in release.cells if grade_id(cell) not in ("setup", "add")]
    made = restore(handed, release, "sums")
    assert [grade_id(cell) for cell in made.notebook.cells] == [
        grade_id(cell) for cell in release.cells
    ]
    assert made.notes == ["Missing cells were put back without an answer: setup, add."]


def test_a_missing_answer_is_empty_and_not_the_handed_out_stub(release):
    handed = nbformat.from_dict(release)
    handed.cells = [cell for cell in release.cells if grade_id(cell) != "add-answer"]
    cells = restore(handed, release, "sums").notebook.cells
    assert next(cell for cell in cells if grade_id(cell) == "add-answer").source == ""


def test_cell_ids_are_unique_afterwards(release):
    handed = corpus.source()
    for cell in handed.cells:
        cell["id"] = "same"
    ids = [cell.id for cell in restore(handed, release, "sums").notebook.cells]
    assert len(set(ids)) == len(ids)


def test_another_notebook_is_refused_by_name(release):
    other = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1")])
    with pytest.raises(NotGradable, match="No cell of assignment sums is in it"):
        restore(other, release, "sums")


def test_a_file_that_is_too_large_is_refused_before_it_is_parsed(monkeypatch):
    monkeypatch.setattr(submission, "LARGEST_FILE", 10)
    with pytest.raises(NotGradable, match="more than the 0 MB allowed: clear its outputs"):
        read(b"x" * 11)


def test_old_notebooks_are_brought_up_to_date():
    old = nbformat.writes(nbformat.convert(corpus.source(), 3), version=3)
    notebook = read(old.encode())
    assert notebook.nbformat == 4
    assert [grade_id(cell) for cell in notebook.cells][:2] == ["introduction", "setup"]
