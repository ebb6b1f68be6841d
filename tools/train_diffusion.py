"""Train the diffusion models that ship: data/checkpoints/fashion-diffusion, emoji-diffusion.

Usage: python tools/train_diffusion.py [--data fashion_mnist|emoji] [--seed 0] [--epochs 18]
                                       [--output FOLDER] [--state FOLDER [--minutes M]]

Stored is the running mean of the weights. The Fréchet distance on the card of the garments compares
2,000 samples, 200 a class, with the 2,000 validation images. Of the emoji there are 160 validation
drawings, too few for it: their card has the kernel distance, in the features of emoji-clip, of
three samples for each of them. The test images are left to benchmarks/generation.py and
benchmarks/emoji_generation.py.

With ``--state`` the training can be made in parts: it stops after ``--minutes``, and the same
command goes on where it stopped. After every part the checkpoint holds what there is by then.
"""

import argparse
import json
import os
import platform
import time
from pathlib import Path

import keras
import numpy as np

import course_utils as cu
from course_utils import diffusion, generation
from course_utils.datasets.images import mirrored

# By data set: the checkpoint's name and what the builder is told.
MODELS = {
    "fashion_mnist": ("fashion-diffusion", {}),
    "emoji": ("emoji-diffusion", {"image_shape": [32, 32, 3], "num_classes": 8}),
}
BATCH_SIZE = 64
SAMPLES = 2000


class Clock(keras.callbacks.Callback):
    """Counts epochs and time over all parts, and stops when the next epoch would end too late."""

    def __init__(self, folder: Path | None, minutes: float | None):
        super().__init__()
        self.file = folder and folder / "spent.json"
        self.deadline = None if minutes is None else time.perf_counter() + 60 * minutes
        self.spent = {"epochs": 0, "seconds": 0.0, "CPU seconds": 0.0}
        if self.file and self.file.exists():
            self.spent = json.loads(self.file.read_text())

    def on_epoch_begin(self, epoch, logs=None):
        self.started = time.perf_counter(), time.process_time()

    def on_epoch_end(self, epoch, logs=None):
        seconds = time.perf_counter() - self.started[0]
        self.spent["epochs"] = epoch + 1
        self.spent["seconds"] += seconds
        self.spent["CPU seconds"] += time.process_time() - self.started[1]
        print(
            epoch + 1,
            {k: round(float(v), 5) for k, v in logs.items()},
            round(seconds, 1),
            flush=True,
        )
        if self.file:
            self.file.write_text(json.dumps(self.spent))
        if self.deadline and time.perf_counter() + seconds > self.deadline:
            self.model.stop_training = True


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", choices=MODELS, default="fashion_mnist")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=18)
    parser.add_argument("--output", type=Path, default=None)
    parser.add_argument("--state", type=Path, default=None)
    parser.add_argument("--minutes", type=float, default=None)
    arguments = parser.parse_args()

    # A fifth faster here; the last layers, which mix the image in, compute in float32 anyway.
    cu.setup(seed=arguments.seed, precision="mixed_bfloat16")
    data = cu.datasets.load(arguments.data)
    name, options = MODELS[data.name]
    network = cu.models.build_diffusion_unet(**options)
    alpha_bar = diffusion.cosine_schedule()
    batches = diffusion.noisy_batches(
        *training_images(data),
        alpha_bar,
        null=diffusion.null_class(network),
        batch_size=BATCH_SIZE,
        seed=arguments.seed,
    )
    # The same noise every epoch, so that the losses can be compared.
    held_out = diffusion.noisy_examples(
        *data.validation, alpha_bar, np.random.default_rng(arguments.seed), None
    )
    diffusion.compile_denoiser(network, arguments.epochs * len(batches))
    clock = Clock(arguments.state, arguments.minutes)
    callbacks = [
        keras.callbacks.LambdaCallback(
            on_epoch_begin=lambda epoch, logs: setattr(batches, "epoch", epoch)
        ),
        clock,
    ]
    if arguments.state:
        backup = keras.callbacks.BackupAndRestore(
            str(arguments.state / "backup"), delete_checkpoint=False
        )
        callbacks.insert(0, backup)
    network.fit(
        batches,
        epochs=arguments.epochs,
        validation_data=held_out,
        verbose=0,
        callbacks=callbacks,
    )
    card = cu.checkpoints.CheckpointCard(
        name=name,
        builder="build_diffusion_unet",
        arguments=options,
        command="python tools/train_diffusion.py "
        + ("" if data.name == "fashion_mnist" else f"--data {data.name} ")
        + f"--seed {arguments.seed} --epochs {arguments.epochs}",
        seed=arguments.seed,
        data={
            "name": data.name,
            "split": f"train, {len(data.train[0])} images",
            "sha256": {name: file["sha256"] for name, file in data.card.files.items()},
        },
        metrics={"epochs": clock.spent["epochs"], "CPU seconds": round(clock.spent["CPU seconds"])},
        seconds=round(clock.spent["seconds"]),
        machine=f"{os.cpu_count()} CPU cores, {platform.machine()}",
    )
    cu.checkpoints.save(network, card, arguments.output, half=True)
    if clock.spent["epochs"] < arguments.epochs:
        print(f"{clock.spent['epochs']} of {arguments.epochs} epochs are done.")
        return
    keras.config.set_dtype_policy("float32")
    measure = measure_emoji if data.name == "emoji" else measure_garments
    card.metrics.update(measure(cu.checkpoints.load(name, arguments.output), data, held_out))
    cu.checkpoints.save(network, card, arguments.output, half=True)
    print(card.metrics, f"{card.seconds} s")


def training_images(data: cu.datasets.Dataset) -> tuple[np.ndarray, np.ndarray]:
    """Of the few emoji the mirror images too, but for those of symbols: letters have none."""
    if data.name != "emoji":
        return data.train
    return mirrored(*data.train, but=[data.class_names.index("Symbols")])


def loss_of(network: keras.Model, held_out: tuple) -> float:
    seen, noise, weight = held_out
    network.compile(loss="mse")
    return network.evaluate(seen, noise, sample_weight=weight, batch_size=500, verbose=0)


def measure_garments(
    network: keras.Model, data: cu.datasets.Dataset, held_out: tuple
) -> dict[str, float]:
    """Loss on the validation images, distance and agreement of samples of 25 DDIM steps."""
    judge = cu.checkpoints.load("fashion-judge")
    asked = np.arange(SAMPLES) % len(data.class_names)
    images = diffusion.generate(network, asked, diffusion.cosine_schedule())
    real = generation.features(judge, data.validation[0][:SAMPLES])
    found = {
        "validation loss": loss_of(network, held_out),
        "validation distance": generation.frechet_distance(
            generation.features(judge, images), real
        ),
        "agreement": generation.conditional_agreement(judge, images, asked),
    }
    return {name: round(float(value), 4) for name, value in found.items()}


def measure_emoji(
    network: keras.Model, data: cu.datasets.Dataset, held_out: tuple
) -> dict[str, float]:
    """Loss on the validation drawings, kernel distance of samples of 25 DDIM steps."""
    judge = cu.checkpoints.load("emoji-clip")
    asked = np.tile(data.validation[1], 3)
    images = diffusion.generate(network, asked, diffusion.cosine_schedule())
    found = {
        "validation loss": loss_of(network, held_out),
        "validation kernel distance": generation.kernel_distance(
            *(generation.clip_features(judge, some) for some in (images, data.validation[0]))
        ),
    }
    return {name: round(float(value), 4) for name, value in found.items()}


if __name__ == "__main__":
    main()
