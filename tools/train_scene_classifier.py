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
from scene_batches import SceneBatches

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
    batches = SceneBatches(scenes, BATCH, arguments.seed, lambda boxes, labels: labels[:, 0])
    model.fit(batches, epochs=arguments.epochs, verbose=2)
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
    path = cu.checkpoints.save_measured(
        model,
        card,
        lambda stored: measure(stored) | {"CPU seconds": round(cpu, 1)},
        arguments.output,
    )
    print(card.metrics, path.name)


def measure(model: keras.Model) -> dict[str, float]:
    """Accuracy on held-out scenes of one garment."""
    found = {}
    for split in ("validation", "test"):
        held_out = cu.datasets.scenes(split, HELD_OUT, size=SIZE, objects=(1, 1))
        accuracy = cu.evaluation.accuracy(model, held_out.images, held_out.labels[:, 0])
        found[f"{split} accuracy"] = round(accuracy, 4)
    return found


if __name__ == "__main__":
    main()
