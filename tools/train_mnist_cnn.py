"""Train the CNN on all of MNIST in the full profile: data/checkpoints/mnist-cnn.{npz,json}.

Usage: python tools/train_mnist_cnn.py SOURCE [--seed 0] [--epochs 20] [--output FOLDER]

SOURCE is "original" (Keras downloads MNIST) or the file that
``python data/prepare.py --full-mnist FILE`` writes from a package.
"""

import argparse
import hashlib
import os
import platform
from pathlib import Path

import course_utils as cu

NAME = "mnist-cnn"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("source")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--output", type=Path, default=None)
    arguments = parser.parse_args()

    cu.setup(seed=arguments.seed, profile="full")
    data = cu.datasets.load("mnist", source=arguments.source)
    model = cu.models.build_cnn(shift=0.07)
    history = cu.fit(model, data, epochs=arguments.epochs, batch_size=128, learning_rate=2e-3)
    x, y = data.train
    card = cu.checkpoints.CheckpointCard(
        name=NAME,
        builder="build_cnn",
        arguments={"shift": 0.07},
        command=f"python tools/train_mnist_cnn.py SOURCE --seed {arguments.seed} "
        f"--epochs {arguments.epochs}",
        seed=arguments.seed,
        data={
            "name": data.name,
            "split": f"all of MNIST; trained on {len(x)}, {len(data.validation[0])} held out",
            "sha256 of the training arrays": hashlib.sha256(x.tobytes() + y.tobytes()).hexdigest(),
        },
        metrics={
            "validation accuracy": round(history.metrics["val_accuracy"][-1], 4),
            "test accuracy": round(cu.evaluation.accuracy(model, *data.test), 4),
        },
        seconds=round(history.seconds, 1),
        machine=f"{os.cpu_count()} CPU cores, {platform.machine()}",
    )
    print(card.metrics, f"{card.seconds} s", cu.checkpoints.save(model, card, arguments.output))


if __name__ == "__main__":
    main()
