"""The repository's URL stands in `_config.yml`; everything that names it agrees."""

import importlib.util
import json
import re
import shutil
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]


def load(name):
    spec = importlib.util.spec_from_file_location(name, ROOT / "tools" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


set_repository = load("set_repository")
URL = set_repository.current_url()
PLACEHOLDER = "https://github.com/your-organisation/large-ai-models-for-images-and-video"
FILES = {str(path.relative_to(ROOT)): path for path in set_repository.files()}
VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]


def test_current_url_is_the_one_that_yaml_reads():
    config = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))
    assert config["repository"]["url"] == URL


def test_no_file_holds_the_placeholder_once_the_url_is_set():
    if URL != PLACEHOLDER:
        assert [n for n, p in FILES.items() if PLACEHOLDER in p.read_text(encoding="utf-8")] == []


@pytest.mark.parametrize("name", sorted(n for n in FILES if n.endswith(".ipynb")))
def test_setup_cell_installs_the_release_from_the_repository(name):
    notebook = json.loads(FILES[name].read_text(encoding="utf-8"))
    setup = [c for c in notebook["cells"] if "setup" in c["metadata"].get("tags", [])]
    assert len(setup) == 1
    assert f'"course-utils @ git+{URL}@v{VERSION}"' in "".join(setup[0]["source"])


def test_citation_names_the_repository_and_the_release():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["repository-code"] == URL
    assert citation["version"] == VERSION
    assert f"## [{VERSION}]" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_readme_names_the_repository():
    assert URL in (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", sorted(FILES))
def test_colab_links_in_sources_name_files_that_exist(name):
    text = FILES[name].read_text(encoding="utf-8")
    slug = URL.removeprefix("https://github.com/")
    for link in re.findall(r"https://colab\.research\.google\.com/github/[^\s)\"'>\\]+", text):
        start = f"https://colab.research.google.com/github/{slug}/blob/main/"
        assert link.startswith(start)
        assert (ROOT / link.removeprefix(start)).is_file()


@pytest.fixture
def copy(tmp_path):
    for path in FILES.values():
        target = tmp_path / path.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
    return tmp_path


def test_one_command_changes_the_url_everywhere_and_nothing_else(copy):
    new = "https://github.com/somebody/my-course"
    before = {path: path.read_bytes() for path in set_repository.files(copy)}
    changed = set_repository.set_repository(f"{new}.git", copy)
    assert set_repository.current_url(copy) == new
    assert copy / "_config.yml" in changed
    assert {p for p in before if p.suffix == ".ipynb"} <= set(changed)
    for path, content in before.items():
        assert URL.encode() not in path.read_bytes()
        assert path.read_bytes() == content.replace(
            URL.removeprefix("https://").encode(), new.removeprefix("https://").encode()
        ).replace(
            URL.removeprefix("https://github.com/").encode() + b"/blob", b"somebody/my-course/blob"
        ).replace(set_repository.pages_url(URL).encode(), set_repository.pages_url(new).encode())
    set_repository.set_repository(URL, copy)
    assert {path: path.read_bytes() for path in before} == before


def test_outputs_stay_current_when_the_url_changes(copy):
    import nbformat

    execute_notebooks = load("execute_notebooks")
    notebooks = [path for path in set_repository.files(copy) if path.suffix == ".ipynb"]
    before = [execute_notebooks.code_hash(nbformat.read(path, 4)) for path in notebooks]
    set_repository.set_repository("https://github.com/somebody/my-course", copy)
    assert [execute_notebooks.code_hash(nbformat.read(path, 4)) for path in notebooks] == before


def test_longer_names_that_begin_alike_are_left_alone(copy):
    page = copy / "README.md"
    page.write_text(f"{URL} {URL}-slides {URL}.git {URL}. {URL}/blob", encoding="utf-8")
    set_repository.set_repository("https://github.com/a/b", copy)
    new = "https://github.com/a/b"
    expected = f"{new} {URL}-slides {new}.git {new}. {new}/blob"
    assert page.read_text(encoding="utf-8") == expected


def test_the_site_has_the_address_that_github_pages_gives_it():
    pages_url = set_repository.pages_url
    assert pages_url("https://github.com/Some-Body/My.Course") == (
        "https://some-body.github.io/My.Course/"
    )
    assert pages_url("https://github.com/somebody/somebody.github.io") == (
        "https://somebody.github.io/"
    )


def test_links_to_the_site_change_with_the_url(copy):
    page = copy / "README.md"
    page.write_text(f"{set_repository.pages_url(URL)}background.html", encoding="utf-8")
    set_repository.set_repository("https://github.com/a/b", copy)
    assert page.read_text(encoding="utf-8") == "https://a.github.io/b/background.html"


@pytest.mark.parametrize(
    "url", ["", "github.com/a/b", "http://github.com/a/b", "https://github.com/a", "git@x:a/b"]
)
def test_other_forms_of_url_are_refused(url, copy):
    with pytest.raises(ValueError, match=re.escape("https://github.com/owner/name")):
        set_repository.set_repository(url, copy)
    assert set_repository.current_url(copy) == URL
