"""The built site: every page is there, every link leads somewhere, nothing comes from elsewhere.

`make test` builds the site first; without one, these tests are skipped. The generators of the
landing page are tested in any case.
"""

import importlib.util
import json
import re
from urllib.parse import urlsplit

import pytest
import site_checks
import yaml
from conftest import ROOT, SITE

BOOK = ROOT / "book"


def tool(name):
    spec = importlib.util.spec_from_file_location(name, ROOT / "tools" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


make_thumbnails, make_results_page = tool("make_thumbnails"), tool("make_results_page")
set_repository = tool("set_repository")
CONFIG = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))
TOC = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
CHAPTERS = [page for _, pages in make_thumbnails.chapters(TOC) for page in pages]
NOTEBOOKS = [page for page in CHAPTERS if (BOOK / f"{page}.ipynb").is_file()]
built = pytest.mark.skipif(not SITE.is_dir(), reason="no site built: run make site")


# --- the built site ------------------------------------------------------------------------


@built
@pytest.mark.parametrize("page", ["index", *CHAPTERS])
def test_every_page_of_the_table_of_contents_was_made(page):
    path = SITE / f"{page}.html"
    assert path.is_file()
    title = make_thumbnails.title(
        make_thumbnails.read_notebook(make_thumbnails.source_of(page, BOOK))
    )
    if not set("`$*_") & set(title):
        text = " ".join(site_checks.page(path).prose.split())
        assert title.replace("'", "’") in text


@built
def test_every_link_inside_the_site_leads_somewhere():
    root = urlsplit(set_repository.pages_url(CONFIG["repository"]["url"])).path
    assert site_checks.dead_links(SITE, root) == []


@built
def test_no_page_loads_anything_from_elsewhere():
    assert site_checks.outside_requests(SITE) == []


@built
def test_every_image_has_alt_text():
    assert site_checks.images_without_alt(SITE) == []


@built
def test_no_page_shows_raw_tex():
    assert site_checks.raw_mathematics(SITE) == []


@built
def test_formulas_bring_their_style_sheet_and_fonts():
    folder = SITE / "_static" / "katex"
    assert (folder / "fonts" / "KaTeX_Main-Regular.woff2").is_file()
    assert "MIT License" in (folder / "LICENSE").read_text(encoding="utf-8")
    formulas = [page for page in site_checks.pages(SITE) if 'class="katex' in page.path.read_text()]
    assert formulas
    for page in formulas:
        sheet = next(e for e in page.elements if e.attributes.get("rel") == "stylesheet")
        path = page.path.parent / sheet.attributes["href"].partition("?")[0]
        assert "KaTeX_Main" in path.read_text(encoding="utf-8")


@built
@pytest.mark.parametrize("page", NOTEBOOKS)
def test_every_notebook_page_opens_its_own_file_in_colab(page):
    slug = CONFIG["repository"]["url"].removeprefix("https://github.com/")
    branch = CONFIG["repository"]["branch"]
    links = [
        element.attributes["href"]
        for element in site_checks.page(SITE / f"{page}.html").elements
        if element.tag == "a" and "colab.research" in element.attributes.get("href", "")
    ]
    start = f"https://colab.research.google.com/github/{slug}/blob/{branch}/"
    assert f"{start}book/{page}.ipynb" in links
    for link in links:
        assert link.startswith(start)
        assert (ROOT / link.removeprefix(start)).is_file()


@built
def test_landing_page_has_three_doors():
    elements = site_checks.page(SITE / "index.html").elements
    doors = [e for e in elements if "course-door" in e.attributes.get("class", "")]
    assert len(doors) == 3
    links = {element.attributes.get("href") for element in elements}
    assert {"background.html", "appendix/colab.html", "appendix/instructors.html"} <= links


@built
@pytest.mark.parametrize("page", CHAPTERS)
def test_landing_page_has_a_thumbnail_for_the_chapter(page):
    name = f"{page.replace('/', '-')}.webp"
    elements = site_checks.page(SITE / "index.html").elements
    images = [
        e for e in elements if e.tag == "img" and e.attributes.get("src", "").endswith(f"/{name}")
    ]
    assert len(images) == 1
    assert len(images[0].attributes["alt"]) > 10
    assert (SITE / images[0].attributes["src"]).stat().st_size <= make_thumbnails.MAX_BYTES
    assert any(e.attributes.get("href") == f"{page}.html" for e in elements)


@built
def test_landing_page_shows_the_measured_results():
    text = " ".join(site_checks.page(SITE / "index.html").prose.split())
    if make_results_page.SOURCE.is_file():
        for row in json.loads(make_results_page.SOURCE.read_text(encoding="utf-8")):
            assert " ".join(re.sub(r"[*`$]", "", row["task"]).split()) in text
    else:
        assert "No results are stored" in text


