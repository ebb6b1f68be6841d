"""What must hold for a built site, as functions that return a sentence for every breach.

Each takes the folder of the site (``_build/html``) and reads its pages with the standard
library's parser. `test_site.py` asks them of the book, `test_gates.py` of sites that are broken.
"""

import functools
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

_VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source"}
# Attributes by which a page makes the browser fetch something when it is opened.
_FETCHED = {
    "script": ("src",),
    "img": ("src", "srcset"),
    "source": ("src", "srcset"),
    "iframe": ("src",),
    "video": ("src", "poster"),
    "audio": ("src",),
    "embed": ("src",),
    "object": ("data",),
    "track": ("src",),
}
# Kinds of <link> that only tell where something is, and fetch nothing.
_TOLD = {"canonical", "alternate", "author", "license", "next", "prev", "index", "search", "help"}
_OUTSIDE = re.compile(r"^(?:[a-z][a-z0-9+.-]*:)?//", re.IGNORECASE)
_CSS_OUTSIDE = re.compile(r"(?:url\(\s*[\"']?|@import\s+[\"'])((?:https?:)?//[^\"')\s]+)")
_SCRIPT_OUTSIDE = re.compile(r"[\"'`](https?://[^\"'`\s]+)[\"'`]")
RAW_TEX = re.compile(r"\\\(|\\\[|\$\$|\\(?:frac|sum|mathrm|mathbf|begin)(?![a-z])")


@dataclass
class Element:
    tag: str
    attributes: dict[str, str]
    line: int


@dataclass
class Page:
    path: Path
    elements: list[Element] = field(default_factory=list)
    ids: set[str] = field(default_factory=set)
    scripts: str = ""  # the text inside <script>
    styles: str = ""  # the text inside <style> and style="..."
    prose: str = ""  # the text outside mathematics, code, scripts and styles


class _Reader(HTMLParser):
    def __init__(self, path: Path) -> None:
        super().__init__()
        self.page = Page(path)
        self.open: list[tuple[str, str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        self.page.elements.append(Element(tag, attributes, self.getpos()[0]))
        self.page.ids.update(attributes[name] for name in ("id", "name") if name in attributes)
        self.page.styles += attributes.get("style", "") + "\n"
        if tag not in _VOID:
            self.open.append((tag, attributes.get("class", "")))

    def handle_endtag(self, tag: str) -> None:
        for i in range(len(self.open) - 1, -1, -1):
            if self.open[i][0] == tag:
                del self.open[i:]
                return

    def handle_data(self, data: str) -> None:
        tags = {tag for tag, _ in self.open}
        if "script" in tags:
            # Linked data names its vocabulary by an address that nobody fetches.
            if self.page.elements[-1].attributes.get("type") != "application/ld+json":
                self.page.scripts += data
        elif "style" in tags:
            self.page.styles += data
        elif not tags & {"pre", "code", "title"} and not any(
            "math" in classes.split() for _, classes in self.open
        ):
            self.page.prose += data


@functools.lru_cache(maxsize=256)
def _read(path: Path, _changed: int) -> Page:
    reader = _Reader(path)
    reader.feed(path.read_text(encoding="utf-8"))
    return reader.page


def pages(folder: Path | str) -> list[Page]:
    """Every page of the site, parsed; templates that lie in ``_static`` are none."""
    folder = Path(folder)
    found = sorted(p for p in folder.rglob("*.html") if "_static" not in p.parts)
    return [_read(path, path.stat().st_mtime_ns) for path in found]


def page(path: Path | str) -> Page:
    """One page, parsed."""
    return _read(Path(path), Path(path).stat().st_mtime_ns)


def dead_links(folder: Path | str, root: str = "/") -> list[str]:
    """Links to files and anchors that are not there; ``root`` is the site's path on the web."""
    folder = Path(folder).resolve()
    ids = {found.path.resolve(): found.ids for found in pages(folder)}
    return [
        message
        for found in pages(folder)
        for element in found.elements
        for name in ("href", "src")
        if name in element.attributes
        for message in _dead(element.attributes[name], element, found, folder, root, ids)
    ]


def _dead(
    link: str, element: Element, found: Page, folder: Path, root: str, ids: dict[Path, set[str]]
) -> Iterator[str]:
    parts = urlsplit(link)
    if parts.scheme or parts.netloc or not (parts.path or parts.fragment):
        return
    where = f"{found.path.relative_to(folder)}:{element.line}"
    path = unquote(parts.path)
    if path.startswith("/") and not path.startswith(root):
        yield f"{where} links to {link}, which lies outside the site."
        return
    target = folder / path.removeprefix(root) if path.startswith("/") else found.path.parent / path
    target = (found.path if not path else target).resolve()
    if target.is_dir():
        target /= "index.html"
    if not target.is_relative_to(folder):
        yield f"{where} links to {link}, which lies outside the site."
    elif not target.is_file():
        yield f"{where} links to {link}, which does not exist."
    elif (
        element.tag == "a"
        and parts.fragment
        and target in ids
        and unquote(parts.fragment) not in ids[target]
    ):
        yield f"{where} links to {link}, which has no such anchor."


def outside_requests(folder: Path | str) -> list[str]:
    """Scripts, styles, images, fonts and frames that a page would fetch from elsewhere."""
    folder = Path(folder)
    messages, sheets = [], set()
    for found in pages(folder):
        where = found.path.relative_to(folder)
        for element in found.elements:
            names = _FETCHED.get(element.tag, ())
            if element.tag == "link" and not _TOLD & set(element.attributes.get("rel", "").split()):
                names = ("href",)
            for name in names:
                for part in element.attributes.get(name, "").split(","):
                    if _OUTSIDE.match(part.strip()):
                        messages.append(f"{where}:{element.line} loads {part.strip()}.")
            if element.tag == "link" and "stylesheet" in element.attributes.get("rel", ""):
                sheet = urlsplit(element.attributes.get("href", "")).path
                sheets.add((found.path.parent / sheet).resolve())
        for url in _CSS_OUTSIDE.findall(found.styles):
            messages.append(f"{where} loads {url} in a style.")
        for url in _SCRIPT_OUTSIDE.findall(found.scripts):
            messages.append(f"{where} names {url} in a script.")
    for sheet in sorted(sheets):
        if sheet.is_file():
            for url in _CSS_OUTSIDE.findall(sheet.read_text(encoding="utf-8", errors="replace")):
                messages.append(f"{sheet.name} loads {url}.")
    return messages


def images_without_alt(folder: Path | str) -> list[str]:
    """Images whose alt text is missing, empty, or only the file's name (Sphinx's fallback)."""
    messages = []
    for found in pages(folder):
        for element in found.elements:
            if element.tag != "img" or element.attributes.get("aria-hidden") == "true":
                continue
            source, alt = element.attributes.get("src", ""), element.attributes.get("alt", "")
            name = Path(urlsplit(source).path).name
            if not alt.strip() or alt.strip() == source or (name and alt.strip().endswith(name)):
                where = f"{found.path.relative_to(folder)}:{element.line}"
                messages.append(f"{where} shows {source[:80]} without alt text.")
    return messages


def raw_mathematics(folder: Path | str) -> list[str]:
    """TeX that stands in the text of a page, where nothing will render it."""
    messages = []
    for found in pages(folder):
        for tex in RAW_TEX.finditer(found.prose):
            near = " ".join(found.prose[max(0, tex.start() - 20) : tex.end() + 40].split())
            messages.append(f"{found.path.relative_to(folder)} shows TeX as text: {near!r}")
    return messages
