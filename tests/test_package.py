"""The package as it is imported: cheap, complete, and the same as its metadata say."""

import json
import subprocess
import sys
import tomllib

import pytest
from conftest import ROOT

import course_utils

IMPORT = """
import json, sys, time
started = time.perf_counter()
import course_utils
seconds = time.perf_counter() - started
heavy = sorted({"tensorflow", "keras", "matplotlib", "sklearn"} & set(sys.modules))
print(json.dumps([seconds, heavy]))
"""


def test_importing_takes_under_300_ms_and_loads_no_tensorflow():
    runs = [
        json.loads(subprocess.run([sys.executable, "-c", IMPORT], capture_output=True).stdout)
        for _ in range(5)
    ]
    # The fastest: the others measure what else the machine was doing.
    assert min(seconds for seconds, _ in runs) < 0.3
    assert all(heavy == [] for _, heavy in runs)


@pytest.mark.parametrize("name", course_utils.__all__)
def test_every_public_name_exists(name):
    assert getattr(course_utils, name) is not None
    assert name in dir(course_utils)


def test_an_unknown_name_is_refused():
    with pytest.raises(AttributeError, match="'course_utils' has no attribute 'nonsense'"):
        _ = course_utils.nonsense


def test_version_is_that_of_the_project():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert course_utils.__version__ == project["version"]


def test_models_and_pages_do_not_depend_on_each_other():
    """One direction: models know nothing of data sets, and the package nothing of the book."""
    for path in (ROOT / "course_utils").rglob("*.py"):
        source = path.read_text(encoding="utf-8")
        assert "import book" not in source, path
        assert "from book" not in source, path
        if path.parent.name == "models":
            assert "course_utils.datasets" not in source, path
            assert "course_utils import datasets" not in source, path
