"""The instructor's path, command by command, in an empty folder with a tiny assignment."""

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import psutil
import pytest

pytest.importorskip("nbgrader", reason="the extra 'grading' is not installed")

import hostile_submissions as corpus
from nbgrader.api import Gradebook

from course_utils.grading import kernel, report, sandbox
from course_utils.grading.command import main
from course_utils.grading.course import Course
from course_utils.grading.records import database
from course_utils.grading.run import run
from course_utils.grading.sandbox import SandboxError

needs_sandbox = pytest.mark.skipif(
    not sandbox.available(),
    reason="bubblewrap is missing (apt install bubblewrap) or may not work here",
)
HALF = "def add(a, b):\n    return max(a + b, 1)"


def answered(**answers: str) -> str:
    """The solution as a student might hand it in, with other answers where they are given."""
    notebook = corpus.source()
    for cell in notebook.cells:
        cell.source = answers.get(cell.id.replace("-", "_"), cell.source)
    return nbformat.writes(notebook)


@pytest.fixture
def root(tmp_path) -> Path:
    folder = tmp_path / "course" / "source" / corpus.NAME
    folder.mkdir(parents=True)
    nbformat.write(corpus.source(), folder / f"{corpus.NAME}.ipynb")
    return tmp_path / "course"


def command(root: Path, *arguments: str) -> int:
    return main(["--course", str(root), *arguments])


def hand_in(root: Path, tmp_path: Path, **notebooks: str) -> None:
    download = tmp_path / f"download-{len(list(tmp_path.iterdir()))}"
    download.mkdir()
    for student, content in notebooks.items():
        (download / f"{student}.ipynb").write_text(content)
    assert command(root, "collect", str(download), "--assignment", corpus.NAME) == 0


def grades(root: Path) -> dict[str, float]:
    with Gradebook(database(Course(root))) as gradebook:
        return {one.student.id: one.score for one in gradebook.assignment_submissions(corpus.NAME)}


def running(words: str) -> list[list[str]]:
    """Command lines of the processes that have ``words`` in theirs."""
    lines = [one.info["cmdline"] or [] for one in psutil.process_iter(["cmdline"])]
    return [line for line in lines if words in " ".join(line)]


@needs_sandbox
def test_the_whole_path_from_a_folder_of_notebooks_to_grades(root, tmp_path, capsys, monkeypatch):
    assert command(root, "generate") == 0
    hand_in(root, tmp_path, ada=answered(), bob=answered(add_answer=HALF), eve="not a notebook")
    assert command(root, "run") == 0
    assert "3 graded, 0 graded before." in capsys.readouterr().out
    assert grades(root) == {"ada": 4.0, "bob": 3.0, "eve": 0.0}

    assert command(root, "run") == 0
    assert "0 graded, 3 graded before." in capsys.readouterr().out

    # Only what changed is graded again, and a mark that a human gave stays.
    with Gradebook(database(Course(root))) as gradebook:
        gradebook.find_grade("words", corpus.NAME, corpus.NAME, "bob").manual_score = 1.0
        gradebook.db.commit()
    hand_in(root, tmp_path, bob=answered())
    assert command(root, "run", corpus.NAME) == 0
    assert "1 graded, 2 graded before." in capsys.readouterr().out
    assert grades(root) == {"ada": 4.0, "bob": 5.0, "eve": 0.0}

    assert command(root, "feedback", corpus.NAME) == 0
    page = root / "feedback" / "eve" / corpus.NAME / f"{corpus.NAME}.html"
    assert "The file is not JSON" in page.read_text(encoding="utf-8")
    assert not list(root.glob("feedback/*/*/result.json"))  # it may hold hidden inputs

    monkeypatch.chdir(tmp_path)
    assert command(root, "export", corpus.NAME, "--platform", "canvas") == 0
    with Path(f"grades-{corpus.NAME}-canvas.csv").open(encoding="utf-8-sig") as file:
        table = list(csv.reader(file))
    assert table[0] == ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", corpus.NAME]
    assert table[1][-1] == "5"
    assert [(row[1], row[-1]) for row in table[2:]] == [("ada", "4"), ("bob", "5"), ("eve", "0")]
    assert command(root, "export", corpus.NAME, "--platform", "moodle", "--to", "m.csv") == 0
    worksheet = Path("m.csv").read_text(encoding="utf-8-sig").splitlines()
    assert worksheet[0] == "Identifier,Full name,Grade,Maximum Grade,Last modified (grade)"
    assert "Participant ada,ada,4,5," in worksheet

    assert command(root, "report", corpus.NAME) == 0
    assert Path(f"report-{corpus.NAME}.png").stat().st_size > 5_000


@needs_sandbox
def test_a_new_release_is_graded_against_and_an_idle_run_changes_no_mark(root, tmp_path, capsys):
    assert command(root, "generate") == 0
    hand_in(root, tmp_path, ada=answered())
    assert command(root, "run", "--workers", "1") == 0
    with Gradebook(database(Course(root))) as gradebook:
        written = gradebook.find_grade("words", corpus.NAME, corpus.NAME, "ada")
        written.manual_score, written.needs_manual_grade = 1.0, False
        gradebook.db.commit()
    assert command(root, "run", "--workers", "1") == 0
    with Gradebook(database(Course(root))) as gradebook:
        written = gradebook.find_grade("words", corpus.NAME, corpus.NAME, "ada")
        assert (written.manual_score, written.needs_manual_grade) == (1.0, False)
    release = root / "release" / corpus.NAME / f"{corpus.NAME}.ipynb"
    release.write_text(release.read_text() + "\n")
    capsys.readouterr()
    assert command(root, "run", "--workers", "1") == 0
    assert "1 graded, 0 graded before." in capsys.readouterr().out


