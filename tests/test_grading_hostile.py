"""Hostile and broken submissions, all graded in one run: nothing unearned, leaked or lost."""

import json
import subprocess
from collections import Counter

import nbformat
import pytest

pytest.importorskip("nbgrader", reason="the extra 'grading' is not installed")

import hostile_submissions as corpus

from course_utils.grading import sandbox
from course_utils.grading.course import Course
from course_utils.grading.records import feedback, generate
from course_utils.grading.run import run
from course_utils.grading.sandbox import MEGABYTE, Limits

needs_sandbox = pytest.mark.skipif(
    not sandbox.available(),
    reason="bubblewrap is missing (apt install bubblewrap) or may not work here",
)
LIMITS = Limits(
    memory=800 * MEGABYTE,
    processes=100,
    disk=20 * MEGABYTE,
    cpu=60,
    cell=4.0,
    call=3.0,
    wall=40.0,
    output=2 * MEGABYTE,
)


@pytest.fixture
def course(tmp_path) -> Course:
    folder = tmp_path / "source" / corpus.NAME
    folder.mkdir(parents=True)
    nbformat.write(corpus.source(), folder / f"{corpus.NAME}.ipynb")
    course = Course(tmp_path)
    generate(course, corpus.NAME)
    return course


def test_the_corpus_is_large_and_of_every_kind(course):
    kinds = Counter(case.kind for case in corpus.cases(course.release(corpus.NAME)).values())
    assert set(kinds) == {"cheating", "escaping", "exhausting", "broken", "unlucky"}
    assert sum(kinds.values()) >= 40
    assert min(kinds.values()) >= 6


@needs_sandbox
def test_no_hostile_submission_earns_leaks_or_breaks_anything(course):
    cases = corpus.cases(course.release(corpus.NAME))
    students = {f"student-{number}": name for number, name in enumerate(cases)}
    for student, name in students.items():
        folder = course.root / "submitted" / student / corpus.NAME
        folder.mkdir(parents=True)
        (folder / f"{corpus.NAME}.ipynb").write_bytes(cases[name].content)

    outcome = run(course, limits=LIMITS)
    problems = [f"{one.student}: {reason}" for one, reason in outcome.failed]
    for student, name in students.items():
        case = cases[name]
        folder = course.root / "autograded" / student / corpus.NAME
        if not (folder / "result.json").is_file():
            continue
        result = json.loads((folder / "result.json").read_text())
        for task, expected in (("add", case.add), ("double", case.double)):
            earned = result["tasks"][task]["points"]
            if expected is not None and earned != expected:
                problems.append(f"{name}: {task} earned {earned}, must earn {expected}: {result}")
        said = " ".join(
            [*result["notes"], *(r for task in result["tasks"].values() for r in task["reasons"])]
        )
        if case.reason not in said.lower():
            problems.append(f"{name}: no word of {case.reason!r} in {said!r}")
        kept = nbformat.read(folder / f"{corpus.NAME}.ipynb", as_version=4)
        shown = said + "".join(
            json.dumps(cell.outputs) for cell in kept.cells if cell.cell_type == "code"
        )
        for leak in (corpus.SECRET, "FOUND", "WROTE", "HIDDEN"):
            if leak in shown:
                problems.append(f"{name}: {leak} leaks")
    assert not problems, "\n".join(problems)
    assert outcome.graded == len(cases)
    assert len(feedback(course, corpus.NAME)) == len(cases)
    left = subprocess.run(["pgrep", "-f", "sleep 987654"], capture_output=True, check=False)
    assert not left.stdout, "processes were left behind"
