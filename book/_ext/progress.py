"""What a reader has read: a button at the end of every page, and a count where the course begins.

Kept in the reader's browser and nowhere else (``_static/progress.js``). Pages are not counted as
read because somebody scrolled through them: only the reader knows.
"""

import html
from collections.abc import Callable
from pathlib import Path

import course_map
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util.docutils import SphinxDirective


class ProgressNode(nodes.General, nodes.Element):
    """How many of the pages were read, and a button that forgets it."""


class ProgressDirective(SphinxDirective):
    """``{course-progress}``"""

    def run(self) -> list[nodes.Node]:
        self.env.note_dependency(str(Path(self.env.srcdir) / "_map.yml"))
        return [ProgressNode()]


def progress_html(pages: list[str], more: str = "") -> str:
    """The count as it is before a script knows better; ``more`` stands beside it."""
    count = f"0 of {len(pages)} pages read"
    return f"""<div class="course-progress pst-js-only" data-pages="{html.escape(" ".join(pages))}">
<progress max="{len(pages)}" value="0" aria-label="Pages read"></progress>
<span class="course-progress-count" tabindex="-1">{count}</span>
<button type="button" class="course-button course-reset" disabled>Reset progress</button>{more}
<dialog aria-labelledby="course-reset-question">
<form method="dialog">
<p id="course-reset-question">Forget which pages you have read? This cannot be undone.</p>
<button class="course-button" value="keep" autofocus>Keep</button>
<button class="course-button" value="forget">Forget</button>
</form>
</dialog>
</div>
"""


def visit_progress(self: nodes.NodeVisitor, node: ProgressNode) -> None:
    builder = self.builder
    link = map_link(builder.env, builder.current_docname, builder.get_relative_uri)
    self.body.append(progress_html(course_map.pages_of(builder.env), link))
    raise nodes.SkipNode


def map_link(env: BuildEnvironment, page: str, uri: Callable[[str, str], str]) -> str:
    """A link to the map, from pages of a book that has one."""
    if "map" not in env.all_docs or page == "map":
        return ""
    return f' <a class="reference internal" href="{uri(page, "map")}">Map of the course</a>'


def add_button(app: Sphinx, page: str, template: str, context: dict, doctree: object) -> None:
    pages = course_map.pages_of(app.env)
    if page not in pages:
        return
    link = map_link(app.env, page, app.builder.get_relative_uri)
    context["body"] += (
        f'<div class="course-page-end pst-js-only d-print-none" data-pages="{" ".join(pages)}">\n'
        f'<button type="button" class="course-button course-mark" aria-pressed="false" '
        f'data-page="{page}">Mark as read</button>\n'
        f'<span class="course-progress-count">0 of {len(pages)} pages read</span>{link}\n</div>\n'
    )


def setup(app: Sphinx) -> dict[str, object]:
    app.setup_extension("course_map")
    app.add_node(ProgressNode, html=(visit_progress, None))
    app.add_directive("course-progress", ProgressDirective)
    app.connect("html-page-context", add_button)
    app.add_js_file("progress.js", type="module")
    app.add_css_file("progress.css")
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
