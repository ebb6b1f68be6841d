"""The map holds every page, says what the pages say, and can be followed from top to bottom."""

import importlib.util
import io
import itertools
import json
import posixpath
import re

import course_map
import extensions
import map_drawing
import pytest
import yaml
from sphinx.application import Sphinx
from sphinx.errors import ConfigError

ROOT = extensions.EXTENSIONS.parents[1]
BOOK = ROOT / "book"
MAP = course_map.load(BOOK / "_map.yml")


def pages_of_the_toc():
    spec = importlib.util.spec_from_file_location("thumbs", ROOT / "tools" / "make_thumbnails.py")
    make_thumbnails = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(make_thumbnails)
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
    return [page for _, pages in make_thumbnails.chapters(toc) for page in pages]


def everything_before(page):
    return set(MAP.needs[page]).union(*(everything_before(need) for need in MAP.needs[page]))


def links(text, page):
    """The pages that a text of a page links to."""
    folder = posixpath.dirname(page)
    return {
        posixpath.normpath(posixpath.join(folder, target))
        for target in re.findall(r"\]\(([\w./-]+?)(?:\.ipynb|\.md)?\)", text)
    }


# --- the course's own map ------------------------------------------------------------------


def test_every_page_of_the_table_of_contents_is_on_the_map_or_beside_it():
    assert [p for p in pages_of_the_toc() if p not in MAP.needs and not MAP.is_beside(p)] == []


def test_map_and_table_of_contents_have_the_same_order():
    toc = pages_of_the_toc()
    assert [page for page in toc if page in MAP.needs] == list(MAP.needs)


@pytest.mark.parametrize("page", MAP.needs)
def test_what_a_page_says_is_needed_before_it_stands_before_it_on_the_map(page):
    source = BOOK / f"{page}.ipynb"
    if not source.is_file():
        return
    cell = json.loads(source.read_text(encoding="utf-8"))["cells"][0]
    needed = re.search(r"\*\*Needed before:\*\*([^\n]*)", "".join(cell["source"]))[1]
    first = re.split(r"\. (?=[A-Z\[])", needed)[0]  # later sentences name what helps
    assert links(first, page) & set(MAP.needs) <= everything_before(page)


@pytest.mark.parametrize("way", MAP.ways, ids=lambda way: way.name)
def test_a_way_holds_all_that_its_pages_need_in_the_order_of_the_course(way):
    pages = [page for page in way.pages if page in MAP.needs]
    assert set(pages).union(*(everything_before(page) for page in pages)) == set(pages)
    assert pages == [page for page in MAP.needs if page in pages]


def test_the_instructors_way_holds_the_pages_of_their_term():
    text = (BOOK / "appendix/instructors.md").read_text(encoding="utf-8")
    weeks = "\n".join(line for line in text.splitlines() if re.match(r"\| \d+ \|", line))
    assert weeks.count("\n") == 13
    (way,) = [way for way in MAP.ways if way.name == "Instructor"]
    assert links(weeks, "appendix/instructors") & set(MAP.needs) <= set(way.pages)


# --- maps that are refused -----------------------------------------------------------------


def written(folder, pages, beside=(), paths=()):
    for page in {*pages, *beside}:
        (folder / f"{page}.md").write_text("# Page\n", encoding="utf-8")
    entries = {page: {"label": page, "needs": needs} for page, needs in pages.items()}
    path = folder / "_map.yml"
    path.write_text(
        yaml.safe_dump(
            {"pages": entries, "beside": list(beside), "paths": list(paths)}, sort_keys=False
        ),
        encoding="utf-8",
    )
    return path


@pytest.mark.parametrize(
    ("pages", "message"),
    [
        ({"a": [], "b": ["c"]}, "b needs c, which is not among its pages"),
        ({"a": ["b"], "b": ["a"]}, "is a circle"),
        ({"a": ["b"], "b": []}, "a stands before b, which it needs"),
        ({"a_page_with_an_endless_name": []}, "must fit into 2 lines of 16 letters"),
    ],
)
def test_a_map_that_cannot_be_followed_is_refused(tmp_path, pages, message):
    with pytest.raises(ConfigError, match=message):
        course_map.load(written(tmp_path, pages))


def test_a_path_to_nowhere_is_refused(tmp_path):
    path = {"name": "Video", "text": "Clips.", "pages": ["a", "b"]}
    with pytest.raises(ConfigError, match="path 'Video' names b, which is neither"):
        course_map.load(written(tmp_path, {"a": []}, paths=[path]))


@pytest.mark.parametrize("text", ["pages: {a: {label: A}}", "[]", "pages: {", ""])
def test_a_file_of_another_form_is_refused_in_one_sentence(tmp_path, text):
    path = tmp_path / "_map.yml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=r"must have pages \(each with label and needs\)"):
        course_map.load(path)


# --- a small book --------------------------------------------------------------------------


