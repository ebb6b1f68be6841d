"""One submission, from the file to points: in a sandbox, judged from outside."""

from dataclasses import asdict, dataclass, field
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from course_utils.grading.judge import HiddenTests, Verdict
from course_utils.grading.kernel import KernelLost, SandboxedKernel, TooSlow
from course_utils.grading.sandbox import Limits
from course_utils.grading.submission import (
    LARGEST_FILE,
    NotGradable,
    grade_id,
    is_test,
    read,
    restore,
)

MOST_STARTS = 3  # of the kernel: who ends it again and again loses what is left


@dataclass
class Task:
    """The result of one test cell.

    Attributes:
        points: earned.
        of: that can be earned.
        reasons: what was wrong, for the student.
        details: the same for the instructor, with what the student's code gave back.
    """

    points: float
    of: float
    reasons: list[str] = field(default_factory=list)
    details: list[str] = field(default_factory=list)


@dataclass
class Result:
    """The result of one submission.

    Attributes:
        tasks: by nbgrader's names of the test cells.
        notes: what a human should know about the file; for the student.
        notebook: as it ran, to write feedback from; None if it could not be graded.
    """

    tasks: dict[str, Task]
    notes: list[str]
    notebook: NotebookNode | None

    @property
    def points(self) -> float:
        """Earned by tests; a written question is marked by hand."""
        return sum(task.points for task in self.tasks.values())

    def as_dict(self) -> dict:
        """What is kept as JSON."""
        tasks = {name: asdict(task) for name, task in self.tasks.items()}
        return {"points": self.points, "notes": self.notes, "tasks": tasks}


def autograde(
    path: Path,
    release: NotebookNode,
    hidden: HiddenTests,
    name: str,
    limits: Limits | None = None,
    unsafe: bool = False,
) -> Result:
    """Grade the notebook at ``path``; whatever is wrong with it ends in a result, not an error.

    Args:
        path: what was handed in.
        release: what was handed out.
        hidden: the assignment's hidden tests.
        name: of the assignment, for messages.
        limits: of the sandbox.
        unsafe: without a sandbox.

    Raises:
        BrokenTest: the assignment is at fault.
        SandboxError: there is no sandbox to be had.
    """
    tests = {grade_id(cell): cell for cell in release.cells if is_test(cell)}
    points = {one: float(cell.metadata.nbgrader.points) for one, cell in tests.items()}
    try:
        submission = restore(_read(path), release, name)
    except NotGradable as error:
        tasks = {one: Task(0.0, of, [str(error)]) for one, of in points.items()}
        return Result(tasks, [str(error)], None)

    attempt = _Attempt(submission.notebook, limits or Limits(), unsafe)
    tasks = {}
    try:
        for one, of in points.items():
            verdict = attempt.judged(one, hidden)
            tasks[one] = Task(round(of * verdict.share, 4), of, verdict.reasons, verdict.details)
    finally:
        attempt.close()
    for cell in submission.notebook.cells:
        if is_test(cell):
            cell.outputs.append(_said(tasks[grade_id(cell)]))
    return Result(tasks, submission.notes + attempt.notes, submission.notebook)


def _read(path: Path) -> NotebookNode:
    if path.stat().st_size > LARGEST_FILE:  # before it is in memory
        raise NotGradable(f"The file has more than {LARGEST_FILE // 2**20} MB: clear its outputs.")
    return read(path.read_bytes())


class _Attempt:
    """A notebook in a kernel, which is started again when the notebook ended it."""

    def __init__(self, notebook: NotebookNode, limits: Limits, unsafe: bool):
        self.notebook, self.limits, self.unsafe = notebook, limits, unsafe
        self.notes: list[str] = []
        self._kernel: SandboxedKernel | None = None
        self._starts = 0
        self._deadly: set[int] = set()

    def judged(self, name: str, hidden: HiddenTests) -> Verdict:
        try:
            if self._kernel is None:
                self._run()
            return hidden.verdict(name, self._kernel)
        except KernelLost as error:
            self.close()
            return Verdict(total=1, reasons=[str(error)])

    def close(self) -> None:
        if self._kernel is not None:
            self._kernel.close()
            self._kernel = None

    def _run(self) -> None:
        """Every cell from the top; one that ends the kernel is left out the next time."""
        while True:
            if self._starts == MOST_STARTS:
                raise KernelLost("The notebook ended its kernel again and again.")
            self._starts += 1
            self._kernel = SandboxedKernel(self.limits, self.unsafe).__enter__()
            for index, cell in enumerate(self.notebook.cells):
                if cell.cell_type != "code" or index in self._deadly:
                    continue
                try:
                    outputs = self._kernel.execute(cell.source)
                except TooSlow as error:
                    outputs = [_error(str(error))]
                    if self._starts == 1:
                        self.notes.append(f"Cell {index + 1}: {error}")
                except KernelLost as error:
                    self.close()
                    self._deadly.add(index)
                    self.notes.append(f"Cell {index + 1} was left out: {error}")
                    cell.outputs = [_error(str(error))]
                    break
                if self._starts == 1 or not cell.outputs:
                    cell.outputs = [_kept(output) for output in outputs]
            else:
                return


def _kept(output: NotebookNode) -> NotebookNode:
    """An output without what could be taken for a mark (nbgrader reads results as points)."""
    if output.output_type == "execute_result":
        return nbformat.v4.new_output("display_data", data=output.data)
    return output


def _error(text: str) -> NotebookNode:
    return nbformat.v4.new_output("stream", name="stdout", text=text + "\n")


def _said(task: Task) -> NotebookNode:
    reasons = dict.fromkeys(task.reasons)  # each once
    lines = [f"{task.points:g} of {task.of:g} points", *(f"- {one}" for one in reasons)]
    return nbformat.v4.new_output("stream", name="stdout", text="\n".join(lines) + "\n")
