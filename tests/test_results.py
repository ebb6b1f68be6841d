"""Stored results: every file names its command, and an unknown name is refused."""

import pytest
from conftest import ROOT

from course_utils import results

NAMES = sorted(path.stem for path in (ROOT / "data" / "results").glob("*.json"))


@pytest.mark.parametrize("name", NAMES)
def test_the_command_that_wrote_a_file_is_in_the_repository(name):
    program, path = results.stored(name)["command"].split()[:2]
    assert program == "python"
    assert (ROOT / path).is_file()


def test_an_unknown_name_is_refused_with_the_known_ones():
    with pytest.raises(ValueError, match=r"no stored results 'transfre'; known are .*transfer"):
        results.stored("transfre")
