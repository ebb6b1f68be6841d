"""How long a page takes to read: shown under its title, and beside its neighbours at its end.

A page's "Time:" says how long its code runs. Whoever has half an hour on a train wants to know
another thing, and nobody should have to keep that number by hand: it is counted from the page
itself whenever the site is built. The count is a convention, not a measurement: 200 words a
minute, a line of code as long as ten words, ten seconds for a figure. References are not counted,
and of what cells print only source code, figures and their captions.
"""

import re
from dataclasses import dataclass
from fnmatch import fnmatch

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment

WORDS_PER_MINUTE = 200
WORDS_PER_LINE_OF_CODE = 10
WORDS_PER_FORMULA = 10
SECONDS_PER_FIGURE = 10

_WORD = re.compile(r"\w[\w'’.,-]*")


@dataclass
class ReadingTime:
    """What there is to read on one page."""

    words: int = 0
    code_lines: int = 0
    figures: int = 0

    def minutes(self, code: bool = True) -> int:
        """Whole minutes, at least one; without the code for those who read only the text."""
        words = self.words + (WORDS_PER_LINE_OF_CODE * self.code_lines if code else 0)
        minutes = words / WORDS_PER_MINUTE + self.figures * SECONDS_PER_FIGURE / 60
        return max(1, round(minutes))


def in_words(minutes: int) -> str:
    """Minutes as a reader says them: ``45 min``, ``2 h 5 min``."""
    hours, rest = divmod(minutes, 60)
    return " ".join([f"{hours} h"] * bool(hours) + [f"{rest} min"] * bool(rest or not hours))


def measure(node: nodes.Node) -> ReadingTime:
    """Count what there is to read in a page's doctree, or in a part of it."""
    found = ReadingTime()
    _count(node, found)
    return found


def _count(node: nodes.Node, found: ReadingTime) -> None:
    if isinstance(node, nodes.Text):
        found.words += len(_WORD.findall(node.astext()))
    elif isinstance(node, nodes.literal_block):
        found.code_lines += _lines(node.astext())
    elif isinstance(node, nodes.math_block):
        found.words += WORDS_PER_FORMULA
    elif isinstance(node, nodes.math):
        found.words += 1
    elif isinstance(node, nodes.image):
        found.figures += 1
    elif isinstance(node, nodes.Element) and node.get("nb_element") == "cell_code_output":
        _count_output(node, found)
    elif not isinstance(node, nodes.Invisible | nodes.raw) and node.tagname != "bibliography":
        for child in node.children:
            _count(child, found)


def _count_output(output: nodes.Element, found: ReadingTime) -> None:
    found.figures += len(list(output.findall(nodes.image)))
    for caption in output.findall(nodes.caption):
        _count(caption, found)
    for raw in output.findall(nodes.raw):
        html = raw.astext()
        found.figures += html.count("<video")
        if 'class="highlight"' in html:  # source code of the package, shown by a cell
            found.code_lines += _lines(html.partition("<pre>")[2])


def _lines(text: str) -> int:
    return sum(bool(line.strip()) for line in text.splitlines())


def times(env: BuildEnvironment) -> dict[str, ReadingTime]:
    """The reading time of every page that was read so far."""
    if not hasattr(env, "course_reading_times"):
        env.course_reading_times = {}
    return env.course_reading_times


def remember(app: Sphinx, doctree: nodes.document) -> None:
    times(app.env)[app.env.docname] = measure(doctree)


def forget(app: Sphinx, env: BuildEnvironment, page: str) -> None:
    times(env).pop(page, None)


def merge(app: Sphinx, env: BuildEnvironment, pages: list[str], other: BuildEnvironment) -> None:
    times(env).update({page: times(other)[page] for page in pages if page in times(other)})


def rewrite_where_times_show(app: Sphinx, env: BuildEnvironment) -> list[str]:
    """A page shows its neighbours' times, and the map shows all: write again what would be old."""
    shown = {page: (time.minutes(), time.minutes(False)) for page, time in times(env).items()}
    changed = getattr(env, "course_shown_times", None) != shown
    env.course_shown_times = shown
    return sorted(env.all_docs) if changed else []


def show(app: Sphinx, page: str, template: str, context: dict, doctree: object) -> None:
    """Write the time under the page's title and into its links to the neighbours."""
    if _has_time(app, page):
        minutes = in_words(times(app.env)[page].minutes())
        line = f'\n<p class="course-reading-time">Reading time: about {minutes}</p>'
        context["body"] = context["body"].replace("</h1>", f"</h1>{line}", 1)
    _, previous, following = app.builder.relations.get(page, (None, None, None))
    for key, neighbour in (("prev", previous), ("next", following)):
        if context.get(key) and _has_time(app, neighbour):
            minutes = in_words(times(app.env)[neighbour].minutes())
            title = context[key]["title"]
            time = f'<span class="course-neighbour-time">about {minutes} to read</span>'
            context[f"{key}_title"] = f"{title} {time}"


def _has_time(app: Sphinx, page: str | None) -> bool:
    """Whether a page is read from its beginning to its end; in others one looks things up."""
    excluded = [app.config.root_doc, *app.config.reading_time_exclude]
    return page in times(app.env) and not any(fnmatch(page, pattern) for pattern in excluded)


def setup(app: Sphinx) -> dict[str, object]:
    app.add_config_value("reading_time_exclude", [], "html")
    app.connect("doctree-read", remember)
    app.connect("env-purge-doc", forget)
    app.connect("env-merge-info", merge)
    app.connect("env-updated", rewrite_where_times_show)
    app.connect("html-page-context", show)
    app.add_css_file("reading-time.css")
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
