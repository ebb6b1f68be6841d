"""A feed of changes (Atom), made of CHANGELOG.md, so that readers hear what is new.

Each version is an entry; what came since the last one is an entry too, dated by the history of
the file. Every page tells where the feed is.
"""

import re
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import page_dates
from feedgen.feed import FeedGenerator
from markdown_it import MarkdownIt
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError

ROOT = Path(__file__).resolve().parents[2]
FILE = "changes.xml"
_HEADING = re.compile(r"^## .*$", re.MULTILINE)
_VERSION = re.compile(r"## \[(?P<name>Unreleased|[^\]]+)\](?: - (?P<day>\d{4}-\d\d-\d\d))?\s*")


@dataclass
class Release:
    name: str  # "Unreleased" or a version
    day: str  # ISO 8601; empty for what is not released
    text: str  # Markdown


def releases(changelog: str) -> list[Release]:
    """The sections of a file that keeps to Keep a Changelog, newest first, without empty ones.

    Raises ExtensionError for a section whose heading is of another form.
    """
    found = []
    headings = list(_HEADING.finditer(changelog))
    ends = [heading.start() for heading in headings[1:]] + [len(changelog)]
    for heading, end in zip(headings, ends, strict=True):
        version = _VERSION.fullmatch(heading[0])
        if not version or (version["name"] == "Unreleased") == bool(version["day"]):
            raise ExtensionError(
                "CHANGELOG.md: expected a heading like '## [1.0.0] - 2026-01-31' or "
                f"'## [Unreleased]', got {heading[0]!r}."
            )
        if text := changelog[heading.end() : end].strip():
            found.append(Release(version["name"], version["day"] or "", text))
    return found


def identifier(course: str, version: str) -> str:
    """The same wherever the site stands, so that a reader meets no entry twice."""
    return uuid.uuid5(uuid.NAMESPACE_URL, f"{course}/changes/{version}").urn


def atom(found: list[Release], unreleased: str, course: str, author: str, base: str) -> bytes:
    """The feed; ``unreleased`` is the time of the newest change, or empty where it is unknown."""
    feed = FeedGenerator()
    feed.id(identifier(course, ""))
    feed.title(f"{course}: what changed")
    feed.author(name=author)
    feed.language("en")
    feed.link(href=f"{base}{FILE}", rel="self", type="application/atom+xml")
    feed.link(href=f"{base}appendix/changes.html", rel="alternate", type="text/html")
    times = []
    for release in found:
        time = release.day or unreleased
        if not time:
            continue
        times.append(datetime.fromisoformat(time))
        if not times[-1].tzinfo:
            times[-1] = times[-1].replace(tzinfo=UTC)
        new = release.name == "Unreleased"
        entry = feed.add_entry(order="append")
        entry.id(identifier(course, release.name))
        entry.title("Since the last version" if new else f"Version {release.name}")
        entry.link(href=f"{base}appendix/changes.html")
        entry.updated(times[-1])
        if not new:
            entry.published(times[-1])
        entry.content(MarkdownIt("commonmark", {"html": False}).render(release.text), type="html")
    feed.updated(max(times))
    return feed.atom_str(pretty=True)


def write_feed(app: Sphinx, exception: Exception | None) -> None:
    if exception is not None or app.builder.name != "html":
        return
    changelog = ROOT / "CHANGELOG.md"
    content = atom(
        releases(changelog.read_text(encoding="utf-8")),
        page_dates.last_changes(ROOT).get(str(changelog), ""),
        app.config.html_title,
        app.config.author,
        app.config.html_baseurl,
    )
    (Path(app.outdir) / FILE).write_bytes(content)


def tell(app: Sphinx, page: str, template: str, context: dict, doctree: object) -> None:
    if app.builder.name == "html":
        context["metatags"] = context.get("metatags", "") + (
            '<link rel="alternate" type="application/atom+xml" title="What changed" '
            f'href="{context["pathto"](FILE, 1)}" />\n'
        )


def setup(app: Sphinx) -> dict[str, object]:
    app.connect("html-page-context", tell)
    app.connect("build-finished", write_feed)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
