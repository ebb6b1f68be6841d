"""Write the measured results as a Markdown table that pages include: book/_generated/results.md.

The numbers come from benchmarks/results.json, which the benchmark writes; nobody types them.
Without that file the page says how to make it, so the site builds either way.

Run as a program (``make bench`` does), it also writes the table into README.md, between the two
comments that mark its place. The site's build leaves the README alone.
"""

import json
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "benchmarks" / "results.json"
TARGET = ROOT / "book" / "_generated" / "results.md"
README = ROOT / "README.md"
MISSING = (
    "*No results are stored in this copy of the course; `make bench` measures them on your "
    "machine.*\n"
)


def number(value: Any) -> str:
    """A result as the table shows it: text as it is, four significant digits of a number.

    >>> number(0.98765), number(41.0), number("98.8 %"), number(None)
    ('0.9877', '41', '98.8 %', '–')
    """
    if value is None:
        return "–"
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return str(value)
    return f"{value:.4g}"


def table(rows: Sequence[dict[str, Any]]) -> str:
    """The rows of results.json as a Markdown table.

    Raises:
        ValueError: a row lacks its task or its results.
    """
    lines = [
        "| task | target | median | seeds | training time | published |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for row in rows:
        missing = [key for key in ("task", "median", "results") if key not in row]
        if missing:
            raise ValueError(f"A row of {SOURCE.name} lacks {', '.join(missing)}: {row}")
        seconds = row.get("seconds_median")
        cells = [
            row["task"],
            number(row.get("target")),
            f"**{number(row['median'])}**",
            ", ".join(number(result) for result in row["results"]),
            "–" if seconds is None else f"{seconds:.0f} s",
            number(row.get("published") or None),
        ]
        lines.append("| " + " | ".join(str(cell).replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines) + "\n"


def text(source: Path = SOURCE) -> str:
    """What the pages show: the table, or how to get one."""
    return table(json.loads(source.read_text(encoding="utf-8"))) if source.is_file() else MISSING


def write(source: Path = SOURCE, target: Path = TARGET) -> bool:
    """Write ``target`` where its text would change; returns whether it did."""
    return write_changed(target, text(source))


def write_readme(source: Path = SOURCE, readme: Path = README) -> bool:
    """Write the table between the README's marks; returns whether it changed.

    Raises:
        ValueError: the README has lost its marks.
    """
    before = readme.read_text(encoding="utf-8")
    marks = re.compile(r"(<!-- results:.*?-->\n).*?(<!-- /results -->)", re.DOTALL)
    if not marks.search(before):
        raise ValueError("README.md has no comments that mark the place of the results.")
    filling = f"\n{text(source)}\n"
    return write_changed(readme, marks.sub(lambda found: found[1] + filling + found[2], before))


def write_changed(path: Path, content: str) -> bool:
    if path.is_file() and path.read_text(encoding="utf-8") == content:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, encoding="utf-8")
    return True


if __name__ == "__main__":
    for path, changed in ((TARGET, write()), (README, write_readme())):
        print(f"{path.relative_to(ROOT)} {'written' if changed else 'is up to date'}.")
    sys.exit(0)
