"""What students can download has neither solutions nor hidden tests, and the page lists it all."""

import importlib.util
import sys
import zipfile
from pathlib import Path

import nbformat
import pytest

pytest.importorskip("nbgrader", reason="the extra 'grading' is not installed")

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def tool():
    sys.path.insert(0, str(ROOT / "tools"))
    try:
        spec = importlib.util.spec_from_file_location(
            "make_assignments", ROOT / "tools" / "make_assignments.py"
        )
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    finally:
        sys.path.remove(str(ROOT / "tools"))
    return module


def test_the_zip_has_every_assignment_without_its_answers(tool, tmp_path):
    folder = tmp_path / "extra" / "assignments"
    tool.make_students_versions(folder)
    with zipfile.ZipFile(folder / "assignments.zip") as archive:
        texts = {name: archive.read(name).decode() for name in archive.namelist()}
    assert sorted(texts) == sorted(f"{path.stem}.ipynb" for path in tool.sources())
    for text in texts.values():
        nbformat.validate(nbformat.reads(text, as_version=4))
        assert "# YOUR CODE HERE" in text
        for secret in ("SOLUTION", "HIDDEN TESTS", "judge.", "Rubric"):
            assert secret not in text
    # Nothing is made again while nothing changed.
    (folder / "assignments.zip").write_bytes(b"kept")
    tool.make_students_versions(folder)
    assert (folder / "assignments.zip").read_bytes() == b"kept"


def test_the_page_lists_every_assignment_with_its_points(tool):
    table = tool.markdown().splitlines()[2:]
    assert len(table) == len(tool.sources()) == len(tool.ORDER)
    for line, path in zip(table, tool.sources(), strict=True):
        assert f'href="../assignments/{path.stem}.ipynb"' in line
        assert f"/blob/gh-pages/assignments/{path.stem}.ipynb" in line
