"""Pretrain the masked autoencoder on garments without labels: fashion-mae.

Usage: python tools/pretrain_mae.py [--seed 0] [--epochs 80] [--output FOLDER]

Writes data/checkpoints/fashion-mae.{npz,json}, kernels in 16 bits; the losses on the card are those
of the stored weights, on hidden patches of images that were not trained on. AdamW, warm-up and
cosine decay as in the paper (He et al. 2022, arXiv:2111.06377, Table 8).
"""

import argparse
import os
import platform
import time
from pathlib import Path

import keras

import course_utils as cu
from course_utils import masking

NAME = "fashion-mae"
ARGUMENTS = {"patch_size": 4, "width": 64, "heads": 4, "blocks": 3, "mlp_width": 128, "visible": 12}
BATCH, RATE, WEIGHT_DECAY = 256, 2e-3, 0.05


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=80)
    parser.add_argument("--output", type=Path, default=None)
    arguments = parser.parse_args()

    cu.setup(seed=arguments.seed, precision="float32")
    data = cu.datasets.load("fashion_mnist")
    images = data.train[0]
    model = cu.models.build_mae(**ARGUMENTS)
    steps = len(images) // BATCH
    warm_up = arguments.epochs * steps // 20
    schedule = keras.optimizers.schedules.CosineDecay(
        0.0, arguments.epochs * steps - warm_up, warmup_target=RATE, warmup_steps=warm_up
    )
    optimizer = keras.optimizers.AdamW(schedule, weight_decay=WEIGHT_DECAY, beta_2=0.95)
    model.compile(optimizer, loss="mse")
    started = time.perf_counter()
    batches = masking.masked_batches(images, model, BATCH)
    history = model.fit(batches, steps_per_epoch=steps, epochs=arguments.epochs, verbose=2).history[
        "loss"
    ]
    seconds = time.perf_counter() - started

    card = cu.checkpoints.CheckpointCard(
        name=NAME,
        builder="build_mae",
        arguments=ARGUMENTS,
        command=f"python tools/pretrain_mae.py --seed {arguments.seed} --epochs {arguments.epochs}",
        seed=arguments.seed,
        data={
            "name": data.name,
            "split": f"train, {len(images)} images, without their labels",
            "sha256": {name: file["sha256"] for name, file in data.card.files.items()},
        },
        metrics={
            "training loss, first epoch": round(history[0], 4),
            "training loss, last epoch": round(history[-1], 4),
        },
        seconds=round(seconds, 1),
        machine=f"{os.cpu_count()} CPU cores, {platform.machine()}",
    )

    def measure(stored: keras.Model) -> dict[str, float]:
        splits = {"validation": data.validation[0], "test": data.test[0]}
        return {f"{name} loss": round(masking.loss(stored, x), 4) for name, x in splits.items()}

    path = cu.checkpoints.save_measured(model, card, measure, arguments.output)
    print(card.metrics, f"{card.seconds} s", path.name, f"{path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
