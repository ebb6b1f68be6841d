"""From what a student handed in to a notebook that may be graded: the release with his answers.

Nothing but the text of cells is taken over. Locked cells (tests, questions) come from the
released notebook, whatever the submission made of them; so do all metadata.
"""

import json
from dataclasses import dataclass, field

import nbformat
from nbformat import NotebookNode

LARGEST_FILE = 50 * 2**20


class NotGradable(ValueError):
    """The file cannot be graded at all; the message says why, in words for the student."""


@dataclass
class Submission:
    """A submission ready to run.

    Attributes:
        notebook: the released notebook with the student's answers and additional cells.
        notes: what had to be mended or was ignored, one sentence each.
    """

    notebook: NotebookNode
    notes: list[str] = field(default_factory=list)


def read(content: bytes) -> NotebookNode:
    """A notebook of nbformat 4, whatever wrote it (Colab, Windows, a download manager).

    Raises:
        NotGradable: empty, too large, not text, not JSON, or not a notebook.
    """
    size = len(content)
    if size == 0:
        raise NotGradable("The file is empty: hand the notebook in again.")
    if size > LARGEST_FILE:
        raise NotGradable(
            f"The file has {size / 2**20:.0f} MB, more than the {LARGEST_FILE // 2**20} MB "
            "allowed: clear its outputs and hand it in again."
        )
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise NotGradable("The file is not text in UTF-8, so it is no notebook.") from error
    try:
        tree = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise NotGradable("The file is not JSON, so it is no notebook (.ipynb).") from error
    if not isinstance(tree, dict) or not isinstance(tree.get("nbformat"), int):
        raise NotGradable("The file is JSON, but no notebook: it does not say its nbformat.")
    try:
        for cell in tree.get("cells", []):  # they are not needed and often what is wrong
            if cell.get("cell_type") == "code":
                cell["outputs"], cell["execution_count"] = [], None
            cell.pop("attachments", None)
        notebook = nbformat.reads(json.dumps(tree), as_version=4)
        for cell in notebook.cells:
            cell.source = cell.source.replace("\r\n", "\n").replace("\r", "\n")
            cell.metadata = cell.get("metadata", {})
    except Exception as error:  # nbformat raises what it happens to meet
        raise NotGradable(
            f"The notebook cannot be read (nbformat {tree['nbformat']}): hand in what Colab or "
            "Jupyter saves."
        ) from error
    return notebook


def restore(submitted: NotebookNode, release: NotebookNode, name: str) -> Submission:
    """Put the answers of ``submitted`` into ``release``.

    Cells that the release does not have stay where the student put them, as ordinary cells. Of
    two cells with the same name the first is the answer, and the other an ordinary cell.

    Raises:
        NotGradable: no cell of the assignment is there.
    """
    known = {grade_id(cell): cell for cell in release.cells if grade_id(cell)}
    notes: list[str] = []
    cells: list[NotebookNode] = []
    used: set[str] = set()
    changed: list[str] = []
    for cell in submitted.cells:
        one = grade_id(cell)
        original = known.get(one) if one not in used else None
        if original is None:
            if one in known:
                notes.append(f"There are two cells {one}: the first is graded.")
            cells.append(_ordinary(cell))
            continue
        used.add(one)
        restored = nbformat.from_dict(original)
        if is_answer(original):
            restored.source = cell.source
        elif cell.source.rstrip() != original.source.rstrip():
            changed.append(one)
        cells.append(restored)
    if not used:
        raise NotGradable(f"No cell of assignment {name} is in it: is it another notebook?")
    if changed:
        notes.append(f"Changed tests or questions were put back: {', '.join(changed)}.")
    missing = [one for one in known if one not in used]
    if missing:
        notes.append(f"Missing cells were put back without an answer: {', '.join(missing)}.")
    order = list(known)
    for one in missing:
        before = {order[i] for i in range(order.index(one))}
        places = [i for i, cell in enumerate(cells) if grade_id(cell) in before]
        empty = nbformat.from_dict(known[one])
        if is_answer(empty):
            empty.source = ""
        cells.insert(places[-1] + 1 if places else 0, empty)
    notebook = nbformat.from_dict({**release, "cells": cells})
    for number, cell in enumerate(notebook.cells):
        cell["id"] = f"cell-{number}"
    return Submission(notebook, notes)


def grade_id(cell: NotebookNode) -> str:
    """nbgrader's name of a cell; empty for a cell that is not nbgrader's."""
    mark = cell.metadata.get("nbgrader", {})
    one = mark.get("grade_id", "") if isinstance(mark, dict) else ""
    return one if isinstance(one, str) else ""


def is_answer(cell: NotebookNode) -> bool:
    """Whether the student is meant to write into the cell."""
    return bool(cell.metadata.get("nbgrader", {}).get("solution"))


def is_test(cell: NotebookNode) -> bool:
    """Whether points are given for the cell by tests."""
    mark = cell.metadata.get("nbgrader", {})
    return cell.cell_type == "code" and bool(mark.get("grade")) and not mark.get("solution")


def _ordinary(cell: NotebookNode) -> NotebookNode:
    if cell.cell_type == "code":
        return nbformat.v4.new_code_cell(cell.source)
    return nbformat.v4.new_markdown_cell(cell.source)
