"""Grade everything that is not graded yet, on every core, and be interruptible."""

import json
import multiprocessing
import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, field
from pathlib import Path

from course_utils.grading.course import Course, Handed
from course_utils.grading.judge import BrokenTest, HiddenTests
from course_utils.grading.kernel import SandboxedKernel
from course_utils.grading.records import record
from course_utils.grading.sandbox import Limits, SandboxError


@dataclass
class Run:
    """What a run did.

    Attributes:
        graded: submissions graded now.
        kept: submissions whose grade was there already.
        failed: what could not be graded through no fault of the student: submission and reason.
    """

    graded: int = 0
    kept: int = 0
    failed: list[tuple[Handed, str]] = field(default_factory=list)


@dataclass
class _Worker:
    course: Course
    limits: Limits
    unsafe: bool
    hidden: dict[str, HiddenTests] = field(default_factory=dict)


_worker: _Worker | None = None  # one in each process of the pool


def run(
    course: Course,
    assignment: str | None = None,
    limits: Limits | None = None,
    unsafe: bool = False,
    workers: int | None = None,
    progress: Callable[[Iterator, int], Iterator] = lambda results, total: results,
) -> Run:
    """Grade what was handed in and changed, and bring the gradebook up to date.

    A result is kept as soon as it is there, so that a run which is killed is continued by the
    next one, and what other machines graded into the same folder is only recorded. What was
    graded without a sandbox is graded again as soon as there is one.

    Args:
        course: its folder.
        assignment: only this one.
        limits: of each submission.
        unsafe: without a sandbox.
        workers: processes; as many as there are cores unless told.
        progress: wraps the results as they come; also told how many there will be.

    Raises:
        SandboxError: there is no sandbox to be had.
    """
    if not unsafe:
        with SandboxedKernel(limits):  # says what is missing, before anything is begun
            pass
    outcome = Run()
    waiting: list[Handed] = []
    for handed in course.handed_in(assignment):
        if course.is_graded(handed, sandboxed=not unsafe):
            outcome.kept += 1
            _record(course, handed, anew=False)
        else:
            waiting.append(handed)
    results = _graded(course, waiting, limits or Limits(), unsafe, workers)
    for handed, reason in progress(results, len(waiting)):
        if reason:
            outcome.failed.append((handed, reason))
        else:
            outcome.graded += 1
            _record(course, handed, anew=True)
    return outcome


def _graded(
    course: Course, waiting: list[Handed], limits: Limits, unsafe: bool, workers: int | None
) -> Iterator[tuple[Handed, str]]:
    if not waiting:
        return
    with ProcessPoolExecutor(
        workers or len(os.sched_getaffinity(0)),
        initializer=_prepare,
        initargs=(course.root, limits, unsafe),
    ) as pool:
        futures = {pool.submit(_grade, handed): handed for handed in waiting}
        try:
            for future in as_completed(futures):
                yield futures[future], future.result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _prepare(root: Path, limits: Limits, unsafe: bool) -> None:
    global _worker
    # A worker whose run was killed would wait for work for ever; its sandbox ends with it.
    threading.Thread(target=_end_with_the_run, daemon=True).start()
    _worker = _Worker(Course(root), limits, unsafe)


def _end_with_the_run() -> None:
    multiprocessing.parent_process().join()
    os._exit(1)


def _grade(handed: Handed) -> str:
    """Why it could not be graded; empty if it was."""
    try:
        if handed.assignment not in _worker.hidden:
            _worker.hidden[handed.assignment] = _worker.course.hidden_tests(handed.assignment)
        hidden = _worker.hidden[handed.assignment]
        _worker.course.grade(handed, hidden, _worker.limits, _worker.unsafe)
    except (BrokenTest, SandboxError, ValueError, OSError) as error:
        return str(error)
    return ""


def _record(course: Course, handed: Handed, anew: bool) -> None:
    kept = json.loads(course.graded(handed).read_text())
    points = {name: task["points"] for name, task in kept["tasks"].items()}
    record(course, handed, points, anew)
