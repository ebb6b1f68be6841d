"""Time grading beside plain nbgrader: python benchmarks/grading.py [--submissions 200] [--plain 40]

The light assignment (no TensorFlow), handed in by many: the solution, with half of the submissions
losing one task. Plain `nbgrader autograde` gets fewer of them, since it grades one after another;
both are given as submissions a minute. The instructor's other steps are timed too. Needs
bubblewrap. Writes benchmarks/grading.json.
"""

import argparse
import contextlib
import io
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import nbformat

from course_utils.grading.command import main as course_grade
from course_utils.grading.course import Course

ROOT = Path(__file__).resolve().parent.parent
NAME = "images-and-convolution"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--submissions", type=int, default=200)
    parser.add_argument("--plain", type=int, default=40)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        (root / "source").symlink_to(ROOT / "assignments" / "source")
        (root / "nbgrader_config.py").symlink_to(ROOT / "assignments" / "nbgrader_config.py")
        seconds = {"generate": step(root, "generate", NAME)}
        hand_in(root, root / "download", arguments.submissions)
        seconds["collect"] = step(root, "collect", str(root / "download"))
        seconds["run"] = step(root, "run", NAME)
        seconds["feedback"] = step(root, "feedback", NAME)
        seconds["export"] = step(root, "export", NAME, "--to", str(root / "grades.csv"))
        seconds["report"] = step(root, "report", NAME, "--to", str(root / "report.png"))
        plain = plain_nbgrader(root / "plain", arguments.plain)
    result = {
        "command": f"python benchmarks/grading.py --submissions {arguments.submissions} "
        f"--plain {arguments.plain}",
        "machine": f"{os.cpu_count()} CPU cores, {platform.machine()}",
        "submissions": arguments.submissions,
        "seconds": {one: round(value, 1) for one, value in seconds.items()},
        "submissions a minute": round(60 * arguments.submissions / seconds["run"], 1),
        "plain nbgrader, submissions a minute": round(60 * arguments.plain / plain, 1),
    }
    (ROOT / "benchmarks" / "grading.json").write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps(result, indent=1))


def step(root: Path, *arguments: str) -> float:
    """Seconds of one command of the instructor's."""
    begin = time.perf_counter()
    with contextlib.redirect_stdout(io.StringIO()) as said:
        status = course_grade(["--course", str(root), *arguments])
    if status:
        raise SystemExit(f"course-grade {arguments[0]} failed: {said.getvalue()}")
    return time.perf_counter() - begin


def hand_in(root: Path, folder: Path, count: int) -> None:
    """Submissions of ``count`` students, every other one without the third task."""
    course = Course(root)
    folder.mkdir(parents=True)
    for number in range(count):
        notebook = course.solved(NAME, {"size-answer": ""} if number % 2 else None)
        nbformat.write(notebook, folder / f"student{number:03}.ipynb")


def plain_nbgrader(root: Path, count: int) -> float:
    """Seconds that ``nbgrader autograde`` takes for the same work.

    Its hidden tests run in the student's process and know nothing of a judge: the names that ours
    use are given to them, so that they compute the same answers.
    """
    folder = root / "source" / NAME
    folder.mkdir(parents=True)
    source = nbformat.read(ROOT / "assignments" / "source" / NAME / f"{NAME}.ipynb", as_version=4)
    stand_in = nbformat.v4.new_code_cell(
        "class Names:\n"
        "    def __getattr__(self, name):\n        return globals()[name]\n"
        "    def __getitem__(self, name):\n        return globals()[name]\n"
        "class judge:\n"
        "    close = staticmethod(lambda answer, expected, about, **more: None)\n"
        "    equal = holds = close\n"
        "student = solution = Names()"
    )
    stand_in["id"] = "stand-in"
    stand_in.metadata["nbgrader"] = {
        "schema_version": 3,
        "cell_type": "code",
        "grade_id": "stand-in",
        "grade": False,
        "solution": False,
        "locked": True,
        "task": False,
    }
    source.cells.insert(2, stand_in)
    nbformat.write(source, folder / f"{NAME}.ipynb")
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }

    def nbgrader(*line: str) -> None:
        subprocess.run(
            [sys.executable, "-m", "nbgrader", *line],
            cwd=root,
            env=environment,
            check=True,
            capture_output=True,
        )

    (root / "nbgrader_config.py").write_text('get_config().CourseDirectory.course_id = "plain"\n')
    nbgrader("generate_assignment", NAME)
    hand_in(root, root / "download", count)
    for path in (root / "download").iterdir():
        target = root / "submitted" / path.stem / NAME
        target.mkdir(parents=True)
        path.rename(target / f"{NAME}.ipynb")
    begin = time.perf_counter()
    nbgrader("autograde", NAME)
    return time.perf_counter() - begin


if __name__ == "__main__":
    main()
