"""A measurement that was interrupted goes on: rows in the file stay, and are not made twice."""

import json
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def stored(monkeypatch, tmp_path):
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    from stored_rows import StoredRows

    yield StoredRows(tmp_path / "results" / "one.json", {"command": "python one.py"})
    sys.modules.pop("stored_rows")


def test_rows_are_kept_sorted_beside_the_facts(stored):
    assert stored.read() == {"validation": [], "runs": []}
    stored.add("runs", ["b", 1, 0.5])
    stored.add("runs", ["a", 1, 0.25])
    stored.add("validation", ["a", 0.1, 0.75])
    assert stored.read() == {
        "validation": [["a", 0.1, 0.75]],
        "runs": [["a", 1, 0.25], ["b", 1, 0.5]],
    }
    assert stored.has("runs", "a", 1)
    assert not stored.has("runs", "a", 2)
    assert not stored.has("validation", "b")
    content = json.loads(stored.path.read_text(encoding="utf-8"))
    assert content["command"] == "python one.py"
    assert set(content) == {"command", "machine", "versions", "validation", "runs"}


@pytest.mark.parametrize("name", ["adaptation", "transfer", "masked-autoencoder"])
def test_the_stored_files_are_read_whole(stored, name):
    stored.path = ROOT / "data" / "results" / f"{name}.json"
    content = json.loads(stored.path.read_text(encoding="utf-8"))
    assert stored.read() == {part: content[part] for part in ("validation", "runs")}
    assert all(stored.has("runs", *row) for row in content["runs"])
