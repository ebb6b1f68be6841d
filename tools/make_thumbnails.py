"""Write the landing page's cards: a thumbnail for every chapter, and the grid that shows them.

A thumbnail is a figure out of the chapter's stored outputs, so it shows what the chapter made:
the figure that ``book/_cards.yml`` names, else the first one. A chapter without figures gets its
title as a picture. Written are book/_static/thumbnails/*.webp (15 kB each at most) and
book/_generated/chapters.md; both are generated and not committed.
"""

import base64
import io
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from PIL import Image, ImageDraw, ImageFont

ROOT = Path(__file__).resolve().parent.parent
BOOK = ROOT / "book"
SIZE = (480, 270)
MAX_BYTES = 15_000


def chapters(toc: dict[str, Any]) -> list[tuple[str, list[str]]]:
    """The parts of ``_toc.yml`` as (caption, chapters in order).

    Pages below a chapter (of one module each, under the package's functions) are looked up and
    not read: they get no card.
    """
    return [
        (part["caption"], [chapter["file"] for chapter in part["chapters"]])
        for part in toc["parts"]
    ]


def source_of(page: str, book: Path = BOOK) -> Path:
    """The file of a page.

    Raises:
        FileNotFoundError: the table of contents names a page that does not exist.
    """
    for suffix in (".ipynb", ".md"):
        if (book / f"{page}{suffix}").is_file():
            return book / f"{page}{suffix}"
    raise FileNotFoundError(f"_toc.yml names {page}, but book/ has neither .ipynb nor .md of it.")


def read_notebook(path: Path) -> dict[str, Any]:
    if path.suffix != ".ipynb":
        return {"cells": [{"cell_type": "markdown", "source": path.read_text(encoding="utf-8")}]}
    return json.loads(path.read_text(encoding="utf-8"))


def title(notebook: dict[str, Any]) -> str:
    """The text of the first heading."""
    text = "".join(notebook["cells"][0]["source"])
    found = re.search(r"^# +(.+)$", text, re.MULTILINE)
    return found[1].strip() if found else "Untitled"


def figures(notebook: dict[str, Any]) -> Iterator[tuple[str, str, bytes]]:
    """The figures of a notebook's outputs as (name, alt text, bytes)."""
    for cell in notebook["cells"]:
        shown = cell.get("metadata", {}).get("mystnb", {})
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            if picture := data.get("image/png") or data.get("image/jpeg"):
                name = shown.get("figure", {}).get("name", "")
                alt = shown.get("image", {}).get("alt", "")
                yield name, alt, base64.b64decode("".join(picture))


def fitted(figure_bytes: bytes) -> Image.Image:
    """A figure on a white canvas of the thumbnails' shape, whole and as large as it fits."""
    figure = Image.open(io.BytesIO(figure_bytes)).convert("RGBA")
    canvas = Image.new("RGBA", figure.size, "white")
    figure = Image.alpha_composite(canvas, figure).convert("RGB")
    figure.thumbnail((SIZE[0] - 16, SIZE[1] - 16), Image.Resampling.LANCZOS)
    canvas = Image.new("RGB", SIZE, "white")
    canvas.paste(figure, ((SIZE[0] - figure.width) // 2, (SIZE[1] - figure.height) // 2))
    return canvas


def lettered(text: str) -> Image.Image:
    """A title as a picture, for a chapter without figures."""
    canvas = Image.new("RGB", SIZE, "#16324f")
    draw = ImageDraw.Draw(canvas)
    left = 30
    for step in range(7):  # a row of shrinking squares: the feature maps of a network
        side, shade = 64 - 8 * step, 90 + 20 * step
        top = SIZE[1] - 60 - side // 2
        draw.rectangle((left, top, left + side, top + side), fill=(34, shade, shade + 24))
        left += side + 24
    font = ImageFont.load_default(size=32)
    lines, line = [], ""
    for word in text.split():
        if line and draw.textlength(f"{line} {word}", font=font) > SIZE[0] - 60:
            lines.append(line)
            line = word
        else:
            line = f"{line} {word}".strip()
    draw.multiline_text((30, 30), "\n".join([*lines, line][:3]), font=font, fill="white")
    return canvas


def encoded(image: Image.Image) -> bytes:
    """The image as WebP of at most ``MAX_BYTES``: at a lower quality, then smaller, if need be."""
    while True:
        for quality in (80, 65, 50, 35):
            buffer = io.BytesIO()
            image.save(buffer, "WEBP", quality=quality, method=6)
            if buffer.tell() <= MAX_BYTES:
                return buffer.getvalue()
        image = image.resize((image.width * 3 // 4, image.height * 3 // 4))


def write_changed(path: Path, content: bytes) -> None:
    if not path.is_file() or path.read_bytes() != content:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def card(page: str, chapter_title: str, text: str, alt: str, target: Path) -> str:
    return (
        f":::{{grid-item-card}} {chapter_title}\n"
        f":link: /{page}\n:link-type: doc\n"
        f":img-top: /_static/thumbnails/{target.name}\n"
        f":img-alt: {alt}\n:class-card: course-chapter\n\n{text}\n:::\n"
    )


def make_all(book: Path = BOOK, toc: Path = ROOT / "_toc.yml") -> list[Path]:
    """Write every thumbnail and the grid of cards; returns the thumbnails' paths.

    A thumbnail newer than its notebook, than the choice of figures and than this file is kept.

    Raises:
        KeyError: a chapter has no text in ``_cards.yml``, or the figure named there is missing.
    """
    choices = book / "_cards.yml"
    cards = yaml.safe_load(choices.read_text(encoding="utf-8"))
    age = max(choices.stat().st_mtime, Path(__file__).stat().st_mtime)
    made, text = [], ""
    for caption, pages in chapters(yaml.safe_load(toc.read_text(encoding="utf-8"))):
        text += f"### {caption}\n\n::::{{grid}} 1 2 2 2\n:gutter: 3\n\n"
        for page in pages:
            if page not in cards:
                raise KeyError(f"book/_cards.yml has no text for the page {page}.")
            source = source_of(page, book)
            notebook = read_notebook(source)
            _, alt, figure = choose(notebook, cards[page].get("figure"), page)
            target = book / "_static" / "thumbnails" / f"{page.replace('/', '-')}.webp"
            if not target.is_file() or target.stat().st_mtime < max(age, source.stat().st_mtime):
                picture = fitted(figure) if figure else lettered(title(notebook))
                write_changed(target, encoded(picture))
                target.touch()
            made.append(target)
            alt = " ".join((alt or f"The words: {title(notebook)}").split())
            text += card(page, title(notebook), cards[page]["text"], alt, target) + "\n"
        text += "::::\n\n"
    for stray in set((book / "_static" / "thumbnails").glob("*.webp")) - set(made):
        stray.unlink()
    write_changed(book / "_generated" / "chapters.md", text.encode())
    return made


def choose(notebook: dict[str, Any], wanted: str | None, page: str) -> tuple[str, str, bytes]:
    """The figure for a page: the wanted one, else the first, else nothing."""
    found = list(figures(notebook))
    if wanted:
        for figure in found:
            if figure[0] == wanted:
                return figure
        raise KeyError(f"book/_cards.yml wants the figure {wanted}, which {page} does not have.")
    return found[0] if found else ("", "", b"")


if __name__ == "__main__":
    thumbnails = make_all()
    print(f"{len(thumbnails)} thumbnails, {sum(t.stat().st_size for t in thumbnails):,} bytes")
    sys.exit(0)
