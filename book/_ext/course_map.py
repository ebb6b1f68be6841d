"""The map of the course: what builds on what, and ways through it, out of ``book/_map.yml``.

A page says in its first cell what is needed before it. One page alone cannot show what all of
them together mean: where one can begin, what a goal costs, what else is open now. The file is
checked when the site is built, and every page of the table of contents must be in it.
"""

import html
from collections.abc import Callable
from dataclasses import dataclass
from fnmatch import fnmatch
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any

import map_drawing
import yaml
from docutils import nodes
from reading_time import in_words, times
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.environment import BuildEnvironment
from sphinx.errors import ConfigError
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Way:
    """A way through the course."""

    name: str
    text: str
    pages: tuple[str, ...]
    code: bool = True


@dataclass(frozen=True)
class CourseMap:
    """What ``_map.yml`` says."""

    needs: dict[str, tuple[str, ...]]  # of every page, in the order of the course
    labels: dict[str, str]
    beside: tuple[str, ...]  # names, or patterns such as api/*
    ways: tuple[Way, ...]

    def is_beside(self, page: str) -> bool:
        return any(fnmatch(page, pattern) for pattern in self.beside)


def load(path: Path) -> CourseMap:
    """Read and check the map.

    Raises:
        ConfigError: a page needs one that the map does not have, comes before one that it needs,
            or needs itself in a circle, a path names an unknown page, or a label is too long.
    """
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
        course_map = CourseMap(
            needs={page: tuple(entry["needs"]) for page, entry in data["pages"].items()},
            labels={page: entry["label"] for page, entry in data["pages"].items()},
            beside=tuple(data["beside"]),
            ways=tuple(_way(entry) for entry in data["paths"]),
        )
        for label in course_map.labels.values():
            map_drawing.lines_of(label)
    except (OSError, yaml.YAMLError, KeyError, TypeError, AttributeError) as error:
        raise ConfigError(
            f"{path.name} must have pages (each with label and needs), beside and paths (each with "
            f"name, text and pages), as its first lines say; reading it failed at: {error}."
        ) from error
    except ValueError as error:
        raise ConfigError(str(error)) from error
    _check(course_map, path)
    return course_map


def _way(entry: dict[str, Any]) -> Way:
    return Way(entry["name"], entry["text"], tuple(entry["pages"]), entry.get("code", True))


def _check(course_map: CourseMap, path: Path) -> None:
    for page, needs in course_map.needs.items():
        for need in needs:
            if need not in course_map.needs:
                raise ConfigError(
                    f"In {path.name}, {page} needs {need}, which is not among its pages: add it "
                    "there, or correct the name."
                )
    try:
        TopologicalSorter(course_map.needs).prepare()
    except CycleError as error:
        circle = " → ".join(error.args[1])
        raise ConfigError(
            f"In {path.name} no page may need itself, but {circle} is a circle: take one need away."
        ) from error
    order = list(course_map.needs)
    for page, needs in course_map.needs.items():
        for need in needs:
            if order.index(need) > order.index(page):
                raise ConfigError(
                    f"In {path.name}, {page} stands before {need}, which it needs: change their "
                    "order here and in _toc.yml."
                )
    for way in course_map.ways:
        for page in way.pages:
            if page not in course_map.needs and page not in course_map.beside:
                raise ConfigError(
                    f"In {path.name}, the path {way.name!r} names {page}, which is neither among "
                    "pages nor beside: correct the name."
                )


class MapNode(nodes.General, nodes.Element):
    """The drawing, and the same as a list."""


class WaysNode(nodes.General, nodes.Element):
    """The ways through the course."""


class MapDirective(SphinxDirective):
    """``{course-map}``"""

    def run(self) -> list[nodes.Node]:
        self.env.note_dependency(str(Path(self.env.srcdir) / "_map.yml"))
        return [MapNode()]


class WaysDirective(SphinxDirective):
    """``{course-paths}``"""

    def run(self) -> list[nodes.Node]:
        self.env.note_dependency(str(Path(self.env.srcdir) / "_map.yml"))
        return [WaysNode()]


def of(env: BuildEnvironment) -> CourseMap:
    """The map that was read when the build began."""
    return env.app.course_map


def pages_of(env: BuildEnvironment) -> list[str]:
    """The pages on the map, in their order; of a build of a part of the book, that part."""
    return [page for page in of(env).needs if page in env.all_docs]


def read_map(app: Sphinx, config: Config) -> None:
    app.course_map = load(Path(app.srcdir) / "_map.yml")
    config.reading_time_exclude = [*config.reading_time_exclude, *app.course_map.beside]


