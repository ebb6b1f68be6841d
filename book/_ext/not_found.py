"""The page for addresses that do not exist: a search, and where the parts of the course begin.

GitHub Pages shows the one 404.html at every depth, so its links must begin at the root of the
host. They are made so when everything else is done with the page: sphinx-notfound-page does it
earlier, and then what puts the style sheets together (light.py) would not find them.
"""

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import yaml
from sphinx.application import Sphinx

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))

from make_thumbnails import chapters  # noqa: E402

PAGE = "404"
_RELATIVE = re.compile(
    r'(?P<name>\s(?:href|src|action|data-content_root)=")(?![a-z]+:|//|/|#)(?:\./)?(?P<path>[^"]*)"'
)


def collect(app: Sphinx) -> Iterator[tuple[str, dict, str]]:
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
    titles = {page: title.astext() for page, title in app.env.titles.items()}
    parts = [
        (caption, pages[0], titles[pages[0]])
        for caption, pages in chapters(toc)
        if pages[0] in titles
    ]
    context = {"title": "This page does not exist", "body": "", "course_parts": parts}
    yield PAGE, context, "404.html"


def rooted(page: str, root: str) -> str:
    """The page's HTML with its relative links beginning at ``root``, the site's path."""
    return _RELATIVE.sub(lambda link: f'{link["name"]}{root}{link["path"]}"', page)


def root_links(app: Sphinx, exception: Exception | None) -> None:
    path = Path(app.outdir) / f"{PAGE}.html"
    if exception is None and path.is_file():
        root = urlsplit(app.config.html_baseurl).path
        path.write_text(rooted(path.read_text(encoding="utf-8"), root), encoding="utf-8")


def setup(app: Sphinx) -> dict[str, object]:
    app.connect("config-inited", lambda app, config: config.templates_path.append("_templates"))
    app.connect("html-collect-pages", collect)
    app.connect("build-finished", root_links, priority=990)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
