"""Few images a class: what a pretrained network gives. Writes data/results/transfer.json.

    python benchmarks/transfer.py [--methods probe cnn ...] [--tasks garments ...]

Runs that are in the file already are kept, so that it can be made in parts. The methods:

- ``probe``: a linear probe of the frozen network's last features;
- ``tuned``: fine-tuned, batch normalization frozen;
- ``thawed``: the same with batch normalization trained, too;
- ``cnn``: the course's small network from scratch;
- ``scratch``: the large network from random weights, trained as long as ``tuned``.

The learning rates of ``cnn`` and ``tuned`` (the probe's strength) are those that are best on 500
validation images of garments after training on ten a class; they are then used for all tasks
and numbers of images. ``scratch`` was run at 1e-3 before the larger rate was tried, which is
better on the validation images; these runs were too dear to repeat. The numbers of epochs were
set by hand. Test images choose nothing.
"""

import argparse
import time
from pathlib import Path

import keras
from stored_rows import StoredRows

import course_utils as cu
from course_utils import pretrained

TASKS = ("patches", "garments", "digits")
COUNTS = (5, 10, 50)
SEEDS = (0, 1, 2)
# Fine-tuning takes half a minute a run, so it has two seeds; its control is run where it counts.
METHODS = {
    "probe": (TASKS, COUNTS, SEEDS),
    "cnn": (TASKS, COUNTS, SEEDS),
    "tuned": (TASKS, COUNTS, SEEDS[:2]),
    "thawed": (("garments",), (10,), SEEDS[:2]),
    "scratch": (TASKS, COUNTS, SEEDS),
}
RATES = (1e-4, 3e-4, 1e-3, 3e-3)
SETTINGS = {"probe": (1e-3, 1e-2, 1e-1, 1.0), "cnn": RATES, "tuned": RATES, "scratch": RATES}
# By images a class. The small network's steps are short, and it needs more of them.
EPOCHS = {
    "cnn": {5: 150, 10: 100, 50: 30},
    "tuned": {5: 15, 10: 15, 50: 8},
    "scratch": {5: 15, 10: 15, 50: 8},
    "thawed": {10: 15},
}
SAME_SETTING = {"thawed": "tuned"}
FIXED = {"scratch": 1e-3}
SIZE = 64
TESTED = 500
STORED = StoredRows(
    Path(__file__).resolve().parents[1] / "data" / "results" / "transfer.json",
    {
        "command": "python benchmarks/transfer.py",
        "test images": TESTED,
        "columns": {
            "validation": ["method", "learning rate or strength", "accuracy"],
            "runs": ["task", "method", "images a class", "seed", "test accuracy", "seconds"],
        },
    },
)


def task(name: str, split: str = "test"):
    """(training pool, held-out images): 60 a class to draw from; 500 to test on."""
    if name == "patches":
        cut = cu.datasets.photograph_patches
        return cut("train", 60), cut(split, TESTED // 10)
    data = cu.datasets.load({"garments": "fashion_mnist", "digits": "mnist"}[name])
    pool = pretrained.few(data.train[1], 60, seed=0)
    held_out = getattr(data, split)
    return tuple(part[pool] for part in data.train), tuple(part[:TESTED] for part in held_out)


def trained(model, x, y, epochs: int, rate: float):
    """Adam with a cosine decay, small batches; no early stopping."""
    steps = epochs * -(-len(x) // 20)
    model.compile(
        optimizer=keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(rate, steps)),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    model.fit(x, y, epochs=epochs, batch_size=20, verbose=0)
    return model


def accuracy(
    method: str, pool, held_out, count: int, seed: int, *, flip: bool, setting: float
) -> float:
    """Accuracy on ``held_out`` after training on ``count`` images a class drawn with ``seed``.

    ``setting`` is the learning rate, or the strength of the probe.
    """
    keras.utils.set_random_seed(seed)
    chosen = pretrained.few(pool[1], count, seed)
    x, y = pool[0][chosen], pool[1][chosen]
    if method == "cnn":
        model = cu.models.build_cnn(x.shape[1:], flip=flip)
        model = trained(model, x, y, EPOCHS[method][count], setting)
        return cu.evaluation.accuracy(model, *held_out)
    x, seen = (pretrained.prepare(images, SIZE) for images in (x, held_out[0]))
    weights = None if method == "scratch" else "imagenet"
    network = pretrained.load(input_shape=(SIZE, SIZE, 3), weights=weights)
    if method == "probe":
        x, seen = (network.predict(images, verbose=0) for images in (x, seen))
        return float(pretrained.linear_probe(x, y, setting).score(seen, held_out[1]))
    model = pretrained.classifier(network, 10, freeze_batch_norm=method == "tuned", flip=flip)
    model = trained(model, x, y, EPOCHS[method][count], setting)
    return cu.evaluation.accuracy(model, seen, held_out[1])


def validated(method: str) -> float:
    """The setting that was best on validation images; those not yet tried are tried now."""
    method = SAME_SETTING.get(method, method)
    pool, held_out = task("garments", "validation")
    for setting in SETTINGS[method]:
        if STORED.has("validation", method, setting):
            continue
        reached = accuracy(method, pool, held_out, 10, 0, flip=True, setting=setting)
        STORED.add("validation", [method, setting, rounded(reached)])
    rows = [row for row in STORED.read()["validation"] if row[0] == method]
    return max(rows, key=lambda row: row[2])[1]


def rounded(accuracy: float) -> float:
    return round(float(accuracy), 4)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=list(METHODS))
    parser.add_argument("--tasks", nargs="+", choices=TASKS, default=TASKS)
    arguments = parser.parse_args()
    cu.setup(seed=0)
    for method in arguments.methods:
        tasks, counts, seeds = METHODS[method]
        setting = FIXED.get(method) or validated(method)
        for name in [one for one in arguments.tasks if one in tasks]:
            pool, test = task(name)
            for run in [[name, method, count, seed] for count in counts for seed in seeds]:
                if STORED.has("runs", *run):
                    continue
                started = time.perf_counter()
                flip = name != "digits"
                reached = accuracy(method, pool, test, *run[2:], flip=flip, setting=setting)
                seconds = round(time.perf_counter() - started, 1)
                STORED.add("runs", [*run, rounded(reached), seconds])


if __name__ == "__main__":
    main()
