"""The package's functions as pages, and a link to them from every name in a chapter's code.

autodoc reads the docstrings of the modules that ``book/api/`` names, viewcode shows the source
beside them, sphinx-codeautolink finds the names in the chapters' cells.
"""

import json
from pathlib import Path
from typing import Any

import sphinx_codeautolink
import sphinx_codeautolink.extension as codeautolink
from docutils import nodes
from sphinx.application import Sphinx
from sphinx_codeautolink.extension.block import (
    BUILTIN_BLOCKS,
    CodeBlockAnalyser,
    CodeExample,
    Name,
    SourceTransform,
    clean_ipython,
)
from sphinx_codeautolink.extension.cache import DataCache


class Analyser(CodeBlockAnalyser):
    """Bears sections without a title, which sphinx-exercise makes of exercises and solutions."""

    def depart_section(self, node: nodes.section) -> None:
        if any(isinstance(child, nodes.title) for child in node.children):
            super().depart_section(node)


class Cache(DataCache):
    """Keeps the names of pages that were not read again; the library does so for ``.rst`` only."""

    def read(self) -> None:
        path = Path(self.cache_dir) / self.cache_filename
        if path.is_file():
            for page, blocks in json.loads(path.read_text(encoding="utf-8")).items():
                if any((self.src_dir / f"{page}{kind}").is_file() for kind in (".md", ".ipynb")):
                    self.transforms[page] = [_block(**block) for block in blocks]


def _block(example: dict, names: list[dict], **rest: Any) -> SourceTransform:
    return SourceTransform(
        example=CodeExample(**example), names=[Name(**name) for name in names], **rest
    )


class Linker(codeautolink.SphinxCodeAutoLink):
    """Puts links into every page that was written; the library does so where one was read."""

    def __init__(self) -> None:
        super().__init__()
        self.written: set[str] = set()

    def build_inited(self, app: Sphinx) -> None:
        super().build_inited(app)
        app.connect("html-page-context", self.note)

    def note(self, app: Sphinx, page: str, *rest: object) -> None:
        self.written.add(page)

    def apply_links(self, app: Sphinx, exception: Exception | None) -> None:
        self.outdated_docs = {str(Path(page)) for page in self.written}
        super().apply_links(app, exception)


def setup(app: Sphinx) -> dict[str, Any]:
    codeautolink.CodeBlockAnalyser, codeautolink.DataCache = Analyser, Cache
    sphinx_codeautolink.SphinxCodeAutoLink = Linker
    for extension in ("autodoc", "napoleon", "viewcode"):
        app.setup_extension(f"sphinx.ext.{extension}")
    app.setup_extension("sphinx_codeautolink")
    app.config.napoleon_use_ivar = True
    # How Keras saves a layer is Keras's to document.
    hidden = "from_config,get_config,compile_from_config,get_compile_config"
    app.config.autodoc_default_options = {"exclude-members": hidden}
    app.config.add_module_names = False  # the page's title says it
    app.config.autodoc_typehints_format = "short"
    app.config.viewcode_line_numbers = True
    # A notebook's cells are one program, with IPython's own commands in it. (The extension's
    # setting for this holds a function, with which Sphinx would build everything every time.)
    app.config.codeautolink_concat_default = True
    BUILTIN_BLOCKS["python"] = clean_ipython
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
