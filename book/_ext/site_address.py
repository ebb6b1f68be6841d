"""The site's public address: canonical links, the map for search engines, and robots.txt.

The address follows from the repository's URL in ``_config.yml``, as GitHub Pages makes it; a site
under a domain of its own says so there with ``html: baseurl:``. The other extensions find it in
``html_baseurl``. The sitemap is written here and not by sphinx-sitemap, which names only the
pages that a build wrote anew: after a small change the others would be gone from it.
"""

import sys
from pathlib import Path
from xml.etree import ElementTree

from sphinx.application import Sphinx
from sphinx.config import Config

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))

import page_dates  # noqa: E402
from set_repository import current_url, pages_url  # noqa: E402

SITEMAP = "http://www.sitemaps.org/schemas/sitemap/0.9"


def tell_address(app: Sphinx, config: Config) -> None:
    base = config.html_baseurl or pages_url(current_url())
    config.html_baseurl = base.rstrip("/") + "/"


def sitemap(base: str, dates: dict[str, str]) -> bytes:
    """The pages with the day of their last change ("" where unknown), as sitemaps.org asks."""
    root = ElementTree.Element("urlset", xmlns=SITEMAP)
    for page in sorted(dates):
        url = ElementTree.SubElement(root, "url")
        # The landing page has one address: that of the folder.
        ElementTree.SubElement(url, "loc").text = base + ("" if page == "index" else f"{page}.html")
        if dates[page]:
            ElementTree.SubElement(url, "lastmod").text = dates[page]
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="utf-8", xml_declaration=True) + b"\n"


def write_map(app: Sphinx, exception: Exception | None) -> None:
    if exception is not None or app.builder.name != "html":
        return
    changed = page_dates.last_changes(ROOT)
    dates = {
        page: changed.get(str(app.env.doc2path(page, base=True)), "")[:10]
        for page in app.env.found_docs
    }
    base = app.config.html_baseurl
    (Path(app.outdir) / "sitemap.xml").write_bytes(sitemap(base, dates))
    robots = f"User-agent: *\nAllow: /\n\nSitemap: {base}sitemap.xml\n"
    (Path(app.outdir) / "robots.txt").write_text(robots, encoding="utf-8")


def one_address_for_the_landing_page(
    app: Sphinx, page: str, template: str, context: dict, doctree: object
) -> None:
    if page == "index":
        context["pageurl"] = app.config.html_baseurl
    elif doctree is None:
        context["pageurl"] = None  # search, index of terms and 404 are no documents


def setup(app: Sphinx) -> dict[str, object]:
    # Before the other extensions look at their configuration.
    app.connect("config-inited", tell_address, priority=100)
    app.connect("html-page-context", one_address_for_the_landing_page)
    app.connect("build-finished", write_map)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
