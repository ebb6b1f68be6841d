"""A file of results that a long measurement fills row by row, and goes on with where it stopped."""

import json
import os
import platform
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf


class StoredRows:
    """Rows in the parts ``validation`` and ``runs`` of a JSON file.

    Args:
        path: the file.
        facts: what stands before the rows: the command, the columns, what was measured on.
    """

    def __init__(self, path: Path, facts: dict[str, Any]):
        self.path, self.facts = path, facts

    def read(self) -> dict[str, list]:
        """Both parts, read anew each time, as another process may add to them."""
        stored = json.loads(self.path.read_text(encoding="utf-8")) if self.path.is_file() else {}
        return {part: stored.get(part, []) for part in ("validation", "runs")}

    def has(self, part: str, *key: Any) -> bool:
        """Whether a part has a row that begins with ``key``."""
        return any(row[: len(key)] == list(key) for row in self.read()[part])

    def add(self, part: str, row: list) -> None:
        """Write a row into a part of the file, and say so."""
        rows = self.read()
        rows[part] = sorted([*rows[part], row])
        facts = {
            "machine": f"{os.cpu_count()} CPU cores, {platform.machine()}",
            "versions": {"tensorflow": tf.__version__, "keras": keras.__version__},
        }
        self.path.parent.mkdir(parents=True, exist_ok=True)
        text = json.dumps(self.facts | facts | rows)
        text = text.replace("[[", "[\n  [").replace("], [", "],\n  [")
        self.path.write_text(text + "\n", encoding="utf-8")
        print(part, *row, flush=True)
