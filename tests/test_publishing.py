"""What surrounds the pages: addresses, cards, citations, feed, redirects, PDF, links, workflows.

What needs no site is tested in any case; the rest reads the site that `make site` has built.
"""

import html
import importlib
import io
import json
import posixpath
import re
import subprocess
import sys
import threading
from urllib.parse import urlsplit
from xml.etree import ElementTree

import extensions
import numpy as np
import page_checks
import pytest
import yaml
from bs4 import BeautifulSoup
from conftest import CHROMIUM, ROOT, SITE
from PIL import Image
from pybtex.database import parse_string
from sphinx.errors import ExtensionError

sys.path[:0] = [str(extensions.EXTENSIONS), str(ROOT / "tools")]
check_links, make_pdf, make_thumbnails, serve, set_repository = map(
    importlib.import_module,
    ("check_links", "make_pdf", "make_thumbnails", "serve", "set_repository"),
)
cite_page, feed, not_found, page_dates, site_address, social_cards = map(
    importlib.import_module,
    ("cite_page", "feed", "not_found", "page_dates", "site_address", "social_cards"),
)

CONFIG = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))
TOC = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
CHAPTERS = [page for _, pages in make_thumbnails.chapters(TOC) for page in pages]


def pages_of(node):
    """Every page of the table of contents, also those below a chapter."""
    parts = (child for key in ("parts", "chapters", "sections") for child in node.get(key, []))
    return [node[key] for key in ("root", "file") if key in node] + [
        page for part in parts for page in pages_of(part)
    ]


PAGES = pages_of(TOC)
REDIRECTS = CONFIG["sphinx"]["config"]["redirects"]
BASE = "https://somebody.github.io/course/"
CITATION = {
    "title": "A Course",
    "abstract": "What it is\nabout.",
    "version": "1.2.0",
    "date-released": "2026-01-31",
    "authors": [{"name": "The Authors"}, {"given-names": "Ada", "family-names": "Lovelace"}],
}
built = pytest.mark.skipif(
    not (SITE / "index.html").is_file(), reason="no site is built: run make site"
)


def soup_of(page):
    return BeautifulSoup((SITE / f"{page}.html").read_text(encoding="utf-8"), "lxml")


@pytest.fixture(scope="module")
def soups():
    return {page: soup_of(page) for page in PAGES}


@pytest.fixture(scope="module")
def base(soups):
    return soups["index"].select_one('link[rel="canonical"]')["href"]


# --- addresses -----------------------------------------------------------------------------


def test_sitemap_names_every_page_with_its_day():
    written = site_address.sitemap(BASE, {"index": "2026-01-02", "code/cnn": ""})
    urls = ElementTree.fromstring(written)
    found = [[(part.tag.partition("}")[2], part.text) for part in url] for url in urls]
    assert found == [
        [("loc", f"{BASE}code/cnn.html")],
        [("loc", BASE), ("lastmod", "2026-01-02")],
    ]


def test_newest_commit_dates_a_file():
    log = "\x012026-02-02T00:00:00+00:00\n\na.md\n\x012026-01-01T00:00:00+00:00\n\na.md\nb ü.md\n"
    assert page_dates.parse(log) == {
        "a.md": "2026-02-02T00:00:00+00:00",
        "b ü.md": "2026-01-01T00:00:00+00:00",
    }


def test_history_is_that_of_the_repository_and_none_without_one(tmp_path):
    def git(*words, folder):
        author = ["-c", "user.name=a", "-c", "user.email=a@b.c"]
        subprocess.run(["git", *author, *words], cwd=folder, check=True, capture_output=True)

    assert page_dates.last_changes(tmp_path) == {}
    whole, shallow = tmp_path / "whole", tmp_path / "shallow"
    whole.mkdir()
    git("init", "-b", "main", folder=whole)
    for name in ("a.md", "b.md"):
        (whole / name).write_text(name)
        git("add", name, folder=whole)
        git("commit", "-m", name, folder=whole)
    assert set(page_dates.last_changes(whole)) == {str(whole / "a.md"), str(whole / "b.md")}
    # To a clone of one commit every file is as new as that.
    git("clone", "--depth", "1", whole.as_uri(), str(shallow), folder=tmp_path)
    assert page_dates.last_changes(shallow) == {}


