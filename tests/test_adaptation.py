"""What learns, by method; what the optimizer keeps; what was stored."""

import json

import numpy as np
import pytest

from course_utils import adaptation, checkpoints

pytestmark = pytest.mark.usefixtures("float32")


def test_each_method_teaches_as_many_numbers_as_counted_by_hand():
    head = 64 * 10 + 10
    base = sum(np.prod(w.shape) for w in checkpoints.load(adaptation.BASE).trainable_variables)
    assert adaptation.learnt(adaptation.adapted("last layer")) == head
    # Three blocks, queries and values, 64 × 64 each.
    assert adaptation.learnt(adaptation.adapted("rank 4")) == 3 * 2 * (64 + 64) * 4 + head
    assert adaptation.learnt(adaptation.adapted("all weights")) == base


def test_teaching_changes_what_learns_and_only_that():
    model = adaptation.adapted("rank 2", num_classes=3)
    before = {w.path: np.asarray(w) for w in model.variables}
    x = np.random.default_rng(0).random((12, 28, 28, 1), dtype=np.float32)
    assert adaptation.teach(model, x, np.arange(12) % 3, 1e-2, steps=3, batch_size=4) > 0
    learning = {w.path for w in model.trainable_variables}
    changed = {w.path for w in model.variables if not np.array_equal(before[w.path], w)}
    assert {path for path in changed if "seed" not in path} == learning
    assert adaptation.optimizer_bytes(model) == 2 * 4 * adaptation.learnt(model)


def test_another_method_is_refused():
    for method in ("rank", "rank one", "nothing"):
        with pytest.raises(ValueError, match=f"rank 8, all weights, not '{method}'"):
            adaptation.adapted(method)


def test_stored_results_are_found_by_method(monkeypatch, tmp_path):
    (tmp_path / "results").mkdir()
    rows = [["rank 2", 0, 0.8, 5.0], ["rank 2", 1, 0.9, 5.0], ["last layer", 0, 0.7, 4.0]]
    tried = [["rank 4", 0.1, 0.6], ["rank 4", 0.2, 0.9], ["all weights", 0.3, 0.8]]
    stored = {"validation": tried, "runs": rows}
    (tmp_path / "results" / "adaptation.json").write_text(json.dumps(stored))
    monkeypatch.setattr("course_utils.results.folder", lambda: tmp_path)
    found = adaptation.measured()
    assert found["rank 2"] == [0.8, 0.9]
    assert found["last layer"] == [0.7]
    assert found["rank 8"] == []
    assert adaptation.best_rate("rank 1") == 0.2
    assert adaptation.best_rate("all weights") == 0.3