@built
@pytest.mark.parametrize("page", CHAPTERS)
def test_search_knows_every_heading(page):
    index = (SITE / "searchindex.js").read_text(encoding="utf-8")
    titles = json.loads(index.removeprefix("Search.setIndex(").removesuffix(")"))["alltitles"]
    anchors = {anchor for places in titles.values() for _, anchor in places}
    text = (SITE / f"{page}.html").read_text(encoding="utf-8")
    sections = re.findall(r'<section id="([^"]+)">\s*(?:<span[^>]*></span>)*<h[23]', text)
    assert set(sections) <= anchors


# --- what the pages are generated from -----------------------------------------------------


def test_every_chapter_has_a_card_and_every_card_a_chapter():
    cards = yaml.safe_load((BOOK / "_cards.yml").read_text(encoding="utf-8"))
    assert set(cards) == set(CHAPTERS)


def test_results_table_shows_each_seed_and_the_median(tmp_path):
    rows = [
        {
            "task": "CNN | MNIST",
            "target": "≥ 98.8 %",
            "seeds": [0, 1, 2],
            "results": [98.91, 99.0, 98.95],
            "median": 98.95,
            "seconds_median": 41.26,
            "published": "",
        }
    ]
    source, target = tmp_path / "results.json", tmp_path / "generated" / "results.md"
    source.write_text(json.dumps(rows), encoding="utf-8")
    assert make_results_page.write(source, target)
    line = target.read_text(encoding="utf-8").splitlines()[2]
    assert line == "| CNN \\| MNIST | ≥ 98.8 % | **98.95** | 98.91, 99, 98.95 | 41 s | – |"
    assert not make_results_page.write(source, target)


def test_results_page_says_so_when_nothing_was_measured(tmp_path):
    target = tmp_path / "results.md"
    make_results_page.write(tmp_path / "absent.json", target)
    assert "make bench" in target.read_text(encoding="utf-8")


def test_results_without_a_median_are_refused():
    with pytest.raises(ValueError, match="lacks median"):
        make_results_page.table([{"task": "CNN", "results": [1]}])


def test_readme_shows_the_stored_results():
    readme = make_results_page.README.read_text(encoding="utf-8")
    assert f"-->\n\n{make_results_page.text()}\n<!-- /results -->" in readme


def test_readme_gets_the_table_between_its_marks(tmp_path):
    readme = tmp_path / "README.md"
    readme.write_text("a\n<!-- results: x -->\nold\n<!-- /results -->\nb\n", encoding="utf-8")
    source = tmp_path / "results.json"
    row = {"task": "CNN", "median": 1, "results": [1]}
    source.write_text(json.dumps([row]), encoding="utf-8")
    assert make_results_page.write_readme(source, readme)
    text = readme.read_text(encoding="utf-8")
    assert text.startswith("a\n<!-- results: x -->\n\n| task |")
    assert "| **1** |" in text
    assert "old" not in text
    assert text.endswith("<!-- /results -->\nb\n")
    assert not make_results_page.write_readme(source, readme)


def test_readme_without_marks_is_refused(tmp_path):
    readme = tmp_path / "README.md"
    readme.write_text("nothing", encoding="utf-8")
    with pytest.raises(ValueError, match="mark the place"):
        make_results_page.write_readme(tmp_path / "absent.json", readme)


# --- the checks themselves -----------------------------------------------------------------


def site(folder, body, head=""):
    (folder / "index.html").write_text(
        f"<html><head>{head}</head><body>{body}</body></html>", encoding="utf-8"
    )
    return folder


@pytest.mark.parametrize(
    ("head", "body"),
    [
        ('<script src="https://cdn.jsdelivr.net/x.js"></script>', ""),
        ('<link rel="stylesheet" href="//fonts.googleapis.com/css">', ""),
        ('<link rel="preconnect" href="https://x.org">', ""),
        ("<style>@import 'https://x.org/a.css';</style>", ""),
        ("<script>load('https://unpkg.com/thebe')</script>", ""),
        ("", '<img src="https://x.org/a.png" alt="A">'),
        ("", '<img src="a.png" srcset="a.png, https://x.org/b.png 2x" alt="A">'),
        ("", '<iframe src="https://www.youtube.com/embed/x"></iframe>'),
        ("", '<p style="background: url(https://x.org/a.png)">A</p>'),
    ],
)
def test_what_a_page_loads_from_elsewhere_is_found(tmp_path, head, body):
    assert len(site_checks.outside_requests(site(tmp_path, body, head))) == 1


def test_links_that_load_nothing_are_no_requests(tmp_path):
    head = '<link rel="canonical" href="https://x.org/"><link rel="icon" href="favicon.svg">'
    body = '<a href="https://x.org/">x</a><img src="data:image/png;base64,AA" alt="A dot">'
    assert site_checks.outside_requests(site(tmp_path, body, head)) == []


