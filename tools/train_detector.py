"""Train the detector that ships: data/checkpoints/scenes-centernet.{npz,json}.

Usage: python tools/train_detector.py [--seed 0] [--scenes 16000] [--epochs 6] [--output FOLDER]

Every epoch sees the same scenes, mirrored and with their colour channels exchanged at random:
fifteen photographs are few, and so the network cannot learn them by their colours.
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
from course_utils.datasets.scenes import SCENE_PHOTOGRAPHS

NAME = "scenes-centernet"
BUILDER_ARGUMENTS = {"num_classes": len(SCENE_CLASSES)}
BATCH = 16
LEARNING_RATE = 4e-3
HELD_OUT = 1000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--scenes", type=int, default=16000)
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--output", type=Path, default=None)
    arguments = parser.parse_args()

    cu.setup(seed=arguments.seed)
    scenes = cu.datasets.scenes("train", arguments.scenes, seed=arguments.seed)
    model = cu.models.build_centernet(**BUILDER_ARGUMENTS)
    steps = arguments.epochs * (arguments.scenes // BATCH)
    schedule = keras.optimizers.schedules.CosineDecay(
        0.0, steps - steps // 10, warmup_target=LEARNING_RATE, warmup_steps=steps // 10
    )
    cu.detection.compile_detector(model, keras.optimizers.Adam(schedule))
    batches = Batches(scenes, arguments.seed)
    started, cpu = time.perf_counter(), time.process_time()
    model.fit(batches, epochs=arguments.epochs, verbose=2)
    seconds, cpu = time.perf_counter() - started, time.process_time() - cpu

    card = cu.checkpoints.CheckpointCard(
        name=NAME,
        builder="build_centernet",
        arguments=BUILDER_ARGUMENTS,
        command=f"python tools/train_detector.py --seed {arguments.seed} "
        f"--scenes {arguments.scenes} --epochs {arguments.epochs}",
        seed=arguments.seed,
        data={
            "name": "scenes",
            "split": f"train, {arguments.scenes} scenes; {HELD_OUT} of each other split held out",
            "photographs": {split: list(names) for split, names in SCENE_PHOTOGRAPHS.items()},
            "garments": "fashion_mnist",
            "sha256": {
                name: file["sha256"]
                for name, file in cu.datasets.card("fashion_mnist").files.items()
            },
        },
        metrics={},
        seconds=round(seconds, 1),
        machine=f"{os.cpu_count()} CPU cores, {platform.machine()}",
    )
    # What ships is what is measured: the weights as they are stored, in 16 bits.
    cu.checkpoints.save(model, card, arguments.output, half=True)
    stored = cu.checkpoints.load(NAME, arguments.output)
    card.metrics.update(measure(stored, "validation") | measure(stored, "test"))
    card.metrics["CPU seconds"] = round(cpu, 1)
    print(card.metrics, cu.checkpoints.save(model, card, arguments.output, half=True).name)


class Batches(keras.utils.PyDataset):
    """Scenes in a new order every epoch, mirrored and recoloured, with their target maps."""

    def __init__(self, scenes: cu.datasets.Scenes, seed: int):
        super().__init__()
        self.scenes, self.rng = scenes, np.random.default_rng(seed)
        self.on_epoch_end()

    def __len__(self) -> int:
        return len(self.scenes.labels) // BATCH

    def on_epoch_end(self) -> None:
        self.order = self.rng.permutation(len(self.scenes.labels))

    def __getitem__(self, index: int) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        picked = self.order[BATCH * index : BATCH * (index + 1)]
        images, boxes = self.scenes.images[picked], self.scenes.boxes[picked]
        mirrored = self.rng.random(len(picked)) < 0.5
        images[mirrored] = images[mirrored, :, ::-1]
        width = images.shape[2]
        boxes[mirrored, :, ::2] = width - boxes[mirrored, :, 2::-2]  # right becomes left
        images = np.stack([one[..., self.rng.permutation(3)] for one in images])
        labels = self.scenes.labels[picked]
        targets = cu.detection.encode(boxes, labels, images.shape[1:3], len(SCENE_CLASSES))
        return images, targets


def measure(model: keras.Model, split: str) -> dict[str, float]:
    """COCO's averages on held-out scenes, and each class's AP at IoU 0.5."""
    truth = cu.datasets.scenes(split, HELD_OUT)
    result = cu.detection.coco_map(
        cu.detection.detect(model, truth.images), truth, len(SCENE_CLASSES)
    )
    found = {"mAP@0.5": result.ap50, "mAP@[.5:.95]": result.ap, "AP@0.75": result.ap75}
    found |= {f"AP@0.5 {c}": ap for c, ap in zip(SCENE_CLASSES, result.per_class50, strict=True)}
    return {f"{split} {name}": round(float(value), 4) for name, value in found.items()}


if __name__ == "__main__":
    main()
