"""Measure what pretraining without labels is worth: masked-autoencoder.json.

Usage: python benchmarks/masked_autoencoder.py [METHOD ...]

Writes data/results/masked-autoencoder.json. The encoder of the checkpoint fashion-mae is probed
(logistic regression on its features), fine-tuned, and compared with the same encoder from random
weights at 1 %, 10 % and 100 % of the labels. Fine-tuning and training from scratch get the same
optimizer and number of steps, each the learning rate that was best for it on the validation split;
so does the strength of every probe. The test split is touched once a run. Runs that are in the
file already are kept, so that it can be made in parts.
"""

import argparse
import time

import keras
import numpy as np
from stored_rows import StoredRows

import course_utils as cu
from course_utils import adaptation, masking
from course_utils.datasets.registry import folder

CHECKPOINT = "fashion-mae"
PROBES = ("pixels", "random encoder", "probe")
TAUGHT = ("from scratch", "fine-tuned")
# Labels in percent: images a class, steps, batch size, seeds.
SHARES = {1: (15, 200, 32, 3), 10: (150, 300, 32, 3), 100: (None, 600, 64, 1)}
RATES = (1e-3, 3e-3)
STORED = StoredRows(
    folder() / "results" / "masked-autoencoder.json",
    {
        "command": "python benchmarks/masked_autoencoder.py",
        "columns": {
            "validation": ["method", "share of the labels in %", "rate or C", "accuracy"],
            "runs": ["method", "share of the labels in %", "seed", "test accuracy", "seconds"],
        },
    },
)


def network(method: str, seed: int) -> keras.Model:
    """The autoencoder that a method starts from."""
    keras.utils.set_random_seed(seed)
    pretrained = method in ("probe", "fine-tuned")
    return cu.checkpoints.load(CHECKPOINT) if pretrained else cu.models.build_mae()


def chosen(labels: np.ndarray, share: int, seed: int) -> np.ndarray:
    """Indices of the labels that a run may use."""
    per_class = SHARES[share][0]
    if per_class is None:
        return np.arange(len(labels))
    return cu.pretrained.few(labels, per_class, seed=seed)


def probe(method: str, data: cu.datasets.Dataset) -> None:
    splits = [data.train[0], data.validation[0], data.test[0]]
    if method != "pixels":
        encoder = cu.models.mae_encoder(network(method, seed=0))
        splits = [encoder.predict(x, batch_size=500, verbose=0) for x in splits]
    train, check, test = (x.reshape(len(x), -1) for x in splits)
    for share, (_, _, _, seeds) in SHARES.items():
        for seed in range(seeds):
            if STORED.has("runs", method, share, seed):
                continue
            started = time.perf_counter()
            some = chosen(data.train[1], share, seed)
            validation = (check, data.validation[1])
            best, tried = masking.probe(train[some], data.train[1][some], validation)
            seconds = round(time.perf_counter() - started, 1)
            if seed == 0:
                for strength, accuracy in tried.items():
                    STORED.add("validation", [method, share, strength, round(accuracy, 4)])
            accuracy = round(float(best.score(test, data.test[1])), 4)
            STORED.add("runs", [method, share, seed, accuracy, seconds])


def teach(method: str, data: cu.datasets.Dataset) -> None:
    def taught(share: int, rate: float, seed: int) -> keras.Model:
        _, steps, batch, _ = SHARES[share]
        some = chosen(data.train[1], share, seed)
        model = cu.models.mae_classifier(network(method, seed))
        x, y = (part[some] for part in data.train)
        adaptation.teach(model, x, y, rate, steps=steps, batch_size=batch)
        return model

    for share, (_, _, _, seeds) in SHARES.items():
        # All labels take the rate that was best with a tenth of them.
        tuned = min(share, 10)
        rows = STORED.read()["validation"]
        tried = {row[2]: row[3] for row in rows if row[:2] == [method, tuned]}
        for rate in RATES:
            if rate not in tried:
                accuracy = cu.evaluation.accuracy(taught(tuned, rate, 0), *data.validation)
                tried[rate] = round(accuracy, 4)
                STORED.add("validation", [method, tuned, rate, tried[rate]])
        best = max(tried, key=tried.get)
        for seed in range(seeds):
            if not STORED.has("runs", method, share, seed):
                started = time.perf_counter()
                model = taught(share, best, seed)
                seconds = round(time.perf_counter() - started, 1)
                accuracy = round(cu.evaluation.accuracy(model, *data.test), 4)
                STORED.add("runs", [method, share, seed, accuracy, seconds])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("methods", nargs="*", metavar="METHOD", default=[*PROBES, *TAUGHT])
    methods = parser.parse_args().methods
    if unknown := set(methods) - {*PROBES, *TAUGHT}:
        parser.error(f"METHOD must be one of {PROBES + TAUGHT}, not {sorted(unknown)}.")

    cu.setup(seed=0, precision="float32")
    data = cu.datasets.load("fashion_mnist")
    for method in methods:
        (probe if method in PROBES else teach)(method, data)


if __name__ == "__main__":
    main()
