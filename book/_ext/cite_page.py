"""How to cite a page: for people under it, as BibTeX and as text, and for machines as JSON-LD.

Author, year and version are those of CITATION.cff; title and address are the page's own, and the
day that of its last change. pybtex, which also sets the lists of references, writes both forms.
"""

import html
import json
import sys
from datetime import date
from pathlib import Path

import page_dates
import pybtex
import yaml
from feed import releases
from pybtex.database import BibliographyData, Entry, Person
from sphinx.application import Sphinx

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))

from set_repository import current_url  # noqa: E402

STYLES = ("cite.css", "print.css")


def authors(citation: dict) -> list[str]:
    """Names as BibTeX takes them: a group in braces, a person as "family, given"."""
    return [
        f"{{{author['name']}}}"
        if "name" in author
        else f"{author['family-names']}, {author['given-names']}"
        for author in citation["authors"]
    ]


def entry(page: str, title: str, url: str, day: str, version: str, citation: dict) -> str:
    """The page as BibTeX. ``day`` is that of its last change, or empty where it is unknown."""
    course = citation["title"]
    fields = {
        "title": f"{{{course if page == 'index' else title}}}",
        "howpublished": f"Online course, {version}"
        if page == "index"
        else f"In: {{{course}}}, {version}",
        "year": (day or str(citation["date-released"]))[:4],
    }
    if day:
        changed = date.fromisoformat(day)
        fields["note"] = f"Last changed on {changed.day} {changed:%B %Y}"
    fields["url"] = url
    found = Entry("misc", fields=fields, persons={"author": list(map(Person, authors(citation)))})
    name = current_url().rpartition("/")[2]
    key = name if page == "index" else f"{name}:{page}"
    bibtex = BibliographyData({key: found}).to_string("bibtex").strip()
    # pybtex escapes as in text; an address is taken as it stands.
    return bibtex.replace(url.replace("_", r"\_"), url)


def as_text(bibtex: str) -> str:
    """A BibTeX entry as a list of references prints it."""
    text = pybtex.format_from_string(bibtex, "unsrt", output_backend="plaintext")
    return text.strip().removeprefix("[1] ")


def version_of(citation: dict, changelog: str) -> str:
    """The release that the site shows, and whether it shows more than that."""
    version = f"version {citation['version']}"
    unreleased = any(release.name == "Unreleased" for release in releases(changelog))
    return f"{version} with later changes" if unreleased else version


def linked_data(
    page: str, title: str, url: str, day: str, base: str, about: str, citation: dict
) -> str:
    """The page in the words of schema.org, for search engines."""
    makers = [
        {"@type": "Organization", "name": author["name"]}
        if "name" in author
        else {"@type": "Person", "name": f"{author['given-names']} {author['family-names']}"}
        for author in citation["authors"]
    ]
    course = {
        "@type": "Course",
        "@id": base,
        "name": citation["title"],
        "url": base,
        "description": " ".join(citation["abstract"].split()),
        "provider": makers[0],
    }
    shared = {
        "inLanguage": "en",
        "isAccessibleForFree": True,
        "license": "https://creativecommons.org/licenses/by/4.0/",
        "author": makers,
    }
    if day:
        shared["dateModified"] = day
    if page == "index":
        data = {"@context": "https://schema.org", **course, **shared}
    else:
        data = {
            "@context": "https://schema.org",
            "@type": "LearningResource",
            "name": title,
            "url": url,
            "description": about,
            **shared,
            "isPartOf": course,
        }
    # "</" would end the script element.
    text = json.dumps(data, ensure_ascii=False).replace("</", "<\\/")
    return f'<script type="application/ld+json">{text}</script>\n'


def details(page: str, bibtex: str, highlighted: str) -> str:
    what = "course" if page == "index" else "page"
    return (
        f'<details class="course-cite d-print-none"><summary>Cite this {what}</summary>\n'
        '<div class="highlight-text notranslate"><div class="highlight">'
        f"<pre>{html.escape(as_text(bibtex))}</pre></div></div>\n"
        f'<div class="highlight-bibtex notranslate">{highlighted}</div>\n</details>\n'
    )


def cite(app: Sphinx, page: str, template: str, context: dict, doctree: object) -> None:
    if app.builder.name != "html" or doctree is None:
        return
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    source = str(app.env.doc2path(page, base=True))
    day = page_dates.last_changes(ROOT).get(source, "")[:10]
    title, base = app.env.titles[page].astext(), app.config.html_baseurl
    url = base + ("" if page == "index" else app.builder.get_target_uri(page))
    bibtex = entry(page, title, url, day, version_of(citation, changelog), citation)
    highlighted = app.builder.highlighter.highlight_block(bibtex, "bibtex")
    context["body"] += details(page, bibtex, highlighted)
    about = context["course_sentence"]  # from social_cards
    context["metatags"] += linked_data(page, title, url, day, base, about, citation)


def setup(app: Sphinx) -> dict[str, object]:
    for style in STYLES:
        app.add_css_file(style)
    app.connect("html-page-context", cite)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
