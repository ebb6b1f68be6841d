"""The judge compares plain data, and hidden tests cannot be left out or go wrong silently."""

import nbformat
import numpy as np
import pytest

pytest.importorskip("nbgrader", reason="the extra 'grading' is not installed")

import hostile_submissions as corpus

from course_utils.grading.judge import BrokenTest, Failure, HiddenTests, Judge, Verdict


@pytest.fixture
def verdict() -> Verdict:
    return Verdict()


@pytest.fixture
def judge(verdict) -> Judge:
    return Judge(verdict)


@pytest.mark.parametrize(
    ("answer", "right"),
    [
        ([1.0, 2.0], True),
        (np.array([1.0, 2.00001]), True),
        ([1.0, 2.1], False),
        ([[1.0, 2.0]], False),
        (1.0, False),
        ("[1, 2]", False),
        (None, False),
        ([1.0, float("nan")], False),
        ({"a": 1}, False),
    ],
)
def test_close_wants_shape_and_values(judge, verdict, answer, right):
    judge.close(answer, np.array([1.0, 2.0]), "two numbers")
    assert (verdict.passed, verdict.total) == (int(right), 1)
    assert bool(verdict.reasons) is not right


@pytest.mark.parametrize(
    ("answer", "expected", "right"),
    [
        (3, 3, True),
        (3.0, 3, True),
        (True, 1, False),
        (1, True, False),
        ("3", 3, False),
        ([1, 2], (1, 2), True),
        ([1, [2, 3]], [1, [2, 4]], False),
        ({"a": 1}, {"a": 1}, True),
        ({"a": 1}, {"a": 1, "b": 2}, False),
        (np.array([1, 2]), np.array([1, 2]), True),
        ([1, 2], np.array([1, 2]), False),
    ],
)
def test_equal_compares_values_and_kinds(judge, verdict, answer, expected, right):
    judge.equal(answer, expected, "it")
    assert verdict.passed == right


def test_a_condition_that_meets_the_wrong_kind_is_false(judge, verdict):
    judge.holds([3], lambda x: x[0] > 2, "more than two")
    judge.holds("no", lambda x: x["key"] > 2, "more than two")
    judge.holds([1], lambda x: x[0] > 2, "more than two")
    assert (verdict.passed, verdict.total, verdict.share) == (1, 3, 1 / 3)
    assert verdict.reasons == [
        "more than two: the answer is not of the kind that was asked for",
        "more than two: the answer does not hold",
    ]


def test_a_failure_counts_and_its_detail_is_not_for_the_student(judge, verdict):
    judge.close(Failure("f raised an error", "E271828"), 1.0, "it")
    assert verdict.reasons == ["it: f raised an error"]
    assert "E271828" in verdict.details[0]


def test_a_broken_assignment_is_told_and_not_marked():
    source = corpus.source()
    cell = next(cell for cell in source.cells if cell.id == "add")
    cell.source = "assert True"
    with pytest.raises(BrokenTest, match="add has no hidden test"):
        HiddenTests(source)
    source = corpus.source()
    source.cells.insert(1, nbformat.v4.new_code_cell("1 / 0"))
    with pytest.raises(BrokenTest, match="The solution does not run: ZeroDivisionError"):
        HiddenTests(source)


@pytest.mark.parametrize(
    ("test", "said"),
    [("1 / 0", "failed itself: ZeroDivisionError"), ("pass", "checked nothing")],
)
def test_a_hidden_test_that_fails_itself_gives_no_mark(test, said):
    hidden = HiddenTests(corpus.source())
    hidden.code["add"] = test
    with pytest.raises(BrokenTest, match=said):
        hidden.verdict("add", kernel=None)