@built
def test_sitemap_of_the_site_names_the_pages_and_nothing_else(base):
    urls = ElementTree.parse(SITE / "sitemap.xml").getroot()
    found = {url[0].text.removeprefix(base) or "index.html" for url in urls}
    assert found == {f"{page}.html" for page in PAGES}
    assert f"Sitemap: {base}sitemap.xml" in (SITE / "robots.txt").read_text()
    assert (SITE / ".nojekyll").is_file()  # else GitHub Pages leaves out _static


@built
def test_every_page_names_its_own_address(soups, base):
    configured = CONFIG.get("html", {}).get("baseurl")
    assert base == (configured or set_repository.pages_url(CONFIG["repository"]["url"]))
    for page, soup in soups.items():
        links = [link["href"] for link in soup.select('link[rel="canonical"]')]
        assert links == [base + ("" if page == "index" else f"{page}.html")]


# --- what others show of a page --------------------------------------------------------------


def test_front_matter_goes_before_the_card_and_short_sentences_are_completed():
    cards = {"a": {"text": "Of the card, and long enough for every search engine that exists."}}
    own = "Of the front matter, and long enough for every search engine that exists."
    assert social_cards.description("a", cards, {}, "C") == cards["a"]["text"]
    assert social_cards.description("a", cards, {"description": own}, "C") == own
    assert social_cards.description("a", {"a": {"text": "Short."}}, {}, "C") == (
        "Short. A page of C."
    )
    assert social_cards.description("a", {}, {}, "C", begins=own) == own


@pytest.mark.parametrize("cards", [{}, {"a": {"text": "x" * 161}}])
def test_missing_and_overlong_sentences_are_refused(cards):
    with pytest.raises(ValueError, match=r"The page a has no|of the page a has 161"):
        social_cards.description("a", cards, {}, "C")


