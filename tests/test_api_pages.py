"""Every public module has its page, and names in a chapter's code lead there."""

import re

import pytest
import yaml
from conftest import ROOT, SITE

import course_utils as cu

API = ROOT / "book" / "api"
built = pytest.mark.skipif(not SITE.is_dir(), reason="no site built: run make site")


def test_every_public_module_has_a_page_in_the_table_of_contents():
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
    appendix = toc["parts"][-1]["chapters"]
    sections = next(one["sections"] for one in appendix if one["file"] == "appendix/api")
    names = [f"api/{name}" for name in sorted(cu._SUBMODULES)]
    assert [section["file"] for section in sections] == names
    assert sorted(path.stem for path in API.glob("*.md")) == sorted(cu._SUBMODULES)


@pytest.mark.parametrize("name", sorted(cu._SUBMODULES))
def test_page_documents_its_module_and_what_a_package_gathers(name):
    text = (API / f"{name}.md").read_text(encoding="utf-8")
    assert f".. automodule:: course_utils.{name}\n" in text
    package = (ROOT / "course_utils" / name / "__init__.py").is_file()
    assert (":imported-members:" in text) == package


@built
@pytest.mark.parametrize(
    ("page", "name", "target"),
    [
        ("code/cnn", "build_cnn", "../api/models.html#course_utils.models.build_cnn"),
        ("code/cnn", "fit", "../api/training.html#course_utils.training.fit"),
        ("practice/detection", "scenes", "../api/datasets.html#course_utils.datasets.scenes"),
        ("background", "setup", "api/runtime.html#course_utils.runtime.setup"),
    ],
)
def test_a_name_in_a_cell_leads_to_what_is_said_of_it(page, name, target):
    text = (SITE / f"{page}.html").read_text(encoding="utf-8")
    links = re.findall(r'<a class="sphinx-codeautolink-a" href="([^"]+)"', text)
    assert target in links
    path, _, anchor = target.partition("#")
    described = (SITE / page).parent / path
    assert f'id="{anchor}"' in described.resolve().read_text(encoding="utf-8")


@built
def test_search_knows_every_public_module_and_function():
    index = (SITE / "searchindex.js").read_text(encoding="utf-8")
    for name in (*cu._SUBMODULES, "build_cnn", "show_source", "pgd"):
        assert name in index
