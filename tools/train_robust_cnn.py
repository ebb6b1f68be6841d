"""Train a CNN that withstands attacks on digits: data/checkpoints/mnist-robust-cnn.{npz,json}.

Usage: python tools/train_robust_cnn.py [--seed 0] [--epochs 2 2 6] [--output FOLDER]

Adversarial training at ε = 0.1, 0.2 and 0.3 in turn: begun at 0.3 at once, this small network
learns nothing, because the first attacks erase all that there is to learn.
"""

import argparse
import os
import platform
import time
from pathlib import Path

import keras
import numpy as np

import course_utils as cu

NAME = "mnist-robust-cnn"
EPSILONS = (0.1, 0.2, 0.3)
BUILDER_ARGUMENTS = {
    "widths": [16, 32],
    "dense_width": 64,
    "dropout": 0.0,
    "batch_norm": False,
    "shift": 0.0,
}
# Attacked images of each of the other two splits, and the attacker's steps.
HELD_OUT = 1000
STEPS = 40


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, nargs=len(EPSILONS), default=[2, 2, 6])
    parser.add_argument("--output", type=Path, default=None)
    arguments = parser.parse_args()

    # float32: signs of small gradients are what this is about.
    cu.setup(seed=arguments.seed, precision="float32")
    data = cu.datasets.load("mnist")
    model = cu.models.build_cnn(**BUILDER_ARGUMENTS)
    started, cpu = time.perf_counter(), time.process_time()
    for epsilon, epochs in zip(EPSILONS, arguments.epochs, strict=True):
        history = cu.fit(
            cu.attacks.AdversarialTraining(model, epsilon, steps=5),
            data,
            epochs=epochs,
            batch_size=64,
            learning_rate=2e-3,
        )
        print(epsilon, history.metrics, flush=True)
    seconds, cpu = time.perf_counter() - started, time.process_time() - cpu

    card = cu.checkpoints.CheckpointCard(
        name=NAME,
        builder="build_cnn",
        arguments=BUILDER_ARGUMENTS,
        command=f"python tools/train_robust_cnn.py --seed {arguments.seed} "
        f"--epochs {' '.join(map(str, arguments.epochs))}",
        seed=arguments.seed,
        data={
            "name": data.name,
            "split": f"train, {len(data.train[0])} images; attacked: the first {HELD_OUT} of "
            "validation and test",
            "sha256": {name: file["sha256"] for name, file in data.card.files.items()},
        },
        metrics={},
        seconds=round(seconds, 1),
        machine=f"{os.cpu_count()} CPU cores, {platform.machine()}",
    )
    path = cu.checkpoints.save_measured(
        model,
        card,
        lambda stored: (
            measure(stored, "validation", data.validation)
            | measure(stored, "test", data.test)
            | {"CPU seconds": round(cpu, 1)}
        ),
        arguments.output,
    )
    print(card.metrics, path.name)


def measure(
    model: keras.Model, name: str, split: tuple[np.ndarray, np.ndarray]
) -> dict[str, float]:
    """Accuracy on the whole split, and under attack on its first images."""
    x, y = (part[:HELD_OUT] for part in split)
    found = {f"{name} accuracy": cu.evaluation.accuracy(model, *split)}
    for epsilon in EPSILONS:
        attacked = cu.attacks.pgd(model, x, y, epsilon, steps=STEPS)
        found[f"{name} accuracy, PGD-{STEPS}, ε = {epsilon}"] = cu.evaluation.accuracy(
            model, attacked, y
        )
    return {key: round(value, 4) for key, value in found.items()}


if __name__ == "__main__":
    main()
