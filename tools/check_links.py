"""Check every link that leads out of the course: python tools/check_links.py   (or make links)

Sphinx's own linkcheck builder asks each address once, with patience for hosts that want some; this
lists what it found in _build/links.txt, worst first, with a page that has the link. Without a
network the list is the same, and says that nothing could be checked. Links of the course to its
own repository and site may be missing before they are published; they are told apart.
"""

import argparse
import json
import re
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from set_repository import current_url, pages_url

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "_build"
TARGET = BUILD / "links.txt"
# Nobody answered: the name is unknown, the host silent, or there is no way to it.
UNREACHED = re.compile(
    r"NameResolution|Failed to resolve|getaddrinfo|unreachable|ConnectTimeout|ConnectionRefused"
    r"|Connection refused|ProxyError|NewConnectionError",
    re.IGNORECASE,
)
# Answers to a program that a reader with a browser does not get.
REFUSED = re.compile(r"\b(401|403|418|429|999)\b")
ORDER = ("broken", "not published yet", "refused", "moved", "not checked", "works")


@dataclass
class Link:
    url: str
    status: str
    remark: str
    page: str  # the first that has it


def read(lines: Iterable[str], own: Iterable[str]) -> list[Link]:
    """The links out of linkcheck's ``output.json``, which has an object a line, worst first.

    ``own`` are the beginnings of the course's own addresses.
    """
    rows = [json.loads(line) for line in lines if line.strip()]
    links = [
        Link(row["uri"], *_judged(row, tuple(own)), row["filename"])
        for row in rows
        if row["status"] not in ("unchecked", "local") and row["uri"].startswith("http")
    ]
    if links and all(link.status in ("unreached", "not published yet") for link in links):
        for link in links:
            link.status, link.remark = "not checked", ""
    for link in links:
        link.status = "broken" if link.status == "unreached" else link.status
    return sorted(links, key=lambda link: (ORDER.index(link.status), link.url))


def _judged(row: dict, own: tuple[str, ...]) -> tuple[str, str]:
    remark = " ".join(str(row["info"]).split())[:200]
    if row["status"] == "working":
        return "works", ""
    if row["status"] == "redirected":
        return "moved", f"to {remark}"
    if row["status"] == "ignored":
        return "not checked", remark
    if row["uri"].startswith(own):
        return "not published yet", remark
    if REFUSED.search(remark):
        return "refused", remark
    return ("unreached" if UNREACHED.search(remark) else "broken"), remark


def table(links: list[Link]) -> str:
    """Status, address and remark of every link, and below it the page that has it."""
    rows = []
    for link in links:
        rows.append(f"{link.status:18}{link.url}" + (f"  ({link.remark})" if link.remark else ""))
        rows.append(f"{'':18}in {link.page}")
    return "\n".join(rows) + "\n"


def summary(links: list[Link]) -> str:
    if links and all(link.status == "not checked" for link in links):
        return f"{len(links)} links, none of which could be checked: there is no network."
    counts = ((status, sum(link.status == status for link in links)) for status in ORDER)
    return f"{len(links)} links: " + ", ".join(f"{n} {name}" for name, n in counts if n) + "."


def run_builder(build: Path, toc: Path) -> Path:
    """Have Sphinx look at every link; returns its ``output.json``.

    Raises RuntimeError if it wrote none. Broken links alone make it end with an error too.
    """
    output = build / "linkcheck" / "output.json"
    output.unlink(missing_ok=True)
    command = [Path(sys.executable).with_name("jupyter-book"), "build", ROOT / "book", "--quiet"]
    command += ["--config", ROOT / "_config.yml", "--toc", toc, "--path-output", build.parent]
    command += ["--builder", "custom", "--custom-builder", "linkcheck"]
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True)
    if not output.is_file():
        raise RuntimeError(f"Sphinx's linkcheck did not run: {done.stderr.strip()[-400:]}")
    return output


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", type=Path, default=BUILD, help="the folder to build in")
    parser.add_argument("--toc", type=Path, default=ROOT / "_toc.yml")
    arguments = parser.parse_args()
    try:
        output = run_builder(arguments.build.resolve(), arguments.toc.resolve())
    except RuntimeError as error:
        print(error, file=sys.stderr)
        return 2
    url = current_url()
    colab = url.replace("https://github.com/", "https://colab.research.google.com/github/")
    with output.open(encoding="utf-8") as lines:
        links = read(lines, (url, colab, pages_url(url)))
    target = arguments.build / TARGET.name
    target.write_text(table(links), encoding="utf-8")
    for link in links:
        if link.status == "broken":
            print(f"{link.url}  ({link.remark})\n    in {link.page}")
    print(f"{summary(links)} The list is in {target}.")
    return int(any(link.status == "broken" for link in links))


if __name__ == "__main__":
    sys.exit(main())
