"""Make the whole course one PDF: python tools/make_pdf.py   (or make pdf)

Takes the pages of the built site in the order of ``_toc.yml``, lays them one after another, and
has headless Chromium print them to _build/course.pdf: with bookmarks, page numbers, and links that
lead inside the file wherever their target is in it. It does not use Sphinx's singlehtml builder,
in which anchors of the same name (every chapter has #summary and #references) become one.

What paper cannot show is replaced: a clip by its first picture, a demo by the address of its page.
"""

import argparse
import html
import io
import posixpath
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

import yaml
from bs4 import BeautifulSoup, Tag
from make_thumbnails import chapters

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "_build"
TARGET = BUILD / "course.pdf"
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
ARGUMENTS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync")
# What a page has for the screen alone.
SCREEN_ONLY = (
    "script, style, noscript, button, input, dialog, .headerlink, .d-print-none, .pst-js-only, "
    ".course-cite, .course-reading-time, .toctree-wrapper, .backrefs"
)
# Attributes that name an element of the same page.
REFERENCES = ("for", "aria-labelledby", "aria-describedby", "aria-controls", "aria-owns")
FOOTER = (
    '<div style="width:100%;margin:0 17mm;font:8px sans-serif;color:#555;display:flex;'
    'justify-content:space-between"><span>{}</span>'
    '<span><span class="pageNumber"></span> / <span class="totalPages"></span></span></div>'
)


def anchor(page: str, fragment: str = "") -> str:
    """The name, in the one document, of a page or of an element on it."""
    name = "page-" + page.replace("/", "-")
    return f"{name}--{fragment}" if fragment else name


def new_link(link: str, page: str, pages: set[str], base: str) -> str:
    """Where a page's link leads in the one document, or on the web."""
    parts = urlsplit(link)
    if parts.scheme or parts.netloc:
        return link
    path = posixpath.normpath(posixpath.join(posixpath.dirname(page), parts.path))
    target = path.removesuffix(".html") if parts.path else page
    if target in pages:
        return "#" + anchor(target, unquote(parts.fragment))
    return base + path + (f"#{parts.fragment}" if parts.fragment else "")


def chapter(source: str, page: str, pages: set[str], base: str) -> tuple[str, Tag]:
    """Title and text of a built page, ready to stand among others."""
    soup = BeautifulSoup(source, "lxml")
    article = soup.select_one("article.bd-article")
    if article is None or article.h1 is None:
        raise ValueError(f"{page}.html has no article with a title: build the site anew.")
    for element in article.select(SCREEN_ONLY):
        element.decompose()
    title = article.h1.get_text(" ", strip=True)
    web = f"{base}{page}.html"
    for video in article.find_all("video"):
        picture = soup.new_tag("img", src=video.get("poster", ""), alt=_words(video))
        note = _elsewhere(soup, "A clip; it plays at ", web)
        video.replace_with(picture, note)
    for demo in article.select(".course-demo"):
        demo.replace_with(_elsewhere(soup, "A demo that runs in the browser, at ", web))
    for folded in article.find_all("details"):
        folded["open"] = ""
    for element in article.find_all(True):
        _rename(element, page, pages, base)
    # Chromium makes the bookmarks of the headings: parts are of the first level.
    for element in article.find_all(re.compile("^h[1-5]$")):
        element.name = f"h{int(element.name[1]) + 1}"
    article.name = "section"
    article["class"] = ["bd-article", "book-chapter"]
    article["id"] = anchor(page)
    article.attrs.pop("role", None)
    return title, article


def _words(video: Tag) -> str:
    return video.get("aria-label") or " ".join(video.get_text(" ").split()) or "A clip."


def _elsewhere(soup: BeautifulSoup, words: str, web: str) -> Tag:
    note = soup.new_tag("p", attrs={"class": "book-elsewhere"})
    link = soup.new_tag("a", href=web)
    link.string = web
    note.extend([words, link, "."])
    return note


def _rename(element: Tag, page: str, pages: set[str], base: str) -> None:
    if "id" in element.attrs:
        element["id"] = anchor(page, element["id"])
    for name in REFERENCES:
        if name in element.attrs:
            element[name] = " ".join(anchor(page, word) for word in element[name].split())
    if element.name == "a" and "href" in element.attrs:
        element["href"] = new_link(element["href"], page, pages, base)
    if element.name == "img":
        element.attrs.pop("loading", None)  # all of it is printed
        source = urlsplit(element.get("src", ""))
        if not source.scheme and source.path:
            path = posixpath.join("html", posixpath.dirname(page), source.path)
            element["src"] = posixpath.normpath(path)


def style_sheets(site: Path, pages: list[str]) -> list[str]:
    """The style sheets of the pages, each once, in order, as seen from the folder of the site."""
    found: dict[str, None] = {}
    for page in pages:
        soup = BeautifulSoup((site / f"{page}.html").read_text(encoding="utf-8"), "lxml")
        for link in soup.select('link[rel~="stylesheet"]'):
            path = posixpath.join("html", posixpath.dirname(page), urlsplit(link["href"]).path)
            found[posixpath.normpath(path)] = None
    return list(found)