def build(folder, index, page="# B\n\nText.\n", map_file=None):
    """Build a book of the pages a and b, of which b needs a; returns its warnings."""
    written(folder, {"a": [], "b": ["a"]}, paths=[{"name": "Way", "text": "On.", "pages": ["a"]}])
    if map_file:
        (folder / "_map.yml").write_text(map_file, encoding="utf-8")
    toctree = "```{toctree}\n:caption: Part\na\nb\nmore\n```\n"
    (folder / "index.md").write_text(f"# Book\n\n{index}\n\n{toctree}", encoding="utf-8")
    (folder / "b.md").write_text(page, encoding="utf-8")
    (folder / "more.md").write_text("# More\n", encoding="utf-8")
    warnings = io.StringIO()
    out = folder / "out"
    app = Sphinx(
        folder,
        None,
        out,
        out / ".doctrees",
        "html",
        {"extensions": "myst_parser,course_map,progress", "html_theme": "basic"},
        status=None,
        warning=warnings,
    )
    app.build()
    return warnings.getvalue()


def test_a_page_that_the_map_lacks_is_named_when_the_site_is_built(tmp_path):
    warnings = build(tmp_path, "```{course-map}\n```")
    assert "book/_map.yml does not have the page more: add it under `pages`" in warnings
    html = (tmp_path / "out" / "index.html").read_text(encoding="utf-8")
    assert re.findall(r'class="course-map-page" href="([^"]*)"', html) == ["a.html", "b.html"]
    assert "<li>Part" in html


def test_a_page_that_only_the_map_has_is_named_when_the_site_is_built(tmp_path):
    pages = {"a": [], "absent": ["a"]}
    written(tmp_path, pages)
    map_file = (tmp_path / "_map.yml").read_text(encoding="utf-8")
    (tmp_path / "absent.md").unlink()
    warnings = build(tmp_path, "Text.", map_file=map_file)
    assert "book/_map.yml has the page absent, but the book does not" in warnings


def test_a_directive_that_is_given_an_argument_is_refused(tmp_path):
    assert "'course-map': Has content, but none permitted" in build(
        tmp_path, "```{course-map} wide\n```"
    )


def test_only_pages_of_the_map_get_a_button_and_they_know_all_pages(tmp_path):
    build(tmp_path, "```{course-progress}\n```\n\n```{course-paths}\n```")
    pages = {name: (tmp_path / "out" / f"{name}.html").read_text("utf-8") for name in ("b", "more")}
    assert 'data-page="b">Mark as read' in pages["b"]
    assert 'data-pages="a b"' in pages["b"]
    assert "Mark as read" not in pages["more"]
    index = (tmp_path / "out" / "index.html").read_text(encoding="utf-8")
    assert '<progress max="2" value="0"' in index
    assert "1 page, about 1 min to read" in index


def test_the_reading_time_stands_below_the_title(tmp_path):
    build(tmp_path, "Text.", page="# B\n\n" + "word " * 1000)
    html = (tmp_path / "out" / "b.html").read_text(encoding="utf-8")
    assert re.search(r"</h1>\s*<p class=.course-reading-time.>Reading time: about 5 min</p>", html)


# --- the drawing ---------------------------------------------------------------------------

DIAMOND = {"a": (), "b": ("a",), "c": ("a",), "d": ("b", "c", "a")}


def test_needs_that_follow_from_others_get_no_line():
    assert map_drawing.direct_needs(DIAMOND) == {"a": [], "b": ["a"], "c": ["a"], "d": ["b", "c"]}


def test_every_page_is_drawn_below_all_that_it_needs():
    layers = map_drawing.layers_of(MAP.needs)
    for page, needs in MAP.needs.items():
        assert all(layers[need] < layers[page] for need in needs)
    assert max(list(layers.values()).count(layer) for layer in layers.values()) <= (
        map_drawing.PER_LAYER
    )


def test_boxes_and_passages_of_a_layer_do_not_touch():
    for layer in map_drawing.places_of(MAP.needs):
        for left, right in itertools.pairwise(layer):
            assert left.x + left.width / 2 < right.x - right.width / 2


def test_lines_lead_from_every_page_to_those_that_need_it_directly():
    svg = map_drawing.svg(DIAMOND, dict.fromkeys(DIAMOND, "A"), dict.fromkeys(DIAMOND, "x"), "Map")
    lines = set(re.findall(r'data-from="([^"]*)" data-to="([^"]*)"', svg))
    assert lines == {("a", "b"), ("a", "c"), ("b", "d"), ("c", "d")}


def test_a_line_that_crosses_a_layer_knows_where_it_comes_from_and_leads_to():
    needs = {"a": (), "b": ("a",), "c": ("b",), "x": (), "d": ("c", "x")}
    svg = map_drawing.svg(needs, dict.fromkeys(needs, "A"), dict.fromkeys(needs, "x"), "Map")
    lines = re.findall(r'data-from="([^"]*)" data-to="([^"]*)"', svg)
    assert lines.count(("x", "d")) == 3


def test_labels_and_links_are_escaped():
    svg = map_drawing.svg({"a": ()}, {"a": "A & B"}, {"a": 'x"y'}, "Map <1>")
    assert "A &amp; B" in svg
    assert "x&quot;y" in svg
    assert "Map &lt;1&gt;" in svg
