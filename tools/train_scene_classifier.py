"""Train the classifier that is asked to explain itself: data/checkpoints/scenes-resnet.{npz,json}.

Usage: python tools/train_scene_classifier.py [--seed 0] [--scenes 10000] [--epochs 8]
       [--output FOLDER]

Each training scene holds one garment, and the label is its class alone: nobody tells the
network where it is.
"""

import argparse
import os
import platform
import time
from pathlib import Path

import keras
import numpy as np

import course_utils as cu
from course_utils.datasets import SCENE_CLASSES

NAME = "scenes-resnet"
SIZE = 64
BUILDER_ARGUMENTS = {
    "blocks": [1, 1],
    "widths": [32, 64],
    "imagenet_stem": True,
    "input_shape": [SIZE, SIZE, 3],
    "num_classes": len(SCENE_CLASSES),
}
BATCH = 32
LEARNING_RATE = 4e-3
HELD_OUT = 1000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--scenes", type=int, default=10000)
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--output", type=Path, default=None)
    arguments = parser.parse_args()

    cu.setup(seed=arguments.seed)
    scenes = cu.datasets.scenes(
        "train", arguments.scenes, size=SIZE, objects=(1, 1), seed=arguments.seed
    )
    model = cu.models.build_resnet(**BUILDER_ARGUMENTS)
    steps = arguments.epochs * (arguments.scenes // BATCH)
    schedule = keras.optimizers.schedules.CosineDecay(
        0.0, steps - steps // 10, warmup_target=LEARNING_RATE, warmup_steps=steps // 10
    )
    model.compile(
        optimizer=keras.optimizers.AdamW(schedule, weight_decay=0.01),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    started, cpu = time.perf_counter(), time.process_time()
    model.fit(Batches(scenes, arguments.seed), epochs=arguments.epochs, verbose=2)
    seconds, cpu = time.perf_counter() - started, time.process_time() - cpu

    card = cu.checkpoints.CheckpointCard(
        name=NAME,
        builder="build_resnet",
        arguments=BUILDER_ARGUMENTS,
        command=f"python tools/train_scene_classifier.py --seed {arguments.seed} "
        f"--scenes {arguments.scenes} --epochs {arguments.epochs}",
        seed=arguments.seed,
        data={
            "name": "scenes",
            "split": f"train, {arguments.scenes} scenes of one garment, {SIZE} × {SIZE}; "
            f"{HELD_OUT} of each other split held out",
            "sha256": {
                file: facts["sha256"]
                for file, facts in cu.datasets.card("fashion_mnist").files.items()
            },
        },
        metrics={},
        seconds=round(seconds, 1),
        machine=f"{os.cpu_count()} CPU cores, {platform.machine()}",
    )
    # What ships is what is measured: the weights as they are stored, in 16 bits.
    cu.checkpoints.save(model, card, arguments.output, half=True)
    stored = cu.checkpoints.load(NAME, arguments.output)
    for split in ("validation", "test"):
        held_out = cu.datasets.scenes(split, HELD_OUT, size=SIZE, objects=(1, 1))
        accuracy = cu.evaluation.accuracy(stored, held_out.images, held_out.labels[:, 0])
        card.metrics[f"{split} accuracy"] = round(accuracy, 4)
    card.metrics["CPU seconds"] = round(cpu, 1)
    print(card.metrics, cu.checkpoints.save(model, card, arguments.output, half=True).name)


class Batches(keras.utils.PyDataset):
    """Scenes in a new order every epoch, mirrored and with exchanged colour channels.

    Fifteen photographs are few: the network shall not know them by their colours.
    """

    def __init__(self, scenes: cu.datasets.Scenes, seed: int):
        super().__init__()
        self.scenes, self.rng = scenes, np.random.default_rng(seed)
        self.on_epoch_end()

    def __len__(self) -> int:
        return len(self.scenes.labels) // BATCH

    def on_epoch_end(self) -> None:
        self.order = self.rng.permutation(len(self.scenes.labels))

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        picked = self.order[BATCH * index : BATCH * (index + 1)]
        images, labels = self.scenes.images[picked], self.scenes.labels[picked, 0]
        mirrored = self.rng.random(len(picked)) < 0.5
        images[mirrored] = images[mirrored, :, ::-1]
        return np.stack([one[..., self.rng.permutation(3)] for one in images]), labels


if __name__ == "__main__":
    main()
