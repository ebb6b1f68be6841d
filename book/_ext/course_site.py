"""What the course's site needs beyond Jupyter Book: generated includes, and MathJax from a package.

Jupyter Book loads it as a local extension (``_config.yml``). Before Sphinx reads the pages, it
writes ``book/_generated/`` and ``book/_static/thumbnails/`` out of the notebooks' stored outputs,
``benchmarks/results.json`` and the checkpoints' cards, and the students' assignments; after the
pages are written, it lays MathJax beside them, so that mathematics renders with the network off.
"""

import importlib.util
import shutil
import sys
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.errors import ExtensionError

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))

# Of MathJax's 12 MB, what pages with TeX can ask for: the program, fonts, TeX packages, and what
# its menu offers to those who listen to formulas.
MATHJAX_PARTS = (
    "tex-chtml.js",
    "output/chtml/fonts",
    "input/tex/extensions",
    "a11y",
    "sre/mathmaps/base.json",
    "sre/mathmaps/en.json",
)


def mathjax_folder() -> Path:
    """Where the package ``django-static-mathjax`` (no Django needed) keeps MathJax 3."""
    spec = importlib.util.find_spec("mathjax")
    for location in (spec and spec.submodule_search_locations) or ():
        folder = Path(location) / "static" / "mathjax" / "es5"
        if (folder / "tex-chtml.js").is_file():
            return folder
    raise ExtensionError("MathJax is missing: install the package django-static-mathjax.")


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
    """Leave out scripts that a page does not need: MathJax where no formula stands (Sphinx gives
    it to the landing page for its chapters' sake), and Thebe, which would come from a CDN."""
    unused = ["thebe"] if 'class="math' in context.get("body", "") else ["thebe", "mathjax"]

    def is_unused(script: object) -> bool:
        # A script is a file, or has its text in the attribute "body".
        name, attributes = getattr(script, "filename", script), getattr(script, "attributes", "")
        return any(word in f"{name}{attributes}".lower() for word in unused)

    scripts = context.get("script_files", [])
    context["script_files"] = [script for script in scripts if not is_unused(script)]


def mend_citation_lists(
    app: Sphinx, page: str, template: str, context: dict, doctree: object
) -> None:
    """Say list items for docutils' doc-biblioentry, a role that ARIA 1.3 has given up."""
    if "body" in context:
        context["body"] = context["body"].replace('role="doc-biblioentry"', 'role="listitem"')


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


def lay_mathjax(app: Sphinx, exception: Exception | None) -> None:
    if exception is not None or app.builder.format != "html":
        return
    source, target = mathjax_folder(), Path(app.outdir) / "_static" / "mathjax"
    for part in MATHJAX_PARTS:
        if (target / part).exists():
            continue
        (target / part).parent.mkdir(parents=True, exist_ok=True)
        if (source / part).is_dir():
            shutil.copytree(source / part, target / part)
        else:
            shutil.copyfile(source / part, target / part)
    if not (target / "LICENSE").exists():
        shutil.copyfile(source.parent / "LICENSE", target / "LICENSE")


def setup(app: Sphinx) -> dict[str, object]:
    app.connect("config-inited", generate_includes)
    app.connect("html-page-context", drop_unused_scripts, priority=900)
    app.connect("html-page-context", mend_citation_lists)
    app.connect("env-updated", rewrite_where_titles_show)
    app.connect("build-finished", forget_what_warned)
    app.connect("build-finished", lay_mathjax)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
