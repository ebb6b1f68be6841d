"""The package's functions as pages, and a link to them from every name in a chapter's code.

autodoc reads the docstrings of the modules that ``book/api/`` names, viewcode shows the source
beside them, sphinx-codeautolink finds the names in the chapters' cells.
"""

from typing import Any

import sphinx_codeautolink.extension as codeautolink
from docutils import nodes
from sphinx.application import Sphinx
from sphinx_codeautolink.extension.block import BUILTIN_BLOCKS, CodeBlockAnalyser, clean_ipython


class Analyser(CodeBlockAnalyser):
    """Bears sections without a title, which sphinx-exercise makes of exercises and solutions."""

    def depart_section(self, node: nodes.section) -> None:
        if any(isinstance(child, nodes.title) for child in node.children):
            super().depart_section(node)


def setup(app: Sphinx) -> dict[str, Any]:
    codeautolink.CodeBlockAnalyser = Analyser
    for extension in ("autodoc", "napoleon", "viewcode"):
        app.setup_extension(f"sphinx.ext.{extension}")
    app.setup_extension("sphinx_codeautolink")
    app.config.napoleon_use_ivar = True
    # How Keras saves a layer is Keras's to document.
    app.config.autodoc_default_options = {"exclude-members": "from_config,get_config"}
    app.config.autodoc_typehints_format = "short"
    app.config.viewcode_line_numbers = True
    # A notebook's cells are one program, with IPython's own commands in it. (The extension's
    # setting for this holds a function, with which Sphinx would build everything every time.)
    app.config.codeautolink_concat_default = True
    BUILTIN_BLOCKS["python"] = clean_ipython
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
