"""Train the judge of generated garments: data/checkpoints/fashion-judge.{npz,json}.

Usage: python tools/train_judge.py [--seed 0] [--epochs 12] [--output FOLDER]
"""

import argparse
import os
import platform
from pathlib import Path

import course_utils as cu

NAME = "fashion-judge"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--output", type=Path, default=None)
    arguments = parser.parse_args()

    # float32: the features are compared to fractions of a unit.
    cu.setup(seed=arguments.seed, precision="float32")
    data = cu.datasets.load("fashion_mnist")
    judge = cu.models.build_judge()
    history = cu.fit(judge, data, epochs=arguments.epochs, batch_size=128, learning_rate=2e-3)
    card = cu.checkpoints.CheckpointCard(
        name=NAME,
        builder="build_judge",
        arguments={},
        command=f"python tools/train_judge.py --seed {arguments.seed} --epochs {arguments.epochs}",
        seed=arguments.seed,
        data={
            "name": data.name,
            "split": f"train, {len(data.train[0])} images",
            "sha256": {name: file["sha256"] for name, file in data.card.files.items()},
        },
        metrics={
            "validation accuracy": round(history.metrics["val_accuracy"][-1], 4),
            "test accuracy": round(cu.evaluation.accuracy(judge, *data.test), 4),
        },
        seconds=round(history.seconds, 1),
        machine=f"{os.cpu_count()} CPU cores, {platform.machine()}",
    )
    print(
        card.metrics, f"{card.seconds} s", cu.checkpoints.save(judge, card, arguments.output).name
    )


if __name__ == "__main__":
    main()
