"""What the course's site needs beyond Jupyter Book: generated includes, and fewer scripts.

Jupyter Book loads it as a local extension (``_config.yml``). Before Sphinx reads the pages, it
writes ``book/_generated/`` and ``book/_static/thumbnails/`` out of the notebooks' stored outputs,
``benchmarks/results.json`` and the checkpoints' cards, and the students' assignments.
"""

import sys
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))


def generate_includes(app: Sphinx, config: object) -> None:
    import make_assignments
    import make_cards_page
    import make_results_page
    import make_thumbnails

    make_thumbnails.make_all()
    make_results_page.write()
    make_cards_page.write()
    make_assignments.write()
    config.html_extra_path.append(str(make_assignments.EXTRA))


def drop_unused_scripts(
    app: Sphinx, page: str, template: str, context: dict, doctree: object
) -> None:
    """Leave out Thebe, which would come from a CDN and run no cell here."""

    def is_unused(script: object) -> bool:
        # A script is a file, or has its text in the attribute "body".
        name, attributes = getattr(script, "filename", script), getattr(script, "attributes", "")
        return "thebe" in f"{name}{attributes}".lower()

    scripts = context.get("script_files", [])
    context["script_files"] = [script for script in scripts if not is_unused(script)]


def rewrite_where_titles_show(app: Sphinx, env: BuildEnvironment) -> list[str]:
    """Every page shows every title in its sidebar: write all again when one of them changed."""
    titles = {name: title.astext() for name, title in env.titles.items()}
    shown = {name: list(pages) for name, pages in env.toctree_includes.items()}
    changed = getattr(env, "course_sidebar", None) != (titles, shown)
    env.course_sidebar = (titles, shown)
    return sorted(env.all_docs) if changed else []


def forget_what_warned(app: Sphinx, exception: Exception | None) -> None:
    """After warnings, read all pages again next time: unread pages would warn no more."""
    if exception is not None or app._warncount:
        (Path(app.doctreedir) / "environment.pickle").unlink(missing_ok=True)


def setup(app: Sphinx) -> dict[str, object]:
    app.connect("config-inited", generate_includes)
    app.connect("html-page-context", drop_unused_scripts, priority=900)
    app.connect("env-updated", rewrite_where_titles_show)
    app.connect("build-finished", forget_what_warned)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
