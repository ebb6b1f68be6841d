"""Models of the course that run in the reader's browser: the directive ``demo``, and its files.

    ```{demo} digit
    In words: what the demo shows, for readers who cannot see it or have no JavaScript.
    ```

A demo loads nothing until the reader starts it, and says before how much that is. The files are
made by ``tools/export_demos.py``, before the pages are read, and laid beside the pages when they
are written: ``_static/demos/<demo>/`` and, shared by all demos, ``_static/onnxruntime/``. The
scripts that run it all are in ``book/_static/demos/``; start.js comes with the page.
"""

import html
import shutil
import subprocess
import sys
from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError
from sphinx.util.docutils import SphinxDirective

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = ROOT / "book" / "_static" / "demos"
sys.path.insert(0, str(ROOT / "tools"))

import export_demos  # noqa: E402


class demo_box(nodes.General, nodes.Element):
    """A demo's place on the page; its children are the text alternative."""


class DemoDirective(SphinxDirective):
    required_arguments = 1
    has_content = True

    def run(self) -> list[nodes.Node]:
        name = self.arguments[0]
        if name not in export_demos.DEMOS:
            raise ExtensionError(
                f"{self.env.docname}: there is no demo {name!r}; the demos of "
                f"tools/export_demos.py are {', '.join(export_demos.DEMOS)}."
            )
        if not self.content:
            raise ExtensionError(
                f"{self.env.docname}: the demo {name!r} needs a body that says in words what it "
                "shows, for readers who cannot see it."
            )
        box = demo_box(demo=name)
        self.set_source_info(box)
        self.state.nested_parse(self.content, self.content_offset, box)
        if export_demos.DEMOS[name].runtime:
            lay_runtime_ready()
        # The page states sizes: read it again when a file has changed.
        for path in [*files_of(name), *runtime_files(name)]:
            self.env.note_dependency(str(path))
        self.env.metadata[self.env.docname]["demos"] = True
        return [box]


def lay_runtime_ready() -> None:
    try:
        export_demos.make_runtime()
    except FileNotFoundError as error:
        raise ExtensionError(str(error)) from None


def files_of(name: str) -> list[Path]:
    """What a demo loads of its own: its script, its models, its data."""
    folder = export_demos.OUT / name
    return [
        SCRIPTS / f"{name}.js",
        *(folder / file for file in export_demos.manifest(name)["files"]),
    ]


def runtime_files(name: str) -> list[Path]:
    """What the first demo on a page that runs a model loads for all others too."""
    if not export_demos.DEMOS[name].runtime:
        return []
    folder = export_demos.OUT / "onnxruntime"
    script, binary = export_demos.RUNTIME_FILES
    return [SCRIPTS / "runtime.js", folder / script, folder / f"{binary}.gz"]


def size_of(paths: list[Path]) -> int:
    """Bytes to transfer; our scripts are small and counted as they lie there.

    Raises:
        ExtensionError: a file is missing.
    """
    for path in paths:
        if not path.is_file():
            raise ExtensionError(f"A demo needs {path.relative_to(ROOT)}, which does not exist.")
    return sum(path.stat().st_size for path in paths)


def in_words(size: int) -> str:
    """Bytes as megabytes with one digit, or as kilobytes where that would be 0.0 MB."""
    return f"{size / 1e6:.1f} MB" if size >= 1e5 else f"{max(1, round(size / 1e3))} kB"


def open_box(translator: nodes.NodeVisitor, node: demo_box) -> None:
    name = node["demo"]
    title = html.escape(f"Demo: {export_demos.DEMOS[name].title}")
    own, runtime = size_of(files_of(name)), size_of(runtime_files(name))
    parts = f"{in_words(own)} for this demo"
    if runtime:
        parts += f", and once for all demos {in_words(runtime)} for ONNX Runtime, which runs models"
    translator.body.append(
        f'<section class="course-demo" id="demo-{name}" data-demo="{name}" data-own="{own}" '
        f'data-runtime="{runtime}" aria-label="{title}">'
        '<div class="course-demo-stage"><div class="course-demo-door">'
        f'<button type="button" hidden>Start ({in_words(own + runtime)})</button>'
        f'<p class="course-demo-size">Loads {in_words(own + runtime)}, packed by gzip: {parts}.</p>'
        "<p>It runs on your machine; nothing that you do here leaves it.</p>"
        "<noscript><p>This demo needs JavaScript. The words below say what it shows.</p></noscript>"
        "<details open><summary>What this demo shows, in words</summary>"
    )


def close_box(translator: nodes.NodeVisitor, node: demo_box) -> None:
    # start.js moves the words below the demo, into the last element.
    translator.body.append(
        '</details></div></div><p class="course-demo-status" role="status"></p>'
        '<div class="course-demo-words"></div></section>\n'
    )


def only_words(translator: nodes.NodeVisitor, node: demo_box) -> None:
    """On paper, the text alternative is the demo."""


def make_files(app: Sphinx, config: object) -> None:
    """Export the demos that have changed, in a process of its own: TensorFlow is large."""
    if not export_demos.stale():
        return
    tool = ROOT / "tools" / "export_demos.py"
    done = subprocess.run([sys.executable, tool], capture_output=True, text=True, check=False)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise ExtensionError(f"The demos could not be made by tools/export_demos.py: {last}")


def has_demos(app: Sphinx, page: str) -> bool:
    return bool(app.env.metadata.get(page, {}).get("demos"))


def add_scripts(app: Sphinx, page: str, template: str, context: dict, doctree: object) -> None:
    """Only pages with a demo get its script and styles."""
    if has_demos(app, page):
        app.add_js_file("demos/start.js", type="module")
        app.add_css_file("demos/demos.css")


def lay_files(app: Sphinx, exception: Exception | None) -> None:
    """Copy models, data and runtime beside the pages."""
    pages = app.env.found_docs if exception is None and app.builder.name == "html" else ()
    if not any(has_demos(app, page) for page in pages):
        return
    static = Path(app.outdir) / "_static"
    targets = {name: static / "demos" / name for name in export_demos.DEMOS}
    for name, target in (targets | {"onnxruntime": static / "onnxruntime"}).items():
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(
            export_demos.OUT / name, target, ignore=shutil.ignore_patterns("manifest.json")
        )


def setup(app: Sphinx) -> dict[str, object]:
    app.add_node(
        demo_box,
        html=(open_box, close_box),
        epub=(only_words, only_words),
        latex=(only_words, only_words),
        text=(only_words, only_words),
    )
    app.add_directive("demo", DemoDirective)
    app.connect("config-inited", make_files)
    app.connect("html-page-context", add_scripts)
    app.connect("build-finished", lay_files)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
