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
from scene_batches import SceneBatches

import course_utils as cu
from course_utils.datasets import SCENE_CLASSES
from course_utils.datasets.scenes import SCENE_PHOTOGRAPHS

NAME = "scenes-centernet"
BUILDER_ARGUMENTS = {"num_classes": len(SCENE_CLASSES)}
BATCH = 16
SIZE = 96  # of the scenes, the default
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
    batches = SceneBatches(scenes, BATCH, arguments.seed, targets)
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
    path = cu.checkpoints.save_measured(
        model,
        card,
        lambda stored: (
            measure(stored, "validation") | measure(stored, "test") | {"CPU seconds": round(cpu, 1)}
        ),
        arguments.output,
    )
    print(card.metrics, path.name)


def targets(boxes: np.ndarray, labels: np.ndarray) -> dict[str, np.ndarray]:
    """The maps that the network should answer with."""
    return cu.detection.encode(boxes, labels, (SIZE, SIZE), len(SCENE_CLASSES))


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
