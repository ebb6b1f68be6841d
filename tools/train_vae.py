"""Train the variational autoencoder that ships: data/checkpoints/fashion-vae.{npz,json}.

Usage: python tools/train_vae.py [--seed 0] [--epochs 24] [--latent-dim 16] [--output FOLDER]

The numbers on the card are of the validation images: the ELBO's two terms in nats an image, and the
Fréchet distance of 2,000 samples. The test images are left to benchmarks/generation.py.
"""

import argparse
import os
import platform
import time
from pathlib import Path

import keras
import numpy as np

import course_utils as cu
from course_utils import generation

NAME = "fashion-vae"
BATCH_SIZE = 64
SAMPLES = 2000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=24)
    parser.add_argument("--latent-dim", type=int, default=16)
    parser.add_argument("--output", type=Path, default=None)
    arguments = parser.parse_args()

    cu.setup(seed=arguments.seed, precision="float32")
    data = cu.datasets.load("fashion_mnist")
    x = data.train[0]
    vae = cu.models.build_vae(arguments.latent_dim)
    steps = arguments.epochs * -(-len(x) // BATCH_SIZE)
    rate = keras.optimizers.schedules.CosineDecay(1e-3, steps)
    vae.compile(keras.optimizers.Adam(rate))
    started, cpu = time.perf_counter(), time.process_time()
    vae.fit(x, batch_size=BATCH_SIZE, epochs=arguments.epochs, verbose=0)
    rescale(vae, x)
    seconds, cpu = time.perf_counter() - started, time.process_time() - cpu

    card = cu.checkpoints.CheckpointCard(
        name=NAME,
        builder="build_vae",
        arguments={"latent_dim": arguments.latent_dim},
        command=f"python tools/train_vae.py --seed {arguments.seed} --epochs {arguments.epochs} "
        f"--latent-dim {arguments.latent_dim}",
        seed=arguments.seed,
        data={
            "name": data.name,
            "split": f"train, {len(x)} images",
            "sha256": {name: file["sha256"] for name, file in data.card.files.items()},
        },
        metrics={},
        seconds=round(seconds, 1),
        machine=f"{os.cpu_count()} CPU cores, {platform.machine()}",
    )
    cu.checkpoints.save(vae, card, arguments.output, half=True)
    card.metrics.update(measure(cu.checkpoints.load(NAME, arguments.output), data))
    card.metrics["CPU seconds"] = round(cpu, 1)
    cu.checkpoints.save(vae, card, arguments.output, half=True)
    print(card.metrics, f"{card.seconds} s")


def rescale(vae: keras.Model, x: np.ndarray) -> None:
    """Give every number of the code the origin and the unit with which it costs the fewest nats.

    If the code is shifted and scaled, and the decoder's first layer does the opposite, nothing
    changes but the divergence. Its mean over the images is smallest where the codes of all images
    together have mean 0 and variance 1; the gradient finds this only slowly.
    """
    encoder, decoder = vae.get_layer("encoder"), vae.get_layer("decoder")
    means, log_variances = encoder.predict(x, batch_size=500, verbose=0)
    origin = means.mean(axis=0)
    unit = np.sqrt(means.var(axis=0) + np.exp(log_variances).mean(axis=0))
    head, spread = encoder.get_layer("mean"), encoder.get_layer("log_variance")
    kernel, bias = head.get_weights()
    head.set_weights([kernel / unit, (bias - origin) / unit])
    kernel, bias = spread.get_weights()
    spread.set_weights([kernel, bias - 2 * np.log(unit)])
    first = next(one for one in decoder.layers if isinstance(one, keras.layers.Dense))
    kernel, bias = first.get_weights()
    first.set_weights([kernel * unit[:, None], bias + origin @ kernel])


def measure(vae: keras.Model, data: cu.datasets.Dataset) -> dict[str, float]:
    """The validation images' ELBO and its terms, and the samples' Fréchet distance to them."""
    held_out = data.validation[0]
    vae.compile()
    terms = vae.evaluate(held_out, batch_size=500, verbose=0, return_dict=True)
    judge = cu.checkpoints.load("fashion-judge")
    drawn = cu.models.sample(vae.get_layer("decoder"), SAMPLES)
    found = {
        "validation ELBO": -terms["loss"],
        "validation reconstruction": terms["reconstruction"],
        "validation kl": terms["kl"],
        "noise of a pixel": float(np.exp(vae.get_layer("elbo").log_scale)),
        "validation distance": generation.frechet_distance(
            generation.features(judge, drawn), generation.features(judge, held_out[:SAMPLES])
        ),
    }
    return {name: round(float(value), 4) for name, value in found.items()}


if __name__ == "__main__":
    main()
