"""Run notebooks and store their outputs: those whose code changed, or those that are named.

Usage: python tools/execute_notebooks.py [--all] [NOTEBOOK ...]

A notebook remembers the hash of the code that gave its outputs (metadata
``course.code_sha256``); the contract test compares it, so outputs cannot outlive their code.
"""

import argparse
import hashlib
import re
import sys
import tempfile
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

BOOK = Path(__file__).resolve().parent.parent / "book"
KERNELSPEC = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}


def code_hash(notebook: nbformat.NotebookNode) -> str:
    """sha256 over the sources of the code cells, in order.

    The setup cell is left out: it names the repository and the release, and a change of those
    (tools/set_repository.py) changes no output.
    """
    digest = hashlib.sha256()
    for cell in notebook.cells:
        if cell.cell_type == "code" and "setup" not in cell.metadata.get("tags", []):
            digest.update(cell.source.encode() + b"\0")
    return digest.hexdigest()


def is_current(notebook: nbformat.NotebookNode) -> bool:
    return notebook.metadata.get("course", {}).get("code_sha256") == code_hash(notebook)


def execute(path: Path) -> float:
    """Run ``path`` alone in an empty folder and write it back; returns the seconds it took.

    Raises:
        CellExecutionError: a cell raised; the file keeps its old outputs.
    """
    notebook = nbformat.read(path, as_version=4)
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as empty:
        client = NotebookClient(
            notebook,
            timeout=1200,
            resources={"metadata": {"path": empty}},
            record_timing=False,
            coalesce_streams=True,
        )
        client.execute()
    seconds = time.perf_counter() - started
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            output.get("metadata", {}).clear()
    notebook.metadata.pop("widgets", None)
    notebook.metadata["kernelspec"] = KERNELSPEC
    # The patch version of Python would make every machine's run a change of the file.
    notebook.metadata["language_info"] = {"name": "python"}
    notebook.metadata["course"] = {"code_sha256": code_hash(notebook), "seconds": round(seconds)}
    nbformat.write(notebook, path)
    return seconds


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("notebooks", nargs="*", type=Path)
    parser.add_argument("--all", action="store_true", help="run every notebook of the book")
    arguments = parser.parse_args()
    found = [p for p in sorted(BOOK.rglob("*.ipynb")) if ".ipynb_checkpoints" not in p.parts]
    if arguments.notebooks:
        chosen = arguments.notebooks
    else:
        chosen = [p for p in found if arguments.all or not is_current(nbformat.read(p, 4))]
    failed = False
    for path in chosen:
        try:
            print(f"{path}: {execute(path):.0f} s", flush=True)
        except CellExecutionError as error:
            message = re.sub(r"\x1b\[[0-9;]*m", "", str(error))  # nbclient colours its tracebacks
            print(f"{path}: failed, its old outputs are kept\n{message}", flush=True)
            failed = True
    if not chosen:
        print("Every notebook's outputs are those of its code: nothing to run.")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
