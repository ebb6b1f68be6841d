"""What a page shows of itself elsewhere: a sentence for search engines, a card where it is shared.

The sentence is that of the landing page's card (``book/_cards.yml``), or ``description`` in the
page's front matter, or else, for pages that one only looks things up in, how the page begins. The
picture holds the title, the sentence and the chapter's figure. It is
drawn here, because sphinxext-opengraph draws words only, takes them from the page's first
characters, and refuses a logo in SVG.
"""

import html
import io
import sys
import textwrap
from pathlib import Path

import yaml
from docutils import nodes
from PIL import Image, ImageDraw, ImageFont
from sphinx.application import Sphinx
from sphinx.util import logging

LOGGER = logging.getLogger(__name__)
ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))

import make_thumbnails  # noqa: E402

SIZE = (1200, 630)  # what the networks ask for
MARGIN, HALF = 40, 600
MAX_BYTES = 100_000
SHORT, LONG = 50, 160  # search engines cut longer ones, and replace shorter ones
PAGES_WITHOUT_SOURCE = {
    "search": "Search every page: titles, headings, text, code and the names of functions.",
    "genindex": "The index of the terms that the glossary defines.",
    "404": "This page does not exist; search the course, or begin at one of its parts.",
}


def read_cards(book: Path) -> dict:
    return yaml.safe_load((book / "_cards.yml").read_text(encoding="utf-8"))


def beginning(doctree: nodes.document) -> str:
    """The first paragraph, cut where search engines would cut it."""
    for paragraph in doctree.findall(nodes.paragraph):
        return textwrap.shorten(paragraph.astext(), LONG, placeholder=" …")
    return ""


def description(page: str, cards: dict, metadata: dict, course: str, begins: str = "") -> str:
    """The sentence that stands for a page.

    Raises:
        ValueError: there is none, or one longer than search engines show.
    """
    text = metadata.get("description") or cards.get(page, {}).get("text") or begins
    if not text:
        raise ValueError(
            f"The page {page} has no sentence for search engines: give it one in book/_cards.yml, "
            "as description in its front matter, or as its first paragraph."
        )
    if len(text) < SHORT:
        text = f"{text} A page of {course}."
    if len(text) > LONG:
        raise ValueError(
            f"The sentence of the page {page} has {len(text)} characters: make it at most {LONG}."
        )
    return text


def _wrapped(draw: ImageDraw.ImageDraw, text: str, font: ImageFont.FreeTypeFont, width: int) -> str:
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if draw.textlength(longer, font=font) <= width:
            lines[-1] = longer
        else:
            lines.append(word)
    return "\n".join(lines)


def drawn(course: str, title: str, sentence: str, figure: bytes) -> Image.Image:
    """The card: words on the left, the chapter's figure, if it has one, on paper on the right."""
    card = Image.new("RGB", SIZE, "#16324f")
    draw = ImageDraw.Draw(card)
    draw.text((MARGIN, MARGIN), course, font=ImageFont.load_default(size=24), fill="#9fd3c7")
    width = (HALF if figure else SIZE[0]) - 2 * MARGIN
    top = 110
    for text, size, colour in ((title, 50, "white"), (sentence, 28, "#dbe7f3")):
        font = ImageFont.load_default(size=size if figure else int(1.4 * size))
        lines = _wrapped(draw, text, font, width)
        draw.multiline_text((MARGIN, top), lines, font=font, fill=colour, spacing=10)
        top = draw.multiline_textbbox((MARGIN, top), lines, font=font, spacing=10)[3] + 36
    if figure:
        paper = Image.open(io.BytesIO(figure)).convert("RGBA")
        paper = Image.alpha_composite(Image.new("RGBA", paper.size, "white"), paper)
        room = (SIZE[0] - HALF - MARGIN, SIZE[1] - MARGIN)
        scale = min(room[0] / paper.width, room[1] / paper.height)
        paper = paper.convert("RGB").resize(
            (int(paper.width * scale), int(paper.height * scale)), Image.Resampling.LANCZOS
        )
        draw.rectangle((HALF, 0, *SIZE), fill="white")
        left = HALF + (SIZE[0] - HALF - paper.width) // 2
        card.paste(paper, (left, (SIZE[1] - paper.height) // 2))
    return card


def encoded(card: Image.Image) -> bytes:
    """JPEG, which every network reads, of at most ``MAX_BYTES``."""
    for quality in range(90, 0, -10):
        buffer = io.BytesIO()
        card.save(buffer, "JPEG", quality=quality, optimize=True)
        if buffer.tell() <= MAX_BYTES:
            break
    return buffer.getvalue()


def figure_of(page: str, cards: dict, book: Path) -> bytes:
    """The figure of the page's card; the landing page shows the first chapter's."""
    page = next(iter(cards)) if page == "index" else page
    notebook = make_thumbnails.read_notebook(make_thumbnails.source_of(page, book))
    return make_thumbnails.choose(notebook, cards.get(page, {}).get("figure"), page)[2]


def tags(app: Sphinx, page: str, title: str, sentence: str, picture: str) -> str:
    base = app.config.html_baseurl
    values = {
        "og:type": "website" if page == "index" else "article",
        "og:site_name": app.config.html_title,
        "og:title": title,
        "og:description": sentence,
        "og:url": base + ("" if page == "index" else app.builder.get_target_uri(page)),
        "og:image": base + picture,
        "og:image:width": str(SIZE[0]),
        "og:image:height": str(SIZE[1]),
        "og:image:alt": f"{title}. {sentence}",
    }
    lines = [f'<meta property="{k}" content="{html.escape(v)}" />' for k, v in values.items()]
    return "\n".join([*lines, '<meta name="twitter:card" content="summary_large_image" />']) + "\n"


def describe(app: Sphinx, page: str, template: str, context: dict, doctree: object) -> None:
    if app.builder.name != "html":
        return
    course = app.config.html_title
    if doctree is None:
        sentence = PAGES_WITHOUT_SOURCE.get(page)
    else:
        book = Path(app.srcdir)
        cards = read_cards(book)
        title = app.env.titles[page].astext()
        try:
            metadata, begins = app.env.metadata[page], beginning(doctree)
            sentence = description(page, cards, metadata, course, begins)
        except ValueError as error:
            LOGGER.warning(error, location=page)
            sentence = title
        context["course_sentence"] = sentence
        picture = f"_static/cards/{page.replace('/', '-')}.jpg"
        target = Path(app.outdir) / picture
        target.parent.mkdir(parents=True, exist_ok=True)
        shown = "From first steps to practice" if page == "index" else title
        card = drawn(course, shown, sentence, figure_of(page, cards, book))
        target.write_bytes(encoded(card))
        context["metatags"] += "\n" + tags(app, page, title, sentence, picture)
    if sentence:
        tag = f'<meta name="description" content="{html.escape(sentence)}" />\n'
        context["metatags"] = tag + context.get("metatags", "")


def setup(app: Sphinx) -> dict[str, object]:
    app.connect("html-page-context", describe)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
