"""Write the model card of every checkpoint, and what the course costs, as Markdown that the
appendix includes: book/_generated/model-cards.md.

Everything comes from the checkpoints' cards and from the pages' own first cells.
"""

import re
from pathlib import Path

import nbformat
from make_results_page import write_changed

from course_utils import checkpoints, model_cards

ROOT = Path(__file__).resolve().parent.parent
TARGET = ROOT / "book" / "_generated" / "model-cards.md"
_TIME = re.compile(r"\*\*Time:\*\* about (\d+) s\b")


def page_seconds(notebook: Path) -> int:
    """What a page's first cell says about its running time.

    Raises:
        ValueError: it does not say it.
    """
    first = nbformat.read(notebook, as_version=4).cells[0].source
    found = _TIME.search(first)
    if not found:
        raise ValueError(f"{notebook.name} does not say '**Time:** about … s' in its first cell.")
    return int(found[1])


def costs(book: Path) -> list[str]:
    """A table of seconds, by page and by checkpoint."""
    pages = {
        path.relative_to(book).with_suffix(""): page_seconds(path)
        for path in sorted(book.rglob("*.ipynb"))
        if not any(part.startswith(("_", ".")) for part in path.relative_to(book).parts)
    }
    names = sorted(path.stem for path in checkpoints.folder().glob("*.json"))
    training = sum(checkpoints.card(name).seconds for name in names)
    lines = [
        "## What the course costs",
        "",
        f"Running all {len(pages)} pages once takes about {sum(pages.values()) / 60:.0f} minutes "
        f"on two CPU cores, training all {len(names)} checkpoints about {training / 60:.0f} "
        "minutes. [Responsible use](../outlook/responsible-use.ipynb) turns times into energy.",
        "",
        "| page | seconds |",
        "|---|---:|",
    ]
    return lines + [f"| [{page}](../{page}.ipynb) | {seconds} |" for page, seconds in pages.items()]


def markdown(book: Path = ROOT / "book") -> str:
    """All cards in the order of their names, then the costs."""
    names = sorted(path.stem for path in checkpoints.folder().glob("*.json"))
    parts = [f"## {name}\n\n{model_cards.model_card(name)}" for name in names]
    return "\n".join([*parts, *costs(book)]) + "\n"


def write(target: Path = TARGET) -> bool:
    """Write ``target`` where its text would change; returns whether it did."""
    return write_changed(target, markdown())


if __name__ == "__main__":
    write()
