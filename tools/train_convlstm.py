"""Train the ConvLSTM that predicts frames: data/checkpoints/moving-mnist-convlstm.{npz,json}.

Usage: python tools/train_convlstm.py [--seed 0] [--output FOLDER]

Long clips teach nothing at first: a network that cannot yet move a digit by one frame finds only
the mean of all frames. So it begins with short clips. Half of the clips hold one digit, half two.
No clip is seen twice. The stages were chosen by validation clips.
"""

import argparse
import os
import platform
import time
from pathlib import Path

import keras
import numpy as np

import course_utils as cu
from course_utils.video import prediction

NAME = "moving-mnist-convlstm"
# Frames seen, frames to predict, rounds of ROUND clips.
STAGES = ((4, 2, 14), (6, 5, 14), (10, 10, 18))
ROUND, BATCH, RATE = 1024, 16, 2e-3
TEST_CLIPS = 500


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, default=None)
    arguments = parser.parse_args()

    cu.setup(seed=arguments.seed)
    started = time.process_time()
    model = train(arguments.seed)
    seconds = time.process_time() - started

    path = cu.checkpoints.save(
        model, card(arguments.seed, seconds, {}), arguments.output, half=True
    )
    # What is measured is what is stored: weights in 16 bits.
    metrics = measure(cu.checkpoints.load(NAME, arguments.output))
    stored = card(arguments.seed, seconds, metrics)
    cu.checkpoints.save(model, stored, arguments.output, half=True)
    print(metrics, f"{stored.seconds} s", path.name)


def train(seed: int) -> keras.Model:
    """Through the stages, with weights carried over; the rate falls to zero in the last."""
    model, rounds = None, 0
    for seen, horizon, count in STAGES:
        stage = cu.models.build_convlstm_forecaster((seen, 32, 32, 1), horizon)
        if model is not None:
            stage.set_weights(model.get_weights())
        model = stage
        steps, warmup = count * ROUND // BATCH, 64
        last = (seen, horizon, count) == STAGES[-1]
        schedule = keras.optimizers.schedules.CosineDecay(
            RATE / 20, steps - warmup, 0.0 if last else 0.5, warmup_target=RATE, warmup_steps=warmup
        )
        model.compile(
            keras.optimizers.Adam(schedule, global_clipnorm=1.0),
            keras.losses.BinaryCrossentropy(from_logits=True),
        )
        for _ in range(count):
            clips = mixed("train", ROUND, seen + horizon, seed=1000 * seed + rounds)
            run = model.fit(clips[:, :seen], clips[:, 1:], batch_size=BATCH, verbose=0)
            rounds += 1
            print(
                f"{seen} + {horizon} frames, round {rounds}: {run.history['loss'][0]:.4f}",
                flush=True,
            )
    return model


def mixed(split: str, count: int, frames: int, seed: int) -> np.ndarray:
    """Clips of one digit and of two, as many of each."""
    options = {"frames": frames, "size": 32, "seed": seed}
    halves = [
        cu.datasets.moving_digits(split, count // 2, digits=digits, **options) for digits in (1, 2)
    ]
    return np.concatenate(halves)


def measure(model: keras.Model) -> dict[str, float]:
    """Errors on test clips, over the ten frames after ten, and those of copying the last."""
    found = {}
    for digits in (1, 2):
        clips = cu.datasets.moving_digits("test", TEST_CLIPS, size=32, digits=digits)
        seen, truth = clips[:, :10], clips[:, 10:]
        ways = {"": cu.models.forecast(model, seen), ", copying": prediction.repeat_last(seen, 10)}
        for way, predicted in ways.items():
            error = prediction.squared_error(truth, predicted)
            name = f"{digits} digit{'s' * (digits > 1)}{way}"
            found[f"squared error, {name}, first frame"] = error[0]
            found[f"squared error, {name}, mean of ten"] = error.mean()
            found[f"similarity, {name}, mean of ten"] = prediction.similarity(
                truth, predicted
            ).mean()
    return {name: round(float(value), 5) for name, value in found.items()}


def card(seed: int, seconds: float, metrics: dict[str, float]) -> cu.checkpoints.CheckpointCard:
    files = cu.datasets.load("mnist").card.files
    return cu.checkpoints.CheckpointCard(
        name=NAME,
        builder="build_convlstm_forecaster",
        arguments={},
        command=f"python tools/train_convlstm.py --seed {seed}",
        seed=seed,
        data={
            "name": "moving_digits, 32×32 pixels, one and two digits",
            "split": f"train, {ROUND * sum(rounds for *_, rounds in STAGES)} clips; "
            f"measured on {TEST_CLIPS} test clips of each kind",
            "sha256": {name: file["sha256"] for name, file in files.items()},
        },
        metrics=metrics,
        seconds=round(seconds, 1),
        machine=f"{os.cpu_count()} CPU cores, {platform.machine()}; processor time",
    )


if __name__ == "__main__":
    main()
