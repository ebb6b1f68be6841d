"""Train the U-Net on scenes: data/checkpoints/scenes-unet.{npz,json}.

Usage: python tools/train_unet.py [--without-skips | --losses] [--rounds 18] [--output FOLDER]

``--without-skips`` trains the same network without its bridges on the same scenes:
scenes-unet-without-skips.{npz,json}. ``--losses`` trains the U-Net with three losses and writes
how they compare on the validation split to data/results/segmentation.json.
"""

import argparse
import json
import os
import platform
import time
from pathlib import Path

import numpy as np

import course_utils as cu

WIDTH, SCENES_A_ROUND, BATCH, LEARNING_RATE = 8, 1500, 4, 3e-3
LOSSES = {"cross-entropy": (1, 0), "Dice": (0, 1), "both": (1, 1)}


def train(skips: bool, rounds: int, weights: tuple[float, float], seed: int):
    """A U-Net that saw ``rounds`` times new scenes, and the seconds it took."""
    import keras

    from course_utils import segmentation

    keras.utils.set_random_seed(seed)
    model = cu.models.build_unet((None, None, 3), width=WIDTH, skips=skips)
    steps = rounds * -(-SCENES_A_ROUND // BATCH)
    schedule = keras.optimizers.schedules.CosineDecay(
        0.0, steps - steps // 10, warmup_target=LEARNING_RATE, warmup_steps=steps // 10
    )
    model.compile(keras.optimizers.Adam(schedule), segmentation.SegmentationLoss(*weights))
    rng = np.random.default_rng(seed)
    started = time.perf_counter()
    for i in range(rounds):
        # More garments than a test scene has: more to learn from every picture.
        scenes_seed = 1000 * (seed + 1) + i
        new = cu.datasets.scenes("train", SCENES_A_ROUND, objects=(3, 8), seed=scenes_seed)
        images, masks = segmentation.augment(new.images, new.masks, rng)
        history = model.fit(images, masks, batch_size=BATCH, verbose=0)
        print(f"round {i + 1} of {rounds}: loss {history.history['loss'][0]:.3f}", flush=True)
    return model, time.perf_counter() - started


def measured(model, split: str, count: int) -> dict[str, float]:
    """The metrics of one split, by name."""
    from course_utils import segmentation

    scenes = cu.datasets.scenes(split, count)
    predicted = segmentation.segment(model, scenes.images).argmax(-1)
    iou = segmentation.class_iou(scenes.masks, predicted, 6)
    names = ("background", *cu.datasets.SCENE_CLASSES)
    return {
        f"{split} mean IoU": round(float(iou.mean()), 4),
        f"{split} pixel accuracy": round(float(np.mean(scenes.masks == predicted)), 4),
        f"{split} boundary IoU": round(
            float(segmentation.boundary_iou(scenes.masks, predicted, 6).mean()), 4
        ),
        **{f"{split} IoU, {n}": round(float(v), 4) for n, v in zip(names, iou, strict=True)},
    }


def compare_losses(rounds: int, seed: int, folder: Path) -> None:
    from course_utils import segmentation

    scenes = cu.datasets.scenes("validation", 300)
    runs = {}
    for name, weights in LOSSES.items():
        model, seconds = train(True, rounds, weights, seed)
        predicted = segmentation.segment(model, scenes.images).argmax(-1)
        iou = segmentation.class_iou(scenes.masks, predicted, 6)
        runs[name] = {"class IoU": [round(float(v), 4) for v in iou], "seconds": round(seconds, 1)}
        print(name, iou.mean(), runs[name], flush=True)
    stored = {
        "command": f"python tools/train_unet.py --losses --rounds {rounds} --seed {seed}",
        "machine": f"{os.cpu_count()} CPU cores, {platform.machine()}",
        "scenes": rounds * SCENES_A_ROUND,
        "runs": runs,
    }
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(stored, indent=2) + "\n"
    (folder / "segmentation.json").write_text(text, encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--without-skips", action="store_true")
    parser.add_argument("--losses", action="store_true")
    parser.add_argument("--rounds", type=int, default=18)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, default=None)
    arguments = parser.parse_args()

    cu.setup(seed=arguments.seed, profile="full")
    checkpoints = arguments.output or cu.checkpoints.folder()
    if arguments.losses:
        compare_losses(arguments.rounds, arguments.seed, checkpoints.parent / "results")
        return
    skips = not arguments.without_skips
    model, seconds = train(skips, arguments.rounds, LOSSES["both"], arguments.seed)
    card = cu.checkpoints.CheckpointCard(
        name="scenes-unet" if skips else "scenes-unet-without-skips",
        builder="build_unet",
        arguments={"input_shape": [None, None, 3], "width": WIDTH, "skips": skips},
        command="python tools/train_unet.py"
        + ("" if skips else " --without-skips")
        + f" --rounds {arguments.rounds} --seed {arguments.seed}",
        seed=arguments.seed,
        data={
            "name": "scenes",
            "split": f"{arguments.rounds * SCENES_A_ROUND} training scenes of 3 to 8 garments; "
            "measured on 300 validation and 500 test scenes of 1 to 4",
        },
        metrics={},
        seconds=round(seconds, 1),
        machine=f"{os.cpu_count()} CPU cores, {platform.machine()}",
    )
    # Measured are the kernels that are stored, of 16 bits, not those that were trained.
    cu.checkpoints.save(model, card, checkpoints, half=True)
    model = cu.checkpoints.load(card.name, checkpoints)
    card.metrics.update(parameters=model.count_params(), **measured(model, "validation", 300))
    card.metrics.update(measured(model, "test", 500))
    print(
        card.metrics, f"{card.seconds} s", cu.checkpoints.save(model, card, checkpoints, half=True)
    )


if __name__ == "__main__":
    main()
