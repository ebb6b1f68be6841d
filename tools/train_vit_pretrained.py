"""Train the vision Transformer on garments that the page on LoRA adapts: fashion-vit.

Usage: python tools/train_vit_pretrained.py [--seed 0] [--epochs 10] [--output FOLDER]

Writes data/checkpoints/fashion-vit.{npz,json}, kernels in 16 bits; the card's accuracies are those
of the stored weights.
"""

import argparse
import os
import platform
import tempfile
from dataclasses import replace
from pathlib import Path

import course_utils as cu

NAME = "fashion-vit"
ARGUMENTS = {"patch_size": 7, "width": 64, "heads": 4, "blocks": 3, "mlp_width": 128}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--output", type=Path, default=None)
    arguments = parser.parse_args()

    cu.setup(seed=arguments.seed, precision="float32")
    data = cu.datasets.load("fashion_mnist")
    model = cu.models.build_vit(**ARGUMENTS)
    history = cu.fit(model, data, epochs=arguments.epochs, batch_size=64, learning_rate=2e-3)
    card = cu.checkpoints.CheckpointCard(
        name=NAME,
        builder="build_vit",
        arguments=ARGUMENTS,
        command=f"python tools/train_vit_pretrained.py --seed {arguments.seed} "
        f"--epochs {arguments.epochs}",
        seed=arguments.seed,
        data={
            "name": data.name,
            "split": f"train, {len(data.train[0])} images",
            "sha256": {name: file["sha256"] for name, file in data.card.files.items()},
        },
        metrics={},
        seconds=round(history.seconds, 1),
        machine=f"{os.cpu_count()} CPU cores, {platform.machine()}",
    )
    with tempfile.TemporaryDirectory() as folder:
        cu.checkpoints.save(model, card, Path(folder), half=True)
        stored = cu.checkpoints.load(NAME, Path(folder))
    metrics = {
        "validation accuracy": round(cu.evaluation.accuracy(stored, *data.validation), 4),
        "test accuracy": round(cu.evaluation.accuracy(stored, *data.test), 4),
    }
    path = cu.checkpoints.save(model, replace(card, metrics=metrics), arguments.output, half=True)
    print(metrics, f"{card.seconds} s", path.name)


if __name__ == "__main__":
    main()