def compare_with_the_book(app: Sphinx, env: BuildEnvironment) -> None:
    """Warn of pages that the map lacks, and of those that only the map has."""
    for page in sorted(set(env.all_docs) - {app.config.root_doc, *of(env).needs}):
        if not of(env).is_beside(page):
            logger.warning(
                "book/_map.yml does not have the page %s: add it under `pages`, with what it "
                "needs, or under `beside`, if one only looks things up in it.",
                page,
                location=page,
            )
    for page in of(env).needs:
        # A build of a part of the book does not have all pages, but their files are there.
        if not any(Path(env.doc2path(page)).with_suffix(s).is_file() for s in (".ipynb", ".md")):
            logger.warning(
                "book/_map.yml has the page %s, but the book does not: take it out of the map, or "
                "correct its name.",
                page,
            )


def parts_of(env: BuildEnvironment, pages: list[str]) -> list[tuple[str, list[str]]]:
    """The pages by the parts of the table of contents."""
    parts = []
    for toctree in env.tocs[env.config.root_doc].findall(lambda n: n.tagname == "toctree"):
        inside = [page for _, page in toctree["entries"] if page in pages]
        if inside:
            parts.append((toctree.get("caption") or "Pages", inside))
    return parts


def minutes_of(env: BuildEnvironment, page: str, code: bool = True) -> int:
    return times(env)[page].minutes(code)


def map_html(env: BuildEnvironment, link: Callable[[str], str]) -> str:
    pages = pages_of(env)
    needs = {p: tuple(n for n in of(env).needs[p] if n in pages) for p in pages}
    links = {page: link(page) for page in pages}
    drawing = map_drawing.svg(
        needs,
        of(env).labels,
        links,
        "Map of the course. Lines lead down from a page to those that build on it. The list below "
        "says the same.",
    )

    def entry(page: str) -> str:
        before = ", ".join(_link(env, need, links[need]) for need in needs[page])
        after = f"<ul><li>builds on {before}</li></ul>" if before else ""
        minutes = in_words(minutes_of(env, page))
        return f"<li>{_link(env, page, links[page], 'course-page')} ({minutes}){after}</li>\n"

    hint = (
        '<p class="course-map-hint">Lines lead down from a page to those that build on it. Point '
        "at a page, or reach it with the Tab key, and the map shows what comes before it. The list "
        "below the drawing says the same in words.</p>\n"
    )
    parts = "".join(
        f"<li>{html.escape(caption)}\n<ul>\n{''.join(map(entry, inside))}</ul></li>\n"
        for caption, inside in parts_of(env, pages)
    )
    return (
        f'<div class="course-map">\n{hint}{drawing}'
        f'<ul class="course-map-list">\n{parts}</ul>\n</div>\n'
    )


def _link(env: BuildEnvironment, page: str, target: str, css_class: str = "") -> str:
    title = html.escape(env.titles[page].astext())
    return f'<a class="reference internal {css_class}" href="{html.escape(target)}">{title}</a>'


def ways_html(env: BuildEnvironment, link: Callable[[str], str]) -> str:
    return "".join(_way_html(env, way, link) for way in of(env).ways)


def _way_html(env: BuildEnvironment, way: Way, link: Callable[[str], str]) -> str:
    pages = [page for page in way.pages if page in env.all_docs]
    total = in_words(sum(minutes_of(env, page, way.code) for page in pages))
    count = "1 page" if len(pages) == 1 else f"{len(pages)} pages"
    items = "".join(
        f"<li>{_link(env, page, link(page), 'course-page')} "
        f"({in_words(minutes_of(env, page, way.code))})</li>\n"
        for page in pages
    )
    return (
        f'<details class="course-way">\n<summary><strong>{html.escape(way.name)}</strong> '
        f"<span>{count}, about {total} to read</span></summary>\n"
        f"<p>{html.escape(way.text)}</p>\n<ol>\n{items}</ol>\n</details>\n"
    )


def visit_map(self: nodes.NodeVisitor, node: MapNode) -> None:
    self.body.append(map_html(self.builder.env, _linker(self)))
    raise nodes.SkipNode


def visit_ways(self: nodes.NodeVisitor, node: WaysNode) -> None:
    self.body.append(ways_html(self.builder.env, _linker(self)))
    raise nodes.SkipNode


def _linker(translator: nodes.NodeVisitor) -> Callable[[str], str]:
    builder = translator.builder
    return lambda page: builder.get_relative_uri(builder.current_docname, page)


def add_files(app: Sphinx, page: str, template: str, context: dict, doctree: object) -> None:
    body = context.get("body", "")
    if 'class="course-map"' in body or 'class="course-way"' in body:
        app.add_css_file("course-map.css")
    if 'class="course-map"' in body:
        app.add_js_file("course-map.js", type="module")


def setup(app: Sphinx) -> dict[str, object]:
    app.setup_extension("reading_time")
    app.add_node(MapNode, html=(visit_map, None))
    app.add_node(WaysNode, html=(visit_ways, None))
    app.add_directive("course-map", MapDirective)
    app.add_directive("course-paths", WaysDirective)
    app.connect("config-inited", read_map)
    app.connect("env-check-consistency", compare_with_the_book)
    app.connect("html-page-context", add_files)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
