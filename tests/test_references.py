"""The bibliography: every entry can be found, every citation has one, none is left over."""

import json
import re
from collections import Counter
from pathlib import Path

import pybtex.database
import pytest

BOOK = Path(__file__).resolve().parents[1] / "book"
TEXT = (BOOK / "references.bib").read_text(encoding="utf-8")
ENTRIES = pybtex.database.parse_string(TEXT, "bibtex").entries

# Neither a DOI nor an arXiv number exists for these; their addresses are permanent.
WITHOUT_IDENTIFIER = {"roberts1963machine", "papert1966summer", "buolamwini2018gender"}
REQUIRED = {
    "article": {"title", "journal", "year"},
    "inproceedings": {"title", "booktitle", "year"},
    "incollection": {"title", "booktitle", "publisher", "year"},
    "book": {"title", "publisher", "year"},
    "phdthesis": {"title", "school", "year"},
    "techreport": {"title", "institution", "year"},
    "misc": {"title", "year"},
}
DOI = re.compile(r"10\.\d{4,9}/[-._;()/:A-Za-z0-9]*[A-Za-z0-9)]")
ARXIV = re.compile(r"(\d{2})(0[1-9]|1[0-2])\.(\d{4,5})")
CITE = re.compile(r"\{cite(?::[a-z]+)?\}`([^`]+)`")


def sources():
    """The text of every page, as (page, text) pairs."""
    for path in sorted(BOOK.rglob("*.md")):
        if "_generated" not in path.parts:
            yield str(path.relative_to(BOOK)), path.read_text(encoding="utf-8")
    for path in sorted(BOOK.rglob("*.ipynb")):
        if ".ipynb_checkpoints" not in path.parts:
            cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
            outputs = [
                "".join(output["data"]["text/markdown"])
                for cell in cells
                for output in cell.get("outputs", [])
                if "text/markdown" in output.get("data", {})
            ]
            markdown = ["".join(c["source"]) for c in cells if c["cell_type"] == "markdown"]
            yield str(path.relative_to(BOOK)), "\n\n".join(markdown + outputs)


CITED = {
    (page, key.strip())
    for page, text in sources()
    for keys in CITE.findall(text)
    for key in re.sub(r"\{[^}]*\}", "", keys).split(",")
}


def test_keys_are_unique():
    keys = re.findall(r"^@\w+\{([^,\s]+),", TEXT, re.MULTILINE)
    assert len(keys) == len(ENTRIES)
    assert [key for key, count in Counter(k.lower() for k in keys).items() if count > 1] == []


@pytest.mark.parametrize("name", ["doi", "eprint"])
def test_no_work_stands_there_twice(name):
    found = [e.fields[name].lower() for e in ENTRIES.values() if name in e.fields]
    assert [value for value, count in Counter(found).items() if count > 1] == []


def test_no_title_stands_there_twice():
    titles = [re.sub(r"[^a-z0-9]", "", e.fields["title"].lower()) for e in ENTRIES.values()]
    assert [title for title, count in Counter(titles).items() if count > 1] == []


@pytest.mark.parametrize("key", ENTRIES)
def test_entry_is_complete(key):
    entry = ENTRIES[key]
    assert entry.type in REQUIRED
    missing = {name for name in REQUIRED[entry.type] if not entry.fields.get(name, "").strip()}
    assert missing == set()
    assert entry.persons.get("author")
    assert re.fullmatch(r"(?:19|20)\d\d", entry.fields["year"])
    if "pages" in entry.fields:
        first, last = re.fullmatch(r"(\d+)--(\d+)", entry.fields["pages"]).groups()
        assert int(first) <= int(last)


@pytest.mark.parametrize("key", ENTRIES)
def test_entry_has_a_doi_or_an_arxiv_number_of_the_right_form(key):
    fields = ENTRIES[key].fields
    if key in WITHOUT_IDENTIFIER:
        homes = r"https://(hdl\.handle\.net|proceedings\.mlr\.press)/[\w./]+"
        assert re.fullmatch(homes, fields["url"])
        return
    assert "doi" in fields or "eprint" in fields
    if "doi" in fields:
        assert DOI.fullmatch(fields["doi"])
        assert "arxiv" not in fields["doi"].lower(), "give an arXiv number as eprint"
    if "eprint" in fields:
        year, _, number = ARXIV.fullmatch(fields["eprint"]).groups()
        # Five digits came with 2015; a preprint may follow its publication, by months.
        assert len(number) == (4 if int(year) < 15 else 5)
        assert 2000 + int(year) <= int(fields["year"]) + 1


def test_exceptions_are_used():
    assert set(ENTRIES) >= WITHOUT_IDENTIFIER


def test_every_citation_has_an_entry():
    assert sorted((page, key) for page, key in CITED if key not in ENTRIES) == []


def test_every_entry_is_cited():
    assert sorted(set(ENTRIES) - {key for _, key in CITED}) == []


def test_every_page_that_cites_lists_its_references():
    texts = dict(sources())
    pages = {page for page, _ in CITED}
    assert sorted(page for page in pages if "{bibliography}" not in texts[page]) == []


def test_the_notes_of_the_review_are_gone():
    notes = [entry.fields.get("note", "") for entry in ENTRIES.values()]
    assert not [note for note in notes if re.search(r"looked up|knowledge", note)]
