"""Hidden tests, run where the student's code cannot reach them.

A hidden test is Python between nbgrader's marks ``### BEGIN HIDDEN TESTS`` and ``### END HIDDEN
TESTS``. It finds three names: ``student.f(x)`` sends ``x`` into the sandbox, calls the student's
``f`` there and brings its result back as plain data; ``solution.f(x)`` calls the instructor's;
``judge`` counts what is right. A cell's points are shared equally among its checks.

    for seed in range(3):
        image = np.random.default_rng(seed).random((7, 5))
        judge.close(student.blur(image), solution.blur(image), "a picture of 7 by 5")

What a student may read names the check and the kind of mistake, and no value: values could carry
hidden inputs out.
"""

import contextlib
import io
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import numpy as np
from IPython.core.inputtransformer2 import TransformerManager
from nbformat import NotebookNode

from course_utils.grading import plain
from course_utils.grading.answer import MIME, NO_SUCH_NAME, NOT_PLAIN, OK, RAISED
from course_utils.grading.kernel import KernelLost, SandboxedKernel, TooSlow
from course_utils.grading.submission import grade_id, is_test

HIDDEN = re.compile(r"^### BEGIN HIDDEN TESTS\n(.*?)^### END HIDDEN TESTS\s*$", re.S | re.M)


class BrokenTest(RuntimeError):
    """The assignment is at fault and not the student: no mark is given."""


@dataclass(frozen=True)
class Failure:
    """In place of an answer: why there is none.

    Attributes:
        reason: for the student.
        detail: for the instructor only; it may hold hidden inputs.
    """

    reason: str
    detail: str = ""


@dataclass
class Verdict:
    """The outcome of one test cell.

    Attributes:
        passed: checks that held.
        total: checks that were made.
        reasons: what failed, for the student.
        details: what failed, for the instructor.
    """

    passed: int = 0
    total: int = 0
    reasons: list[str] = field(default_factory=list)
    details: list[str] = field(default_factory=list)

    @property
    def share(self) -> float:
        """Of the points of the cell."""
        return self.passed / self.total if self.total else 0.0


class Student:
    """The names that a student defined: attributes are functions, items are values."""

    def __init__(self, kernel: SandboxedKernel):
        self._kernel = kernel
        self._slow: set[str] = set()  # it is not waited for twice

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def call(*arguments: Any) -> Any:
            return self._ask(name, plain.encode(list(arguments)))

        return call

    def __getitem__(self, name: str) -> Any:
        return self._ask(name, None)

    def _ask(self, name: str, arguments: str | None) -> Any:
        too_slow = Failure(f"{name} took longer than {self._kernel.limits.call:g} s")
        if name in self._slow:
            return too_slow
        code = (
            "get_ipython().display_pub.publish(__import__('course_utils.grading.answer', "
            f"fromlist=['answer']).answer(globals(), {name!r}, {arguments!r}))"
        )
        try:
            outputs = self._kernel.execute(code, seconds=self._kernel.limits.call)
        except TooSlow:
            self._slow.add(name)
            return too_slow
        said = [output.data[MIME] for output in outputs if MIME in output.get("data", {})]
        if len(said) != 1:
            return Failure(f"{name} gave no answer")
        try:
            message = json.loads(said[0])
            outcome = message["outcome"]
            value = plain.decode(message["value"]) if outcome != NO_SUCH_NAME else None
        except (ValueError, KeyError, TypeError, RecursionError):
            return Failure(f"{name} gave an answer that cannot be read")
        if outcome == OK:
            return value
        words = {
            NO_SUCH_NAME: "is not defined",
            RAISED: "raised an error",
            NOT_PLAIN: "gave something that is neither numbers nor text",
        }
        return Failure(f"{name} {words.get(outcome, 'gave no answer')}", str(value))


