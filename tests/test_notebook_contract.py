"""Every notebook of the book keeps the notebook contract."""

from collections import Counter

import notebook_checks
import pytest
from notebook_checks import ROOT

NOTEBOOKS = [
    path
    for path in sorted((ROOT / "book").rglob("*.ipynb"))
    if ".ipynb_checkpoints" not in path.parts
]
IDS = [str(path.relative_to(ROOT / "book")) for path in NOTEBOOKS]


def doubled(names):
    return sorted(name for name, count in Counter(names).items() if count > 1)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=IDS)
def test_notebook_keeps_the_contract(path):
    found = notebook_checks.violations(path)
    assert not found, "\n".join(found)


def test_figure_names_are_unique_over_the_book():
    notebooks = map(notebook_checks.read, NOTEBOOKS)
    assert doubled(n for book in notebooks for n in notebook_checks.figure_names(book)) == []


def test_exercise_labels_are_unique_over_the_book():
    notebooks = map(notebook_checks.read, NOTEBOOKS)
    assert doubled(n for book in notebooks for n in notebook_checks.exercise_labels(book)) == []


def test_every_notebook_stands_in_the_table_of_contents():
    toc = (ROOT / "_toc.yml").read_text(encoding="utf-8")
    missing = [name for name in IDS if name.removesuffix(".ipynb") not in toc]
    assert missing == []
