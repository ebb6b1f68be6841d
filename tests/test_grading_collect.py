"""Downloads of learning platforms become nbgrader's folders, and nothing gets lost on the way."""

import io
import os
import zipfile

import nbformat
import pytest

pytest.importorskip("nbgrader", reason="the extra 'grading' is not installed")

import hostile_submissions as corpus

from course_utils.grading.collect import collect
from course_utils.grading.course import Course


@pytest.fixture
def course(tmp_path) -> Course:
    folder = tmp_path / "course" / "source" / corpus.NAME
    folder.mkdir(parents=True)
    nbformat.write(corpus.source(), folder / f"{corpus.NAME}.ipynb")
    return Course(tmp_path / "course")


NOTEBOOK = nbformat.writes(corpus.source())


def tree(folder, files: dict[str, str | bytes]):
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return folder


def zipped(path, files: dict[str, str | bytes]):
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def students(course) -> set[str]:
    return {handed.student for handed in course.handed_in()}


@pytest.mark.parametrize(
    ("name", "student"),
    [
        ("Ada Lovelace_123_assignsubmission_file_/Copy of sums.ipynb", "123"),
        ("Ada Lovelace_123_assignsubmission_file_sums (1).ipynb", "123"),
        ("lovelaceada_LATE_45_678_sums.ipynb", "45"),
        ("lovelaceada_45_678_sums-1.ipynb", "45"),
        ("ada/sums.ipynb", "ada"),
        ("ada/sums/sums.ipynb", "ada"),
        ("ada@example.org.ipynb", "ada@example.org"),
        ("王小明.ipynb", "王小明"),
        ("..evil.IPYNB", "evil"),
    ],
)
def test_names_of_platforms_are_understood(course, tmp_path, name, student):
    download = tree(tmp_path / "download", {name: NOTEBOOK})
    assert collect(course, download).taken == 1
    (found,) = course.handed_in()
    assert found.student == student
    assert found.path.read_text() == NOTEBOOK
    assert found.path.is_relative_to(course.root / "submitted")


def test_a_zip_with_zips_and_litter_in_it(course, tmp_path):
    inner = io.BytesIO()
    zipped(inner, {"work/sums.ipynb": NOTEBOOK, "readme.txt": "hello"})
    download = zipped(
        tmp_path / "moodle.zip",
        {
            "Ada_1_assignsubmission_file_/hand-in.zip": inner.getvalue(),
            "Bob_2_assignsubmission_file_/sums.ipynb": NOTEBOOK,
            "__MACOSX/Bob_2_assignsubmission_file_/._sums.ipynb": b"litter",
            "../../outside_3_assignsubmission_file_/sums.ipynb": NOTEBOOK,
            "Eve_4_assignsubmission_file_/broken.zip": b"PK nothing",
        },
    )
    collected = collect(course, download)
    assert students(course) == {"1", "2", "3"}
    assert [message for message in collected.messages if "broken.zip: is no zip" in message]
    assert not list(tmp_path.glob("*outside*"))
    assert (course.root / "submitted" / "1" / "name.txt").read_text() == "Ada"


def test_of_several_uploads_the_last_counts(course, tmp_path):
    later = NOTEBOOK.replace("# Sums", "# Later")
    files = {"ada_1_10_sums.ipynb": later, "ada_1_9_sums.ipynb": NOTEBOOK}
    collected = collect(course, tree(tmp_path / "download", files))
    assert collected.taken == 1
    assert "more than once: the last counts" in collected.messages[0]
    (found,) = course.handed_in()
    assert "# Later" in found.path.read_text()


def test_unreadable_files_are_kept_where_the_teacher_says_what_they_are(course, tmp_path):
    download = tree(tmp_path / "download", {"ada.ipynb": "not JSON", "bob.ipynb": NOTEBOOK})
    collected = collect(course, download)
    assert students(course) == {"bob"}
    assert "ada.ipynb: no assignment of the course can be read in it" in collected.messages[0]
    assert collect(course, download, assignment=corpus.NAME).taken == 2
    assert students(course) == {"ada", "bob"}


def test_links_are_not_followed(course, tmp_path):
    secret = tree(tmp_path, {"secret.ipynb": NOTEBOOK}) / "secret.ipynb"
    download = tree(tmp_path / "download", {"bob.ipynb": NOTEBOOK})
    os.symlink(secret, download / "ada.ipynb")
    collected = collect(course, download)
    assert students(course) == {"bob"}
    assert collected.messages == ["ada.ipynb: is no ordinary file, left out."]


def test_wrong_arguments_are_told_in_a_sentence(course, tmp_path):
    with pytest.raises(ValueError, match="Expected a folder or a zip file"):
        collect(course, tmp_path / "nothing")
    with pytest.raises(ValueError, match="no assignment 'other'; known are sums"):
        collect(course, tmp_path, assignment="other")
    with pytest.raises(ValueError, match="Expected a course folder with source/ in it"):
        Course(tmp_path)
