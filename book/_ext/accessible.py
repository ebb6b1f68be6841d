"""What axe-core finds in the theme's own pages, mended in the finished HTML.

The theme's templates would have to be copied whole to change these few attributes.
"""

import re
from pathlib import Path

from sphinx.application import Sphinx

# Its accessible name was "Search", which is not what stands on it ("Search Ctrl+K").
_SEARCH_BUTTON = re.compile(r"<button\b[^>]*\bsearch-button-field\b[^>]*>")
_NAME = re.compile(r'\s(?:aria-label|title|data-bs-toggle)="[^"]*"')
# The logo stood in no landmark.
_SIDEBAR = re.compile(r'<div (?!role)(?=[^>]*\bid="pst-primary-sidebar")')
# Nor had the arrow a name that unfolds the pages below a page.
_ARROW = re.compile(r'<summary>(?=\s*<span class="toctree-toggle")')
# A table's empty corner is the heading of nothing.
_CORNER = re.compile(r"<th\b([^>]*)>(?:\s|<p>\s*</p>)*</th>")


def mended(text: str) -> str:
    """A page of the theme without the barriers that axe-core names."""
    text = _SEARCH_BUTTON.sub(lambda button: _NAME.sub("", button[0]), text)
    text = _SIDEBAR.sub('<div role="complementary" aria-label="Site" ', text)
    text = _ARROW.sub('<summary aria-label="Pages below this one">', text)
    text = _CORNER.sub(r"<td\1></td>", text)
    # docutils' doc-biblioentry is a role that ARIA 1.3 has given up.
    return text.replace('role="doc-biblioentry"', 'role="listitem"')


def mend(app: Sphinx, exception: Exception | None) -> None:
    if exception is None and app.builder.name == "html":
        for path in Path(app.outdir).rglob("*.html"):
            text = path.read_text(encoding="utf-8")
            if (better := mended(text)) != text:
                path.write_text(better, encoding="utf-8")


def setup(app: Sphinx) -> dict[str, object]:
    app.connect("build-finished", mend, priority=800)  # sphinx-codeautolink writes pages anew
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