def test_card_shows_the_figure_and_stays_small():
    noise = np.random.default_rng(0).integers(0, 256, (600, 600, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(noise).save(buffer, "PNG")
    words = ("The course", "A title that needs more than one line", "A sentence. " * 8)
    with_figure = social_cards.drawn(*words, buffer.getvalue())
    without = social_cards.drawn(*words, b"")
    assert with_figure.size == without.size == (1200, 630)
    right = (700, 100, 1100, 500)
    assert np.std(np.asarray(with_figure.crop(right))) > 20
    assert len(social_cards.encoded(with_figure)) <= social_cards.MAX_BYTES
    assert Image.open(io.BytesIO(social_cards.encoded(without))).format == "JPEG"


@built
def test_every_page_has_one_description_of_its_own(soups):
    seen = {}
    for page, soup in soups.items():
        found = [tag["content"] for tag in soup.select('meta[name="description"]')]
        assert len(found) == 1, page
        assert social_cards.SHORT <= len(found[0]) <= social_cards.LONG, page
        assert seen.setdefault(found[0], page) == page
    for page in ("search", "genindex", "404"):
        assert len(soup_of(page).select('meta[name="description"]')) == 1


@built
def test_every_page_has_a_social_card_of_the_size_it_tells(soups, base):
    for page, soup in soups.items():
        told = {tag["property"]: tag["content"] for tag in soup.select("meta[property]")}
        assert told["og:url"] == soup.select_one('link[rel="canonical"]')["href"]
        assert told["og:description"] == soup.select_one('meta[name="description"]')["content"]
        path = SITE / told["og:image"].removeprefix(base)
        assert path.stat().st_size <= social_cards.MAX_BYTES, page
        size = (int(told["og:image:width"]), int(told["og:image:height"]))
        with Image.open(path) as card:
            assert card.size == size


# --- citations -------------------------------------------------------------------------------


def test_citation_reads_back_as_it_was_written():
    title = '100 % of {braces}, $x^2$ & "quotes": an O\'Reilly'
    url = f"{BASE}code/a_page.html"
    plain = "Depth: what an addition does"
    written = cite_page.entry("code/a_page", plain, url, "2026-02-03", "version 1", CITATION)
    found = parse_string(written, "bibtex").entries
    (entry,) = found.values()
    assert entry.fields["title"] == f"{{{plain}}}"
    assert entry.fields["url"] == url
    assert (entry.fields["year"], entry.fields["note"]) == (
        "2026",
        "Last changed on 3 February 2026",
    )
    assert [str(person) for person in entry.persons["author"]] == ["{The Authors}", "Lovelace, Ada"]
    text = cite_page.as_text(written)
    assert text.startswith("The Authors and Ada Lovelace. Depth: what an addition does.")
    assert url in text
    parse_string(cite_page.entry("p", title.replace('"', ""), url, "", "v", CITATION), "bibtex")


def test_citation_without_a_history_has_the_year_of_the_release():
    written = cite_page.entry("a", "T", BASE, "", "version 1", CITATION)
    (entry,) = parse_string(written, "bibtex").entries.values()
    assert entry.fields["year"] == "2026"
    assert "note" not in entry.fields


def test_citation_says_when_the_site_is_ahead_of_its_release():
    released = "## [1.2.0] - 2026-01-31\n\n- A\n"
    assert cite_page.version_of(CITATION, released) == "version 1.2.0"
    ahead = f"## [Unreleased]\n\n- B\n\n{released}"
    assert cite_page.version_of(CITATION, ahead) == "version 1.2.0 with later changes"


def test_no_title_ends_the_script_that_holds_linked_data():
    title = "</script><b>"
    script = cite_page.linked_data("a", title, BASE, "2026-01-01", BASE, "About.", CITATION)
    assert script.count("</script>") == 1
    data = json.loads(BeautifulSoup(script, "lxml").script.string)
    assert data["name"] == title
    assert data["isPartOf"]["description"] == "What it is about."


@built
def test_every_page_ends_with_its_citation(soups):
    for page, soup in soups.items():
        (box,) = soup.select("article .course-cite")
        assert not box.has_attr("open")
        text, bibtex = (part.get_text() for part in box.select("div.highlight > pre"))
        (entry,) = parse_string(bibtex, "bibtex").entries.values()
        url = soup.select_one('link[rel="canonical"]')["href"]
        assert entry.fields["url"] == url, page
        assert url in text
        data = json.loads(soup.select_one('script[type="application/ld+json"]').string)
        assert data["url"] == url
        assert data["@type"] == ("Course" if page == "index" else "LearningResource")


# --- the feed --------------------------------------------------------------------------------

ATOM = {"a": "http://www.w3.org/2005/Atom"}


def test_changelog_is_read_as_releases():
    found = feed.releases((ROOT / "CHANGELOG.md").read_text(encoding="utf-8"))
    days = [release.day for release in found if release.name != "Unreleased"]
    assert days
    assert days == sorted(days, reverse=True)
    assert feed.releases("# C\n\n## [Unreleased]\n\n## [1.0.0] - 2026-01-31\n\n- A\n") == [
        feed.Release("1.0.0", "2026-01-31", "- A")
    ]


@pytest.mark.parametrize("heading", ["## 1.0.0", "## [1.0.0]", "## [Unreleased] - 2026-01-01"])
def test_other_headings_in_the_changelog_are_refused(heading):
    with pytest.raises(ExtensionError, match=re.escape(repr(heading))):
        feed.releases(f"{heading}\n\n- A\n")


def test_entries_keep_their_names_wherever_the_site_stands():
    found = [
        feed.Release("Unreleased", "", "- `new` & <b>"),
        feed.Release("1.0.0", "2026-01-31", "- A"),
    ]

    def read(base):
        written = feed.atom(found, "2026-02-01T10:00:00+01:00", "C", "A", base)
        root = ElementTree.fromstring(written)
        ids = [entry.findtext("a:id", namespaces=ATOM) for entry in root.findall("a:entry", ATOM)]
        return root, ids

    (root, ids), (_, elsewhere) = read(BASE), read("https://other.org/")
    assert ids == elsewhere
    assert len(set(ids)) == 2
    assert all(name.startswith("urn:uuid:") for name in ids)
    updated = [e.findtext("a:updated", namespaces=ATOM) for e in root.findall("a:entry", ATOM)]
    assert updated == ["2026-02-01T10:00:00+01:00", "2026-01-31T00:00:00+00:00"]
    assert root.findtext("a:updated", namespaces=ATOM) == updated[0]
    content = root.find("a:entry/a:content", ATOM)
    assert content.attrib["type"] == "html"
    assert "<code>new</code> &amp; &lt;b&gt;" in content.text


def test_what_has_no_date_is_not_in_the_feed():
    found = [feed.Release("Unreleased", "", "- B"), feed.Release("1.0.0", "2026-01-31", "- A")]
    root = ElementTree.fromstring(feed.atom(found, "", "C", "A", BASE))
    titles = [e.findtext("a:title", namespaces=ATOM) for e in root.findall("a:entry", ATOM)]
    assert titles == ["Version 1.0.0"]


@built
def test_every_page_tells_where_the_feed_is(soups, base):
    for page, soup in soups.items():
        (link,) = soup.select('link[type="application/atom+xml"]')
        assert (SITE / page).parent.joinpath(link["href"]).resolve() == SITE / feed.FILE
    root = ElementTree.parse(SITE / feed.FILE).getroot()
    addresses = {link.attrib["href"] for link in root.iter(f"{{{ATOM['a']}}}link")}
    for address in addresses:
        assert (SITE / address.removeprefix(base)).is_file()


# --- old addresses and wrong ones --------------------------------------------------------------


def leads_to(old, new):
    return posixpath.normpath(posixpath.join(posixpath.dirname(old), new)).removesuffix(".html")


@pytest.mark.parametrize("old", REDIRECTS)
def test_redirect_leads_from_no_page_to_a_page(old):
    assert old not in PAGES
    assert leads_to(old, REDIRECTS[old]) in PAGES


def test_every_page_that_was_ever_published_is_there_or_redirected():
    command = ["git", "log", "--format=", "-p", "--", "_toc.yml"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    ever = set(re.findall(r"^[+-] +- file: (\S+)$", done.stdout, re.MULTILINE))
    if not ever:
        pytest.skip("no history of _toc.yml here")
    lost = ever - set(PAGES) - set(REDIRECTS)
    assert not lost, f"_config.yml needs redirects from {', '.join(sorted(lost))}."


@built
@pytest.mark.parametrize("old", REDIRECTS)
def test_old_address_shows_where_the_page_is_now(old):
    soup = soup_of(old)
    assert (SITE / old).parent.joinpath(soup.a["href"]).resolve().is_file()
    assert soup.select_one("noscript meta")["content"] == f"0; url={soup.a['href']}"
    assert soup.html["lang"]
    assert soup.title.string


def test_links_of_the_page_for_wrong_addresses_begin_at_the_root():
    page = '<a href="a.html"><img src="./i.png"><a href="#x"><a href="https://b/"><a href="/c">'
    assert not_found.rooted(page, "/name/") == (
        '<a href="/name/a.html"><img src="/name/i.png"><a href="#x"><a href="https://b/">'
        '<a href="/c">'
    )


@pytest.fixture
def pages_host():
    """The site as GitHub Pages serves it: under its path, with 404.html for the rest."""
    root = urlsplit(set_repository.pages_url(CONFIG["repository"]["url"])).path
    with serve.server(SITE, root, 0) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{running.server_port}", root
        running.shutdown()


@built
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_wrong_address_shows_a_page_that_helps(browser, pages_host, scheme):
    host, root = pages_host
    context = browser.new_context(color_scheme=scheme)
    page = context.new_page()
    failed = []
    page.on("response", lambda r: failed.append(r.url) if r.status >= 400 else None)
    wrong = f"{host}{root}practice/video/no-such-page.html"
    answer = page.goto(wrong)
    assert answer.status == 404
    assert page.locator("article h1").inner_text() == "This page does not exist"
    assert failed == [wrong]
    for link in page.locator("article a").all():
        path = urlsplit(link.get_attribute("href")).path
        assert path.startswith(root)
        assert (SITE / path.removeprefix(root)).is_file()
    if page_checks.AXE.is_file():
        page.evaluate(page_checks.AXE.read_text(encoding="utf-8"))
        assert page.evaluate("() => axe.run('article')")["violations"] == []
    page.get_by_label("Words").fill("dropout")
    page.keyboard.press("Enter")
    page.wait_for_url(f"{host}{root}search.html?q=dropout")
    context.close()


@built
def test_redirect_keeps_the_place_on_the_page(page, site_url):
    page.goto(f"{site_url}/practice/index.html#summary")
    page.wait_for_url(f"{site_url}/practice/{REDIRECTS['practice/index']}#summary")


def answer(address):
    import urllib.error
    import urllib.request

    try:
        with urllib.request.urlopen(address) as found:
            return found.status, found.url, found.read()
    except urllib.error.HTTPError as error:
        return error.code, error.url, error.read()


def test_local_server_serves_under_the_path_of_the_site(tmp_path):
    (tmp_path / "index.html").write_text("here")
    (tmp_path / "404.html").write_text("nowhere")
    (tmp_path.parent / "secret.txt").write_text("secret")
    with serve.server(tmp_path, "/name/", 0) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        host = f"http://127.0.0.1:{running.server_port}"
        assert answer(f"{host}/") == (200, f"{host}/name/", b"here")
        assert answer(f"{host}/name/index.html")[2] == b"here"
        for wrong in ("/name/x", "/index.html", "/name/../secret.txt", "/names/index.html"):
            assert answer(host + wrong)[::2] == (404, b"nowhere")
        running.shutdown()


# --- search ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def index():
    text = (SITE / "searchindex.js").read_text(encoding="utf-8")
    return json.loads(text[text.index("(") + 1 : text.rindex(")")])


@built
def test_search_knows_every_heading(index, soups):
    known = {re.sub(r"\W+", "", title) for title in index["alltitles"]}
    for page, soup in soups.items():
        for heading in soup.select("article h1, article h2, article h3"):
            for link in heading.select(".headerlink, .katex"):
                link.decompose()
            title = re.sub(r"\W+", "", html.unescape(heading.get_text()))
            assert any(title in one for one in known), (page, title)


@built
def test_search_knows_every_function(index, soups):
    from sphinx.search.en import SearchEnglish

    language = SearchEnglish({})
    for page, soup in soups.items():
        number = index["docnames"].index(page)
        for code in soup.select("article div.highlight pre"):
            for name in re.findall(r"^\s*(?:def|class) (\w+)", code.get_text(), re.MULTILINE):
                if not language.word_filter(name.lower()):
                    continue
                word = language.stem(name.lower())
                found = [index[kind].get(word, []) for kind in ("terms", "titleterms")]
                assert number in np.hstack(found), (page, name)


# --- the PDF ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("link", "expected"),
    [
        ("#summary", "#page-code-cnn--summary"),
        ("rnn.html", "#page-code-rnn"),
        ("../background.html#a%20b", "#page-background--a b"),
        ("../assignments/video.ipynb", f"{BASE}assignments/video.ipynb"),
        ("../index.html#results", f"{BASE}index.html#results"),
        ("https://arxiv.org/abs/1", "https://arxiv.org/abs/1"),
        ("mailto:a@b.c", "mailto:a@b.c"),
    ],
)
def test_links_lead_inside_the_book_where_they_can(link, expected):
    pages = {"code/cnn", "code/rnn", "background"}
    assert make_pdf.new_link(link, "code/cnn", pages, BASE) == expected


CHAPTER = """<html><head><link rel="canonical" href="https://a.github.io/b/"></head><body><nav>no</nav>
<article class="bd-article" role="main"><section id="t"><h1>{0}<a class="headerlink">#</a></h1>
<p id="same">Text of {0}. <a href="{1}.html#same">over there</a> <a href="#same">here</a></p>
<details class="dropdown"><summary>Solution</summary><p>Unfolded {0}</p></details>
<video poster="data:image/png;base64,{2}" aria-label="a film"></video>
<section class="course-demo">demo</section><script>no()</script>
<details class="course-cite">cite</details></section></article></body></html>"""
PIXEL = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk"
    "+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


def test_chapters_keep_their_anchors_apart_and_show_what_was_folded():
    pages = {"one", "two"}
    title, one = make_pdf.chapter(CHAPTER.format("One", "two", PIXEL), "one", pages, BASE)
    _, two = make_pdf.chapter(CHAPTER.format("Two", "one", PIXEL), "two", pages, BASE)
    assert title == "One"
    ids = [element["id"] for part in (one, two) for element in part.find_all(id=True)]
    assert len(ids) == len(set(ids))
    inside = [a["href"][1:] for a in one.find_all("a", href=re.compile("^#"))]
    assert inside == ["page-two--same", "page-one--same"]
    assert set(inside) <= set(ids)
    assert one.details.has_attr("open")
    assert one.h2.get_text() == "One"
    text = one.get_text(" ")
    assert f"plays at  {BASE}one.html" in text
    assert f"runs in the browser, at  {BASE}one.html" in text
    assert not {"no()", "cite"} & set(text.split())
    assert one.img["alt"] == "a film"


def test_page_without_an_article_is_refused():
    with pytest.raises(ValueError, match=r"^one\.html has no article"):
        make_pdf.chapter("<html></html>", "one", {"one"}, BASE)


@pytest.mark.skipif(not CHROMIUM, reason="Chromium is missing")
def test_chromium_prints_bookmarks_page_numbers_and_links(tmp_path):
    from pypdf import PdfReader

    site = tmp_path / "html"
    site.mkdir()
    (site / "one.html").write_text(CHAPTER.format("One", "two", PIXEL))
    (site / "two.html").write_text(CHAPTER.format("Two", "one", PIXEL))
    (site / "index.html").write_text(CHAPTER.format("Index", "one", PIXEL))
    toc = {"parts": [{"caption": "Part", "chapters": [{"file": "one"}, {"file": "two"}]}]}
    (tmp_path / "_toc.yml").write_text(yaml.safe_dump(toc))
    command = [sys.executable, ROOT / "tools" / "make_pdf.py"]
    command += ["--build", tmp_path, "--toc", tmp_path / "_toc.yml"]
    subprocess.run(command, check=True, capture_output=True)
    reader = PdfReader(tmp_path / "course.pdf")
    assert [page.extract_text().split()[0] for page in reader.pages[2:]] == ["Part", "One", "Two"]
    assert "Unfolded One" in reader.pages[3].extract_text()
    assert re.search(r"One\s*4\s*Two\s*5", reader.pages[1].extract_text())
    assert dead_ends(reader) == []
    part = next(i for i, mark in enumerate(reader.outline) if getattr(mark, "title", "") == "Part")
    assert [mark.title for mark in reader.outline[part + 1]] == ["One", "Two"]


def dead_ends(reader):
    """Links inside a PDF whose target it does not have."""
    links = [
        annotation.get_object().get("/Dest")
        for page in reader.pages
        for annotation in page.get("/Annots", [])
        if annotation.get_object().get("/Subtype") == "/Link"
    ]
    inside = [link for link in links if link is not None]
    assert inside
    return [link for link in inside if str(link) not in reader.named_destinations]


@pytest.mark.skipif(not make_pdf.TARGET.is_file(), reason="no PDF is printed: run make pdf")
def test_printed_course_is_whole(soups):
    from pypdf import PdfReader

    reader = PdfReader(make_pdf.TARGET)
    assert make_pdf.TARGET.stat().st_size < 40e6
    assert dead_ends(reader) == []
    marks = [
        m.title
        for part in reader.outline
        if isinstance(part, list)
        for m in part[::1]
        if not isinstance(m, list)
    ]
    titles = [make_pdf.chapter(str(soups[page]), page, set(CHAPTERS), BASE)[0] for page in CHAPTERS]
    assert [re.sub(r"\W", "", m) for m in marks] == [re.sub(r"\W", "", t) for t in titles]


def test_without_chromium_the_pdf_ends_in_one_sentence(monkeypatch, capsys):
    monkeypatch.setattr(make_pdf.shutil, "which", lambda name: None)
    monkeypatch.setattr(sys, "argv", ["make_pdf.py"])
    assert make_pdf.main() == 1
    assert capsys.readouterr().err == ("The PDF needs Chromium: on Debian, apt install chromium.\n")


# --- links that lead out ---------------------------------------------------------------------


def row(uri, status, info=""):
    return json.dumps({"uri": uri, "status": status, "info": info, "filename": "a.md"})


def test_links_are_sorted_by_what_came_back():
    rows = [
        row("https://a.org/", "working"),
        row("https://gone.org/", "broken", "404 Client Error: Not Found for url"),
        row("https://nobody.org/", "broken", "Failed to resolve 'nobody.org'"),
        row("https://shy.org/", "broken", "403 Client Error: Forbidden for url"),
        row("https://old.org/", "redirected", "https://new.org/"),
        row(f"{BASE}x.html", "broken", "404 Client Error"),
        row("#here", "unchecked"),
    ]
    links = check_links.read(rows, [BASE])
    assert [(link.url, link.status) for link in links] == [
        ("https://gone.org/", "broken"),
        ("https://nobody.org/", "broken"),
        (f"{BASE}x.html", "not published yet"),
        ("https://shy.org/", "refused"),
        ("https://old.org/", "moved"),
        ("https://a.org/", "works"),
    ]
    assert check_links.summary(links) == (
        "6 links: 2 broken, 1 not published yet, 1 refused, 1 moved, 1 works."
    )
    assert "moved             https://old.org/  (to https://new.org/)\n" in check_links.table(links)


def test_without_a_network_the_links_are_listed_and_nothing_is_called_broken():
    rows = [row(f"https://{n}.org/", "broken", "NameResolutionError") for n in "abc"]
    rows.append(row(f"{BASE}x.html", "broken", "NameResolutionError"))
    links = check_links.read(rows, [BASE])
    assert {link.status for link in links} == {"not checked"}
    assert check_links.summary(links).startswith("4 links, none of which could be checked")
    assert "https://b.org/" in check_links.table(links)


# --- workflows -------------------------------------------------------------------------------

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_workflow_says_what_it_may_and_pins_what_it_uses(path):
    flow = yaml.safe_load(path.read_text(encoding="utf-8"))
    # YAML 1.1 reads the key "on" as true.
    assert {"name", True, "permissions", "concurrency", "jobs"} <= set(flow)
    allowed = {"contents": "write" if path.stem == "publish" else "read"}
    assert flow["permissions"] == allowed
    for job in flow["jobs"].values():
        assert job["timeout-minutes"]
        for step in job["steps"]:
            if "uses" in step:
                assert re.fullmatch(r"actions/[a-z-]+@v\d+", step["uses"])


def test_make_knows_what_the_workflows_ask_of_it():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    asked = {
        target
        for path in WORKFLOWS
        for target in re.findall(r"\bmake ([a-z-]+)", path.read_text(encoding="utf-8"))
    }
    assert asked <= targets


def test_assignments_open_from_the_branch_that_is_published():
    table = (ROOT / "tools" / "make_assignments.py").read_text(encoding="utf-8")
    assert "/blob/gh-pages/assignments/" in table
    # ghp-import pushes to gh-pages unless it is told otherwise.
    command = next(
        line for line in (ROOT / "Makefile").read_text().splitlines() if "ghp-import" in line
    )
    assert not re.search(r"\s(-b|--branch)\b", command)
    assert command.rstrip().endswith("_build/html")