def document(
    parts: list[tuple[str, list[str]]],
    site: Path,
    citation: dict,
    base: str,
    numbers: dict[str, int],
) -> str:
    """The whole book as one page of HTML; ``numbers`` tells on which sheet of paper what begins."""
    pages = [page for _, names in parts for page in names]
    contents, body = "", ""
    for caption, names in parts:
        name = anchor("part-" + re.sub(r"\W+", "-", caption.lower()))
        body += f'<section class="book-part"><h1 id="{name}">{html.escape(caption)}</h1></section>'
        rows = ""
        for page in names:
            source = (site / f"{page}.html").read_text(encoding="utf-8")
            title, article = chapter(source, page, set(pages), base)
            body += str(article)
            number = numbers.get(anchor(page), "")
            link = f'<a href="#{anchor(page)}">{html.escape(title)}</a>'
            rows += f"<li>{link}<span>{number}</span></li>"
        contents += f'<p class="book-caption"><a href="#{name}">{html.escape(caption)}</a></p>'
        contents += f"<ol>{rows}</ol>"
    sheets = "".join(f'<link rel="stylesheet" href="{path}">' for path in style_sheets(site, pages))
    own = (ROOT / "tools" / "pdf.css").read_text(encoding="utf-8")
    return (
        '<!doctype html><html lang="en" data-theme="light" data-mode="light"><head>'
        f'<meta charset="utf-8"><title>{html.escape(citation["title"])}</title>'
        f"{sheets}<style>{own}</style></head><body>"
        '<main class="course-book bd-content bd-main">'
        f"{front(citation, base)}"
        f'<nav class="book-contents"><h1 id="contents">Contents</h1>{contents}</nav>'
        f"{body}</main></body></html>"
    )


def address(site: Path) -> str:
    """The site's public address, as its landing page tells it."""
    soup = BeautifulSoup((site / "index.html").read_text(encoding="utf-8"), "lxml")
    return soup.select_one('link[rel="canonical"]')["href"]


def front(citation: dict, base: str) -> str:
    names = [
        author.get("name") or f"{author['given-names']} {author['family-names']}"
        for author in citation["authors"]
    ]
    version = f"Version {citation['version']}, {citation['date-released']}"
    return (
        '<section class="book-front">'
        f'<p class="book-title">{html.escape(citation["title"])}</p>'
        f"<p>{html.escape(', '.join(names))}</p>"
        f"<p>{html.escape(' '.join(citation['abstract'].split()))}</p>"
        f'<p>{version}. On the web, with demos and clips, at <a href="{base}">{base}</a>.</p>'
        "<p>Text and figures: CC BY 4.0. Code: Apache 2.0.</p></section>"
    )


def first_pages(pdf: bytes) -> dict[str, int]:
    """Name of a link's target -> number of its page, counted from 1."""
    from pypdf import PdfReader

    reader = PdfReader(io.BytesIO(pdf))
    return {
        name.removeprefix("/"): reader.get_destination_page_number(destination) + 1
        for name, destination in reader.named_destinations.items()
    }


def packed(pdf: bytes) -> bytes:
    """The same file with its many small objects compressed, which halves it."""
    import pikepdf

    target = io.BytesIO()
    with pikepdf.open(io.BytesIO(pdf)) as loose:
        loose.save(target, object_stream_mode=pikepdf.ObjectStreamMode.generate)
    return target.getvalue()


def printed(make: Iterator[str], title: str, folder: Path, browser: str) -> Iterator[bytes]:
    """Print each document that ``make`` yields; they lie in ``folder``, beside the site."""
    from playwright.sync_api import sync_playwright

    path = folder / "course.html"
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=browser, args=list(ARGUMENTS))
        # Everything is in the pages already: formulas, colours of the code, figures.
        page = chromium.new_context(java_script_enabled=False).new_page()
        page.set_default_timeout(600_000)
        for text in make:
            path.write_text(text, encoding="utf-8")
            page.goto(path.as_uri(), wait_until="load")
            yield page.pdf(
                prefer_css_page_size=True,
                print_background=True,
                outline=True,
                tagged=True,
                display_header_footer=True,
                header_template="<span></span>",
                footer_template=FOOTER.format(html.escape(title)),
            )
        chromium.close()
    path.unlink()


def lacks_chinese() -> bool:
    """Whether the machine says that it has no font for the glossary's Chinese."""
    program = shutil.which("fc-list")
    if program is None:
        return False
    done = subprocess.run([program, ":lang=zh"], capture_output=True, text=True)
    return not done.stdout.strip()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", type=Path, default=BUILD, help="the folder that holds html/")
    parser.add_argument("--toc", type=Path, default=ROOT / "_toc.yml")
    arguments = parser.parse_args()
    site = arguments.build / "html"
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        print("The PDF needs Chromium: on Debian, apt install chromium.", file=sys.stderr)
        return 1
    if not (site / "index.html").is_file():
        print(f"{site} holds no site: run make site first.", file=sys.stderr)
        return 1
    if lacks_chinese():
        print(
            "There is no Chinese font here: the glossary will show boxes. On Debian, "
            "apt install fonts-noto-cjk mends it.",
            file=sys.stderr,
        )
    parts = chapters(yaml.safe_load(arguments.toc.read_text(encoding="utf-8")))
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    base = address(site)
    numbers: dict[str, int] = {}

    def twice() -> Iterator[str]:
        # Only a printed book tells its page numbers: print, then fill in the table of contents.
        yield document(parts, site, citation, base, numbers)
        yield document(parts, site, citation, base, numbers)

    for pdf in printed(twice(), citation["title"], arguments.build, browser):
        numbers.update(first_pages(pdf))
    target = arguments.build / TARGET.name
    pdf = packed(pdf)
    target.write_bytes(pdf)
    print(f"{target}: {len(pdf) / 1e6:.1f} MB.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
