"""Copy a cell, open the page in Colab, download it: by mouse, by keyboard and by finger.

The theme has all three. Its copy buttons show themselves to a mouse only (the style sheet mends
that), its menus call a notebook ".ipynb", and its link to the file would show a page of JSON
where the server says that this is what it is, as GitHub's does.
"""

from pathlib import Path

from sphinx.application import Sphinx

NAMES = {".ipynb": "Notebook (.ipynb)", ".md": "Source (.md)", "Colab": "Open in Colab"}
_OPENED = 'target="_blank"\n   class="btn btn-sm btn-download-source-button'


def say_what_buttons_do(
    app: Sphinx, page: str, template: str, context: dict, doctree: object
) -> None:
    for group in context.get("header_buttons", []):
        for button in group.get("buttons", []):
            button["text"] = NAMES.get(button["text"], button["text"])


def download_instead_of_opening(app: Sphinx, exception: Exception | None) -> None:
    if exception is not None or app.builder.format != "html":
        return
    for page in app.env.all_docs:
        path = Path(app.outdir) / f"{page}.html"
        text = path.read_text(encoding="utf-8") if path.is_file() else ""
        if _OPENED in text:
            path.write_text(
                text.replace(_OPENED, _OPENED.replace('target="_blank"', "download")),
                encoding="utf-8",
            )


def setup(app: Sphinx) -> dict[str, object]:
    app.connect("html-page-context", say_what_buttons_do, priority=800)
    app.connect("build-finished", download_instead_of_opening)
    app.add_css_file("notebook-buttons.css")
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
