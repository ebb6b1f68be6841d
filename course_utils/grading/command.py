"""``course-grade``: from a folder of notebooks to grades, feedback and a report.

Each command works on the course's folder (``--course``, else the current one) and can be
repeated: what is done already is not done again.
"""

import argparse
import importlib.util
import sys
from collections.abc import Sequence
from pathlib import Path


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if importlib.util.find_spec("nbgrader") is None:
        print("course-grade needs nbgrader: pip install 'course-utils[grading]'.", file=sys.stderr)
        return 2
    from course_utils.grading.course import Course
    from course_utils.grading.records import NbgraderError
    from course_utils.grading.sandbox import SandboxError

    try:
        return options.do(Course(options.course), options)
    except (ValueError, OSError, SandboxError, NbgraderError) as error:
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("Stopped; what was graded is kept, and the same command goes on.", file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="course-grade", description=__doc__.splitlines()[0])
    parser.add_argument(
        "--course", type=Path, default=Path(), help="the course's folder, with source/ in it"
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, do, text: str) -> argparse.ArgumentParser:
        one = commands.add_parser(name, help=text, description=text)
        one.set_defaults(do=do)
        return one

    one = command("generate", _generate, "make the students' versions, without solutions")
    one.add_argument("assignment", nargs="?", help="only this one")
    one = command("collect", _collect, "take what a learning platform lets one download")
    one.add_argument("download", type=Path, help="a folder or a zip file")
    one.add_argument("--assignment", help="what notebooks that cannot be read are meant to be")
    one = command("run", _run, "grade what was handed in and is not graded yet")
    one.add_argument("assignment", nargs="?", help="only this one")
    one.add_argument("--workers", type=int, help="submissions at a time (default: one a core)")
    one.add_argument(
        "--unsafe",
        action="store_true",
        help="without a sandbox: students' code can read and change all that you can",
    )
    one = command("one", _one, "grade a single submission, as a step of a larger machine's queue")
    one.add_argument("student")
    one.add_argument("assignment")
    one = command("feedback", _feedback, "write an HTML page for each student")
    one.add_argument("assignment")
    one.add_argument("--student", help="only this one")
    one = command("export", _export, "write the grades as CSV")
    one.add_argument("assignment")
    one.add_argument("--platform", default="canvas", choices=("canvas", "moodle"))
    one.add_argument("--to", type=Path, help="the file (default: grades-ASSIGNMENT-PLATFORM.csv)")
    one = command("report", _report, "draw scores and difficulties, and name similar submissions")
    one.add_argument("assignment")
    one.add_argument("--to", type=Path, help="the picture (default: report-ASSIGNMENT.png)")
    return parser


def _generate(course, options) -> int:
    from course_utils.grading.records import generate

    for name in [options.assignment] if options.assignment else course.assignments:
        generate(course, name)
        print(f"{name}: release/{name}/{name}.ipynb")
    return 0


def _collect(course, options) -> int:
    from course_utils.grading.collect import collect

    collected = collect(course, options.download, options.assignment)
    print(f"{_count(collected.taken, 'notebook')} taken into submitted/.")
    for message in collected.messages:
        print(f"- {message}")
    return 0


def _run(course, options) -> int:
    from tqdm import tqdm

    from course_utils.grading.run import run

    if options.assignment:
        course.check_known(options.assignment)
    if options.unsafe:
        print("Without a sandbox: students' code can read and change all that you can.")
    outcome = run(
        course,
        options.assignment,
        unsafe=options.unsafe,
        workers=options.workers,
        progress=lambda results, total: (
            tqdm(results, total=total, unit="submission") if total else results
        ),
    )
    print(f"{outcome.graded} graded, {outcome.kept} graded before.")
    for handed, reason in outcome.failed:
        print(f"- {handed.student}, {handed.assignment}: not graded: {reason}")
    return 1 if outcome.failed else 0


def _one(course, options) -> int:
    for handed in course.handed_in(options.assignment):
        if handed.student == options.student:
            result = course.grade(handed, course.hidden_tests(handed.assignment))
            print(f"{handed.student}, {handed.assignment}: {result.points:g} points by tests.")
            return 0
    raise ValueError(
        f"{options.student} handed in no {options.assignment}: look into submitted/, or run "
        "course-grade collect first."
    )


def _feedback(course, options) -> int:
    from course_utils.grading.records import feedback

    course.check_known(options.assignment)
    pages = feedback(course, options.assignment, options.student)
    print(f"{_count(len(pages), 'page')} in feedback/.")
    return 0


def _export(course, options) -> int:
    from course_utils.grading.export import export, unmarked

    path = options.to or Path(f"grades-{options.assignment}-{options.platform}.csv")
    count = export(course, options.assignment, options.platform, path)
    print(f"{path}: {_count(count, 'student')}, for {options.platform}.")
    if waiting := unmarked(course, options.assignment):
        print(f"- {waiting} of them with written answers that are still to be marked.")
    return 0


def _report(course, options) -> int:
    from course_utils.grading.report import draw, similar

    path = options.to or Path(f"report-{options.assignment}.png")
    draw(course, options.assignment, path)
    print(f"{path}: scores and difficulties.")
    for pair in similar(course, options.assignment):
        print(f"- {' and '.join(pair.students)} share {pair.shared:.0%} of their code.")
    return 0


def _count(number: int, things: str) -> str:
    return f"{number} {things}" if number == 1 else f"{number} {things}s"


if __name__ == "__main__":
    sys.exit(main())
