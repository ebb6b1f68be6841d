"""The folder of a course, laid out as nbgrader lays it out, and what is in it."""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from course_utils.grading.autograde import Result, autograde
from course_utils.grading.files import write_whole
from course_utils.grading.judge import HiddenTests
from course_utils.grading.sandbox import Limits
from course_utils.grading.submission import grade_id, is_answer

_MARKS = re.compile(r"^\s*### (BEGIN|END) SOLUTION\s*\n", re.MULTILINE)
GRADER_VERSION = 1  # raise it when the same submission would get other points


@dataclass(frozen=True)
class Handed:
    """One notebook that a student handed in."""

    student: str
    assignment: str
    path: Path


class Course:
    """A folder with ``source/``; everything else is made from it.

    Args:
        root: the folder.

    Raises:
        ValueError: there is no ``source/`` in it.
    """

    def __init__(self, root: Path):
        self.root = root.resolve()
        if not (self.root / "source").is_dir():
            raise ValueError(
                f"Expected a course folder with source/ in it, got {root}: go to the course's "
                "folder, or name it with --course."
            )

    @cached_property
    def assignments(self) -> list[str]:
        """Names, sorted."""
        return sorted(path.stem for path in self.root.glob("source/*/*.ipynb"))

    def source(self, assignment: str) -> Path:
        """The notebook with solutions and hidden tests."""
        return self.root / "source" / assignment / f"{assignment}.ipynb"

    def release(self, assignment: str) -> NotebookNode:
        """The notebook that students were given.

        Raises:
            ValueError: it was not made yet.
        """
        path = self.root / "release" / assignment / f"{assignment}.ipynb"
        if not path.is_file():
            raise ValueError(
                f"Assignment {assignment!r} was not generated yet: run course-grade generate."
            )
        return nbformat.read(path, as_version=4)

    def solved(self, assignment: str, answers: Mapping[str, str] | None = None) -> NotebookNode:
        """The released notebook with the instructor's answers: what a good student hands in.

        Args:
            assignment: its name.
            answers: other answers, by nbgrader's names of the cells.

        Raises:
            ValueError: answers to cells that the assignment does not have.
        """
        source = nbformat.read(self.source(assignment), as_version=4)
        given = {grade_id(cell): _MARKS.sub("", cell.source) for cell in source.cells}
        if unknown := set(answers or ()) - set(given):
            raise ValueError(f"{assignment} has no cells {', '.join(sorted(unknown))}.")
        notebook = self.release(assignment)
        for cell in notebook.cells:
            if is_answer(cell):
                cell.source = (given | dict(answers or {}))[grade_id(cell)]
        return notebook

    def grade_ids(self, assignment: str) -> set[str]:
        """nbgrader's names of the assignment's cells."""
        source = nbformat.read(self.source(assignment), as_version=4)
        return {grade_id(cell) for cell in source.cells} - {""}

    def check_known(self, assignment: str) -> None:
        """Raises ValueError if the course has no assignment of this name."""
        if assignment not in self.assignments:
            raise ValueError(
                f"There is no assignment {assignment!r}; known are {', '.join(self.assignments)}."
            )

    def handed_in(self, assignment: str | None = None) -> Iterator[Handed]:
        """What lies in ``submitted/``, by student and assignment."""
        for path in sorted(self.root.glob("submitted/*/*/*.ipynb")):
            name, student = path.parent.name, path.parent.parent.name
            if path.stem == name and name in self.assignments and assignment in (None, name):
                yield Handed(student, name, path)

    def graded(self, handed: Handed) -> Path:
        """Where the result of a submission is kept."""
        return self.root / "autograded" / handed.student / handed.assignment / "result.json"

    def fingerprint(self, handed: Handed) -> str:
        """Changes when the submission, the assignment, its release or the grader does."""
        name = handed.assignment
        files = [handed.path, self.source(name), self.root / "release" / name / f"{name}.ipynb"]
        parts = [path.read_bytes() if path.is_file() else b"" for path in files]
        return hashlib.sha256(b"\0".join([*parts, str(GRADER_VERSION).encode()])).hexdigest()

    def is_graded(self, handed: Handed, sandboxed: bool = False) -> bool:
        """Whether there is a result, and of this very submission and assignment.

        Args:
            handed: the submission.
            sandboxed: whether only a result from inside the sandbox counts.
        """
        path = self.graded(handed)
        if not path.is_file():
            return False
        result = json.loads(path.read_text())
        return result["of"] == self.fingerprint(handed) and (result["sandbox"] or not sandboxed)

    def hidden_tests(self, assignment: str) -> HiddenTests:
        """The assignment's hidden tests, with the solution ready beside them."""
        return HiddenTests(nbformat.read(self.source(assignment), as_version=4))

    def grade(
        self,
        handed: Handed,
        hidden: HiddenTests,
        limits: Limits | None = None,
        unsafe: bool = False,
    ) -> Result:
        """Grade one submission and keep its result and notebook: the step that is repeated.

        It depends on nothing but the course folder, so it may run in any process of any machine
        that sees the folder. The result is written last and whole.
        """
        of = self.fingerprint(handed)
        result = autograde(
            handed.path,
            self.release(handed.assignment),
            hidden,
            handed.assignment,
            limits,
            unsafe,
        )
        path = self.graded(handed)
        path.parent.mkdir(parents=True, exist_ok=True)
        notebook = result.notebook or _explanation(self.release(handed.assignment), result)
        write_whole(path.parent / f"{handed.assignment}.ipynb", nbformat.writes(notebook))
        kept = {"of": of, "sandbox": not unsafe, **result.as_dict()}
        write_whole(path, json.dumps(kept, indent=1))
        return result


def _explanation(release: NotebookNode, result: Result) -> NotebookNode:
    """The released notebook under the reason why the submission could not be graded."""
    reason = nbformat.v4.new_markdown_cell("**Not graded.** " + " ".join(result.notes))
    return nbformat.from_dict({**release, "cells": [reason, *release.cells]})
