"""Garments to digits with few labels, by LoRA and otherwise. Writes data/results/adaptation.json.

    python benchmarks/adaptation.py

Runs that are in the file already are kept, so that it can be made in parts. The learning rate of
each method is the one that is best on 1,000 validation digits with seed 0; all ranks use that
of rank 4. Steps and batch size were set by hand. The test digits choose nothing.
"""

import time
from pathlib import Path

import keras
from stored_rows import StoredRows

import course_utils as cu
from course_utils import adaptation, pretrained

LABELS = 20
SEEDS = (0, 1, 2)
TESTED = 2000
RATES = {
    "last layer": (3e-3, 1e-2, 3e-2, 1e-1, 3e-1),
    "rank 4": (3e-3, 1e-2, 3e-2, 1e-1),
    "all weights": (3e-4, 1e-3, 3e-3, 1e-2),
}
STORED = StoredRows(
    Path(__file__).resolve().parents[1] / "data" / "results" / "adaptation.json",
    {
        "command": "python benchmarks/adaptation.py",
        "labels a class": LABELS,
        "test images": TESTED,
        "columns": {
            "validation": ["method", "learning rate", "accuracy"],
            "runs": ["method", "seed", "test accuracy", "seconds"],
        },
    },
)


def accuracy(method: str, seed: int, rate: float, held_out) -> float:
    """Accuracy on ``held_out`` after learning ``LABELS`` digits a class, drawn with ``seed``."""
    keras.utils.set_random_seed(seed)
    x, y = cu.datasets.load("mnist").train
    chosen = pretrained.few(y, LABELS, seed)
    model = adaptation.adapted(method)
    adaptation.teach(model, x[chosen], y[chosen], rate)
    return cu.evaluation.accuracy(model, *held_out)


def best_rate(method: str) -> float:
    """The learning rate that was best on validation digits; those not yet tried are tried now."""
    method = "rank 4" if method.startswith("rank") else method
    held_out = tuple(part[:1000] for part in cu.datasets.load("mnist").validation)
    for rate in RATES[method]:
        if not STORED.has("validation", method, rate):
            STORED.add("validation", [method, rate, round(accuracy(method, 0, rate, held_out), 4)])
    rows = [row for row in STORED.read()["validation"] if row[0] == method]
    return max(rows, key=lambda row: row[2])[1]


def main() -> None:
    cu.setup(seed=0, precision="float32")
    test = tuple(part[:TESTED] for part in cu.datasets.load("mnist").test)
    for method in adaptation.METHODS:
        rate = best_rate(method)
        for seed in SEEDS:
            if not STORED.has("runs", method, seed):
                begin = time.perf_counter()
                reached = round(accuracy(method, seed, rate, test), 4)
                STORED.add("runs", [method, seed, reached, round(time.perf_counter() - begin, 1)])


if __name__ == "__main__":
    main()
