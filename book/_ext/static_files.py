"""Scripts and styles come to the pages that ask for them.

Jupyter Book gives every page every script and style sheet that lies under ``_static``, and gives
modules as plain scripts, which fail. Here each extension asks for its own files, on the pages that
need them; only what ``html_css_files`` in ``_config.yml`` names comes to all.
"""

from pathlib import Path

import yaml
from sphinx.application import Sphinx
from sphinx.config import Config

CONFIG = Path(__file__).resolve().parents[2] / "_config.yml"


def leave_out_what_nobody_asked_for(app: Sphinx, config: Config) -> None:
    written = yaml.safe_load(CONFIG.read_text(encoding="utf-8"))["sphinx"]["config"]
    config.html_css_files = list(written.get("html_css_files", []))
    config.html_js_files = list(written.get("html_js_files", []))


def setup(app: Sphinx) -> dict[str, object]:
    app.connect("config-inited", leave_out_what_nobody_asked_for)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