@pytest.mark.parametrize("step", ["run", "feedback"])
def test_unknown_assignments_are_named(root, capsys, step):
    assert command(root, step, "nonsense") == 2
    assert f"known are {corpus.NAME}" in capsys.readouterr().err


@needs_sandbox
def test_a_killed_run_loses_no_finished_grade(root, tmp_path):
    assert command(root, "generate") == 0
    slow = answered(setup="import numpy as np, time\ntime.sleep(50)")
    hand_in(root, tmp_path, ada=answered(), slow=slow)
    line = [sys.executable, "-m", "course_utils.grading.command", "--course", str(root), "run"]
    process = subprocess.Popen([*line, "--workers", "1"], stderr=subprocess.DEVNULL)
    done = root / "autograded" / "ada" / corpus.NAME / "result.json"
    deadline = time.monotonic() + 60
    while not done.is_file() and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()
    while left := running(str(root)):
        assert time.monotonic() < deadline, f"processes were left behind: {left}"
        time.sleep(0.1)
    course = Course(root)
    assert [handed.student for handed in course.handed_in() if course.is_graded(handed)] == ["ada"]
    shutil.rmtree(root / "submitted" / "slow")
    outcome = run(course)
    assert (outcome.graded, outcome.kept) == (0, 1)
    assert grades(root) == {"ada": 4.0}


@needs_sandbox
def test_the_step_runs_on_an_existing_engine(root, tmp_path):
    distributed = pytest.importorskip("distributed", reason="the extra 'cluster' is not installed")
    assert command(root, "generate") == 0
    hand_in(root, tmp_path, ada=answered(), bob=answered(add_answer=HALF))
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        steps = [
            client.submit(command, root, "one", student, corpus.NAME) for student in ("ada", "bob")
        ]
        assert client.gather(steps) == [0, 0]
    outcome = run(Course(root))
    assert (outcome.graded, outcome.kept) == (0, 2)
    assert grades(root) == {"ada": 4.0, "bob": 3.0}


def test_without_bubblewrap_nothing_is_graded_unless_told(root, tmp_path, capsys, monkeypatch):
    assert command(root, "generate") == 0
    hand_in(root, tmp_path, ada=answered())
    monkeypatch.setattr(sandbox.shutil, "which", lambda name: None)
    capsys.readouterr()
    assert command(root, "run") == 2
    said = capsys.readouterr().err.strip()
    assert said.count("\n") == 0
    assert "needs bubblewrap, which is not installed" in said
    assert "--unsafe" in said
    assert not (root / "autograded").exists()
    assert command(root, "run", "--unsafe", "--workers", "1") == 0
    assert "Without a sandbox" in capsys.readouterr().out
    assert grades(root) == {"ada": 4.0}
    kept = json.loads((root / "autograded" / "ada" / corpus.NAME / "result.json").read_text())
    assert kept["sandbox"] is False


@needs_sandbox
def test_what_was_graded_without_a_sandbox_is_graded_again_inside(root, tmp_path):
    assert command(root, "generate") == 0
    hand_in(root, tmp_path, ada=answered())
    result = root / "autograded" / "ada" / corpus.NAME / "result.json"
    for arguments, inside in ((["--unsafe"], False), ([], True), (["--unsafe"], True)):
        assert command(root, "run", "--workers", "1", *arguments) == 0
        assert json.loads(result.read_text())["sandbox"] is inside


@needs_sandbox
def test_similar_answers_are_flagged_and_what_was_handed_out_is_not(root, tmp_path):
    long = "def double(x):\n" + "\n".join(
        f"    part_{i} = np.sum(x) * {i} + np.mean(x) - np.max(x) ** {i + 1}" for i in range(12)
    )
    renamed = long.replace("part_", "piece_")
    other = "def double(x):\n    total = []\n" + "\n".join(
        f"    for k in range({i}):\n        total.append([k, x.shape])" for i in range(12)
    )
    assert command(root, "generate") == 0
    hand_in(
        root,
        tmp_path,
        ada=answered(double_answer=long),
        bob=answered(double_answer=renamed),
        eve=answered(double_answer=other),
        untouched=nbformat.writes(Course(root).release(corpus.NAME)),
        idle=nbformat.writes(Course(root).release(corpus.NAME)),
    )
    pairs = report.similar(Course(root), corpus.NAME)
    assert [pair.students for pair in pairs] == [("ada", "bob")]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["export", "sums"], "There are no grades of 'sums' yet"),
        (["report", "sums"], "There are no grades of 'sums' yet"),
        (["collect", "nowhere"], "Expected a folder or a zip file"),
        (["one", "ada", "sums"], "ada handed in no sums"),
    ],
)
def test_what_cannot_be_done_is_told_in_one_line(root, capsys, arguments, said):
    assert command(root, "generate") == 0
    capsys.readouterr()
    assert command(root, *arguments) == 2
    error = capsys.readouterr().err.strip()
    assert said in error
    assert "\n" not in error


def test_a_folder_that_is_no_course_is_told(tmp_path, capsys):
    assert command(tmp_path, "run") == 2
    assert "Expected a course folder with source/ in it" in capsys.readouterr().err


@needs_sandbox
def test_a_sandbox_that_cannot_be_made_says_why(monkeypatch, tmp_path):
    broken = tmp_path / "bwrap"
    broken.write_text("#!/bin/sh\necho 'No permissions to create a namespace' >&2\nexit 1\n")
    broken.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    with (
        pytest.raises(SandboxError, match="cannot make a sandbox here"),
        kernel.SandboxedKernel(),
    ):
        pass