class Judge:
    """Counts checks; each compares plain data with plain data.

    Args:
        verdict: where they are counted.
    """

    def __init__(self, verdict: Verdict):
        self._verdict = verdict

    def close(
        self,
        answer: Any,
        expected: Any,
        about: str,
        relative: float = 1e-4,
        absolute: float = 1e-5,
    ) -> None:
        """The same shape, and numbers that differ by less than the tolerance."""

        def compare(value: Any) -> str:
            right = np.asarray(expected, dtype=float)
            try:
                given = np.asarray(value, dtype=float)
            except (TypeError, ValueError):
                return "is not numbers"
            if given.shape != right.shape:
                return "has another shape than it should"
            same = np.allclose(given, right, rtol=relative, atol=absolute, equal_nan=True)
            return "" if same else "has wrong values"

        self._check(answer, compare, about)

    def equal(self, answer: Any, expected: Any, about: str) -> None:
        """The same numbers, words, or lists and dictionaries of them; True is not 1."""
        right = plain.decode(plain.encode(expected))

        def compare(value: Any) -> str:
            return "" if _same(value, right) else "is not right"

        self._check(answer, compare, about)

    def holds(self, answer: Any, condition: Callable[[Any], bool], about: str) -> None:
        """``condition(answer)`` is true; an answer of the wrong kind counts as false."""

        def compare(value: Any) -> str:
            try:
                held = bool(condition(value))
            except (TypeError, ValueError, IndexError, KeyError, AttributeError):
                return "is not of the kind that was asked for"
            return "" if held else "does not hold"

        self._check(answer, compare, about)

    def _check(self, answer: Any, compare: Callable[[Any], str], about: str) -> None:
        self._verdict.total += 1
        if isinstance(answer, Failure):
            problem, detail = f"{about}: {answer.reason}", answer.detail
        else:
            found = compare(answer)
            problem, detail = (f"{about}: the answer {found}", repr(answer)[:2000])
            if not found:
                self._verdict.passed += 1
                return
        self._verdict.reasons.append(problem)
        self._verdict.details.append(f"{problem} | {detail}")


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, np.ndarray) or isinstance(other, np.ndarray):
        both = isinstance(one, np.ndarray) and isinstance(other, np.ndarray)
        return both and np.array_equal(one, other)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_same, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_same(one[key], other[key]) for key in one)
    return one == other and isinstance(one, bool) == isinstance(other, bool)


class HiddenTests:
    """The hidden tests and the solution of one assignment, read from its source notebook.

    The solution's cells are run here, once, in this process: a source notebook is trusted.

    Raises:
        BrokenTest: the solution does not run, or a test cell has no hidden test.
    """

    def __init__(self, source: NotebookNode):
        self.code: dict[str, str] = {}
        self._solution: dict[str, Any] = {"__name__": "solution"}
        for cell in source.cells:
            if cell.cell_type != "code":
                continue
            if is_test(cell):
                hidden = "".join(HIDDEN.findall(cell.source))
                if not hidden.strip():
                    raise BrokenTest(f"Test cell {grade_id(cell)} has no hidden test.")
                self.code[grade_id(cell)] = hidden
                continue
            try:
                code = TransformerManager().transform_cell(cell.source)  # %pip, for one
                with contextlib.redirect_stdout(io.StringIO()):
                    exec(compile(code, f"<{grade_id(cell) or 'cell'}>", "exec"), self._solution)
            except Exception as error:
                raise BrokenTest(
                    f"The solution does not run: {type(error).__name__}: {error} in the cell "
                    f"that begins {cell.source.splitlines()[0]!r}."
                ) from error

    def verdict(self, name: str, kernel: SandboxedKernel) -> Verdict:
        """Run the hidden test of the cell ``name`` against the student in ``kernel``.

        Raises:
            KernelLost: the student's code ended the sandbox.
            BrokenTest: the test itself raised; the message has its error.
        """
        verdict = Verdict()
        names = {
            "np": np,
            "student": Student(kernel),
            "solution": SimpleNamespace(**self._solution),
            "judge": Judge(verdict),
        }
        try:
            exec(compile(self.code[name], f"<hidden test {name}>", "exec"), names)
        except KernelLost:
            raise
        except Exception as error:
            raise BrokenTest(
                f"Hidden test {name} failed itself: {type(error).__name__}: {error}."
            ) from error
        if not verdict.total:
            raise BrokenTest(f"Hidden test {name} checked nothing.")
        return verdict
