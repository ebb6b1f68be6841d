"""Change the repository's URL everywhere: python tools/set_repository.py URL

The URL stands in one place, ``_config.yml``. What must agree with it (the setup cells of the
notebooks, CITATION.cff, the README and the other pages) is rewritten by replacing the old URL, and
its short form owner/name in Colab links, with the new one: nothing else in a file changes, not a
byte of a notebook's outputs. The site's address on GitHub Pages follows from it (`pages_url`), and
is rewritten in the same files. Without URL, the current one is printed.
"""

import argparse
import re
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FORM = re.compile(r"https://github\.com/[A-Za-z0-9][A-Za-z0-9-]*/[A-Za-z0-9._-]+")
PAGES = (
    "_config.yml",
    "CITATION.cff",
    "pyproject.toml",
    "*.md",
    "book/**/*.md",
    "book/**/*.ipynb",
    "assignments/source/**/*.ipynb",
)


def current_url(root: Path = ROOT) -> str:
    """The URL in ``_config.yml``.

    Raises:
        ValueError: ``_config.yml`` has none.
    """
    text = (root / "_config.yml").read_text(encoding="utf-8")
    found = re.search(r"^repository:\n(?:[ #].*\n)*?  url: *(\S+)$", text, re.MULTILINE)
    if not found:
        raise ValueError("_config.yml has no repository url.")
    return found[1]


def checked(url: str) -> str:
    """The URL without a trailing slash or ``.git``.

    Raises:
        ValueError: it is not of the form that Colab and pip both understand.
    """
    clean = url.strip().removesuffix("/").removesuffix(".git")
    if not FORM.fullmatch(clean):
        raise ValueError(f"Expected a URL like https://github.com/owner/name, got {url!r}.")
    return clean


def pages_url(url: str) -> str:
    """Where GitHub Pages serves the repository's site, with a closing slash."""
    owner, name = checked(url).removeprefix("https://github.com/").split("/")
    host = f"{owner.lower()}.github.io"
    return f"https://{host}/" if name.lower() == host else f"https://{host}/{name}/"


def files(root: Path = ROOT) -> Iterator[Path]:
    """The files that may name the repository."""
    for pattern in PAGES:
        for path in sorted(root.glob(pattern)):
            if not {".ipynb_checkpoints", "_generated"} & set(path.parts):
                yield path


def set_repository(url: str, root: Path = ROOT) -> list[Path]:
    """Write ``url`` in place of the current URL; returns the files that changed.

    Raises:
        ValueError: the URL has another form than https://github.com/owner/name.
    """
    new, old = checked(url), current_url(root)
    slugs = [known.removeprefix("https://github.com/") for known in (old, new)]
    changed = []
    for path in files(root):
        before = path.read_bytes()
        after = re.sub(
            # the URL itself, or owner/name inside a link of Colab; not a longer name
            rb"(https://github\.com/|https://colab\.research\.google\.com/github/)"
            + re.escape(slugs[0].encode())
            + rb"(?![A-Za-z0-9_-]|\.(?!git\b)[A-Za-z0-9])",
            lambda found: found[1] + slugs[1].encode(),
            before,
        )
        after = after.replace(pages_url(old).encode(), pages_url(new).encode())
        if after != before:
            path.write_bytes(after)
            changed.append(path)
    return changed


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("url", nargs="?", help="for example https://github.com/owner/name")
    url = parser.parse_args().url
    if url is None:
        print(current_url())
        return 0
    try:
        changed = set_repository(url)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 1
    for path in changed:
        print(path.relative_to(ROOT))
    print(f"{len(changed)} files changed; the repository is {current_url()}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
