"""Grades as the tables that learning platforms import."""

import csv
from pathlib import Path

from nbgrader.api import Gradebook

from course_utils.grading.course import Course
from course_utils.grading.files import write_whole
from course_utils.grading.records import database

PLATFORMS = ("canvas", "moodle")


def export(course: Course, assignment: str, platform: str, path: Path) -> int:
    """Write the grades of one assignment as CSV.

    Canvas's gradebook import: Student, ID, SIS User ID, SIS Login ID, Section, and a column with
    the assignment's name. Moodle's offline grading worksheet, which is refused without its last
    column: Identifier, Full name, Grade, Maximum Grade, Last modified (grade).

    Returns:
        How many students are in it.

    Raises:
        ValueError: an unknown platform, or an assignment that nobody's submission was graded of.
    """
    if platform not in PLATFORMS:
        raise ValueError(f"Expected a platform of {', '.join(PLATFORMS)}, got {platform!r}.")
    with Gradebook(database(course)) as gradebook:
        known = [one.name for one in gradebook.assignments]
        submissions = gradebook.assignment_submissions(assignment) if assignment in known else []
        if not submissions:
            raise ValueError(
                f"There are no grades of {assignment!r} yet: run course-grade run first."
            )
        rows = sorted(
            (one.student.id, one.student.last_name or one.student.id, one.score, one.max_score)
            for one in submissions
        )
    if platform == "canvas":
        header = ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", assignment]
        most = rows[0][3]
        lines = [["    Points Possible", "", "", "", "", f"{most:g}"]]
        lines += [[name, student, "", "", "", f"{score:g}"] for student, name, score, _ in rows]
    else:
        header = ["Identifier", "Full name", "Grade", "Maximum Grade", "Last modified (grade)"]
        lines = [
            [f"Participant {student}", name, f"{score:g}", f"{most:g}", ""]
            for student, name, score, most in rows
        ]
    table = _Lines()
    writer = csv.writer(table)
    writer.writerow([_harmless(one) for one in header])
    writer.writerows([[_harmless(one) for one in line] for line in lines])
    # The mark at the beginning tells spreadsheets that the names are in UTF-8.
    write_whole(path, "\ufeff" + "".join(table))
    return len(rows)


def unmarked(course: Course, assignment: str) -> int:
    """How many students have answers that still wait for a human's mark."""
    with Gradebook(database(course)) as gradebook:
        submissions = gradebook.assignment_submissions(assignment)
        return sum(submission.needs_manual_grade for submission in submissions)


def _harmless(text: str) -> str:
    """Names come from outside, and a spreadsheet would calculate one that begins like a formula."""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text


class _Lines(list):
    write = list.append
