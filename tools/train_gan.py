"""Train the GANs that ship: data/checkpoints/fashion-{gan,conditional-gan}.{npz,json}.

Usage: python tools/train_gan.py [--conditional] [--seed 0] [--epochs 25] [--output FOLDER]

Only the averaged generator is stored. The numbers on the card compare 2,000 samples with the
first 2,000 test images, as the chapter does.
"""

import argparse
import os
import platform
import time
from pathlib import Path

import numpy as np

import course_utils as cu
from course_utils import generation

SAMPLES = 2000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--conditional", action="store_true")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=25)
    parser.add_argument("--output", type=Path, default=None)
    arguments = parser.parse_args()

    cu.setup(seed=arguments.seed)
    data = cu.datasets.load("fashion_mnist")
    x, y = data.train
    num_classes = len(data.class_names) if arguments.conditional else None
    generator = cu.models.build_generator(num_classes=num_classes)
    if arguments.conditional:
        gan = cu.models.GAN(generator, cu.models.build_discriminator(num_classes=num_classes))
        gan.compile()
    else:
        # Without labels the discriminator falls behind: a wider one, against a slower generator.
        gan = cu.models.GAN(generator, cu.models.build_discriminator(width=64), averaging=0.998)
        gan.compile(generator_rate=5e-4)
    untrained = measure(gan.average, data, num_classes)
    started, cpu = time.perf_counter(), time.process_time()
    gan.fit(x, y if num_classes else None, batch_size=64, epochs=arguments.epochs, verbose=0)
    seconds, cpu = time.perf_counter() - started, time.process_time() - cpu

    metrics = measure(gan.average, data, num_classes)
    metrics["distance, untrained"] = untrained["distance"]
    metrics["CPU seconds"] = round(cpu, 1)
    option = " --conditional" if arguments.conditional else ""
    card = cu.checkpoints.CheckpointCard(
        name="fashion-conditional-gan" if arguments.conditional else "fashion-gan",
        builder="build_generator",
        arguments={"num_classes": num_classes},
        command=f"python tools/train_gan.py{option} --seed {arguments.seed} "
        f"--epochs {arguments.epochs}",
        seed=arguments.seed,
        data={
            "name": data.name,
            "split": f"train, {len(x)} images",
            "sha256": {name: file["sha256"] for name, file in data.card.files.items()},
        },
        metrics=metrics,
        seconds=round(seconds, 1),
        machine=f"{os.cpu_count()} CPU cores, {platform.machine()}",
    )
    path = cu.checkpoints.save(gan.average, card, arguments.output)
    print(metrics, f"{card.seconds} s", path.name)


def measure(generator, data, num_classes: int | None) -> dict[str, float]:
    """Fréchet distances, the smallest class share and, with classes, the agreement."""
    judge = cu.checkpoints.load("fashion-judge")
    asked = np.arange(SAMPLES) % num_classes if num_classes else None
    images = cu.models.sample(generator, SAMPLES, labels=asked)
    real = generation.features(judge, data.test[0][:SAMPLES])
    training = generation.features(judge, data.train[0][:SAMPLES])
    found = {
        "distance": generation.frechet_distance(generation.features(judge, images), real),
        "distance, real to real": generation.frechet_distance(training, real),
        "smallest class share": generation.class_coverage(judge, images).min(),
    }
    if num_classes:
        found["agreement"] = generation.conditional_agreement(judge, images, asked)
    return {name: round(float(value), 4) for name, value in found.items()}


if __name__ == "__main__":
    main()