def test_fonts_of_a_style_sheet_are_found(tmp_path):
    (tmp_path / "a.css").write_text("@font-face {src: url(https://x.org/f.woff)}", encoding="utf-8")
    found = site_checks.outside_requests(
        site(tmp_path, "", '<link rel="stylesheet" href="a.css?v=1">')
    )
    assert found == ["a.css loads https://x.org/f.woff."]


@pytest.mark.parametrize(
    ("body", "count"),
    [
        ('<a href="absent.html">x</a>', 1),
        ('<a href="#absent">x</a>', 1),
        ('<a href="../outside.html">x</a>', 1),
        ('<img src="absent.png" alt="x">', 1),
        ('<a id="here" href="#here">x</a><a href="index.html?q=1#here">y</a>', 0),
        ('<a href="https://x.org/absent">x</a><a href="mailto:a@b.org">y</a>', 0),
        ('<h2 id="größe">x</h2><a href="#gr%C3%B6%C3%9Fe">y</a>', 0),
    ],
)
def test_dead_links_are_found_and_live_ones_are_not(tmp_path, body, count):
    assert len(site_checks.dead_links(site(tmp_path, body))) == count


@pytest.mark.parametrize(
    ("body", "count"),
    [
        ('<img src="a.png">', 1),
        ('<img src="a.png" alt=" ">', 1),
        ('<img src="_images/a.png" alt="_images/a.png">', 1),
        ('<img src="_images/a.png" alt="../_images/a.png">', 1),
        ('<img src="a.png" alt="A cat.">', 0),
    ],
)
def test_images_without_alt_text_are_found(tmp_path, body, count):
    assert len(site_checks.images_without_alt(site(tmp_path, body))) == count


@pytest.mark.parametrize(
    ("body", "count"),
    [
        (r"<p>See \(x\).</p>", 1),
        (r"<p>$$x$$</p>", 2),
        (r"<p>half of \frac12</p>", 1),
        (r'<p><span class="math notranslate">\(x\)</span></p>', 0),
        (r"<pre>r'\[a\]' $$</pre><p>A price of $5 and $6.</p>", 0),
    ],
)
def test_raw_tex_is_found(tmp_path, body, count):
    assert len(site_checks.raw_mathematics(site(tmp_path, body))) == count


# --- cards and thumbnails ------------------------------------------------------------------


def little_book(folder, figure="", card="x:\n  text: A page.\n"):
    (folder / "_cards.yml").write_text(card, encoding="utf-8")
    cell = {
        "cell_type": "code",
        "metadata": {"mystnb": {"figure": {"name": "fig-x"}, "image": {"alt": "A red square."}}},
        "source": "",
        "outputs": [{"output_type": "display_data", "data": {"image/png": figure}}],
    }
    cells = [{"cell_type": "markdown", "source": "# The title\n\nText.", "metadata": {}}]
    text = json.dumps({"cells": cells + ([cell] if figure else [])})
    (folder / "x.ipynb").write_text(text, encoding="utf-8")
    toc = folder / "_toc.yml"
    toc.write_text("parts:\n- caption: One\n  chapters:\n  - file: x\n", encoding="utf-8")
    return toc


RED = (
    "iVBORw0KGgoAAAANSUhEUgAAAAgAAAAICAIAAABLbSncAAAAEklEQVR4nGP4z8CAFWEXHbQSACj/"
    "P8Fu7N9hAAAAAElFTkSuQmCC"
)


@pytest.mark.parametrize(("figure", "alt"), [(RED, "A red square."), ("", "The words: The title")])
def test_card_shows_the_chapters_figure_or_else_its_title(tmp_path, figure, alt):
    from PIL import Image

    thumbnails = make_thumbnails.make_all(tmp_path, little_book(tmp_path, figure))
    assert [path.name for path in thumbnails] == ["x.webp"]
    with Image.open(thumbnails[0]) as image:
        assert image.size == make_thumbnails.SIZE
    cards = (tmp_path / "_generated" / "chapters.md").read_text(encoding="utf-8")
    assert "### One" in cards
    assert f":img-alt: {alt}\n" in cards
    assert ":link: /x\n" in cards


def test_card_that_wants_an_absent_figure_is_refused(tmp_path):
    toc = little_book(tmp_path, RED, "x:\n  text: A page.\n  figure: fig-y\n")
    with pytest.raises(KeyError, match="fig-y"):
        make_thumbnails.make_all(tmp_path, toc)


def test_page_without_a_card_is_refused(tmp_path):
    toc = little_book(tmp_path, RED, "z:\n  text: Another.\n")
    with pytest.raises(KeyError, match="no text for the page x"):
        make_thumbnails.make_all(tmp_path, toc)


def test_thumbnail_of_a_rich_figure_stays_small():
    import numpy as np
    from PIL import Image

    noise = np.random.default_rng(0).integers(0, 256, (270, 480, 3), dtype=np.uint8)
    assert len(make_thumbnails.encoded(Image.fromarray(noise))) <= make_thumbnails.MAX_BYTES
