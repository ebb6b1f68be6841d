"""All the course's generators of garments by one measure. Writes data/results/generation.json.

    python benchmarks/generation.py [--only NAME ...]

Each draws 2,000 images, 200 a class where it can be asked for one; the judge's features of them
are compared with those of 2,000 real images, once of the validation and once of the test split, as
in the chapter on GANs. Guidance scale and number of steps are chosen by the validation distance;
the test distance is only reported. Runs that are in the file already are kept, so that it can be
made in parts.

Times are those of one thread (``TF_NUM_INTRAOP_THREADS=1``) if the command is run so.
"""

import argparse
import json
import os
import platform
import time
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np

import course_utils as cu
from course_utils import diffusion, generation

OUTPUT = Path(__file__).resolve().parents[1] / "data" / "results" / "generation.json"
N = 2000
ASKED = np.arange(N) % 10
# Of the diffusion model: steps, eta, guidance scale.
SETTINGS = {
    "diffusion, DDIM, 25 steps": (25, 0.0, 1.0),
    "diffusion, DDIM, 25 steps, guidance 2": (25, 0.0, 2.0),
    "diffusion, DDIM, 25 steps, no class": (25, 0.0, 0.0),
    "diffusion, DDIM, 10 steps": (10, 0.0, 1.0),
    "diffusion, DDPM, 25 steps": (25, 1.0, 1.0),
    "diffusion, DDIM, 25 steps, guidance 4": (25, 0.0, 4.0),
}
# The bound of the likelihood is dear: so many images, codes an image.
LIKELIHOOD = (500, 200)


def generators(data: cu.datasets.Dataset) -> dict[str, Callable[[], np.ndarray]]:
    """By name, what draws ``N`` images; networks are loaded and trained only when called."""
    x = data.train[0]
    # Whoever needs training or loading does it on the first call, which is not timed.
    kept: dict[str, keras.Model] = {}

    def network(name: str) -> keras.Model:
        if name not in kept:
            kept[name] = cu.checkpoints.load(name)
        return kept[name]

    def autoencoder() -> keras.Model:
        if "autoencoder" not in kept:
            model = cu.models.build_autoencoder()
            model.compile(keras.optimizers.Adam(1e-3), loss="mse")
            model.fit(x, x, batch_size=64, epochs=5, verbose=0)
            kept["autoencoder"] = model
        return kept["autoencoder"]

    def codes_like_the_training_images() -> np.ndarray:
        codes = autoencoder().get_layer("encoder").predict(x, verbose=0)
        drawn = np.random.default_rng(0).multivariate_normal(codes.mean(0), np.cov(codes.T), N)
        return autoencoder().get_layer("decoder").predict(drawn, verbose=0)

    def vae_with_noise() -> np.ndarray:
        vae = network("fashion-vae")
        means = cu.models.sample(vae.get_layer("decoder"), N)
        deviation = float(np.exp(vae.get_layer("elbo").log_scale))
        noise = deviation * np.random.default_rng(1).standard_normal(means.shape)
        return np.clip(means + noise, 0, 1).astype(np.float32)

    drawn = {
        "real training images": lambda: x[:N],
        "autoencoder, standard normal codes": lambda: cu.models.sample(
            autoencoder().get_layer("decoder"), N
        ),
        "autoencoder, codes of a fitted Gaussian": codes_like_the_training_images,
        "VAE": lambda: cu.models.sample(network("fashion-vae").get_layer("decoder"), N),
        "VAE, with its pixel noise": vae_with_noise,
        "GAN": lambda: cu.models.sample(network("fashion-gan"), N),
        "conditional GAN": lambda: cu.models.sample(
            network("fashion-conditional-gan"), N, labels=ASKED
        ),
    }
    alpha_bar = diffusion.cosine_schedule()
    for name, (steps, eta, scale) in SETTINGS.items():
        drawn[name] = lambda steps=steps, eta=eta, scale=scale: diffusion.generate(
            network("fashion-diffusion"), ASKED, alpha_bar, steps=steps, eta=eta, scale=scale
        )
    return drawn


def measured(name: str, images: np.ndarray, judge: keras.Model, references: dict) -> dict:
    """Distances, density and coverage, the classes; agreement where a class was asked for."""
    found = generation.features(judge, images)
    density, coverage = generation.density_and_coverage(references["test"], found)
    values = {
        f"{split} distance": generation.frechet_distance(found, reference)
        for split, reference in references.items()
    }
    values |= {
        "density": density,
        "coverage": coverage,
        "smallest class share": generation.class_coverage(judge, images).min(),
    }
    if name == "conditional GAN" or (name in SETTINGS and SETTINGS[name][2] > 0):
        values["agreement"] = generation.conditional_agreement(judge, images, ASKED)
    return {name: round(float(value), 4) for name, value in values.items()}


def likelihood(x: np.ndarray) -> dict[str, float]:
    """Bounds of the VAE on the first test images, in nats an image and bits a pixel."""
    images, draws = LIKELIHOOD
    vae = cu.checkpoints.load("fashion-vae")
    levels = np.round(x[:images] * 255)
    spread = ((levels + np.random.default_rng(0).random(levels.shape)) / 256).astype(np.float32)
    found = {"images": images, "draws": draws}
    for name, count in (("ELBO", 1), ("importance-weighted", draws)):
        nats = generation.vae_log_likelihood(vae, spread, count).mean()
        found[name] = round(float(nats), 2)
        bits = generation.bits_per_pixel(nats, spread[0].size)
        found[f"{name}, bits a pixel"] = round(float(bits), 4)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", default=None)
    arguments = parser.parse_args()
    cu.setup(seed=0, precision="float32")
    data = cu.datasets.load("fashion_mnist")
    judge = cu.checkpoints.load("fashion-judge")
    references = {
        split: generation.features(judge, getattr(data, split)[0][:N])
        for split in ("validation", "test")
    }
    results = {"command": "python benchmarks/generation.py", "samples": N, "runs": {}}
    if OUTPUT.exists():
        results = json.loads(OUTPUT.read_text(encoding="utf-8"))
    results["machine"] = f"{os.cpu_count()} CPU cores, {platform.machine()}"

    def write() -> None:
        text = json.dumps(results, indent=2, ensure_ascii=False) + "\n"
        OUTPUT.write_text(text, encoding="utf-8")

    for name, draw in generators(data).items():
        if name in results["runs"] or (arguments.only and name not in arguments.only):
            continue
        if not name.startswith("diffusion"):
            draw()  # loads, trains, traces
        started = time.process_time()
        images = draw()
        seconds = time.process_time() - started
        results["runs"][name] = measured(name, images, judge, references)
        if name != "real training images":
            results["runs"][name]["milliseconds a sample"] = round(1000 * seconds / N, 3)
        print(name, results["runs"][name], flush=True)
        write()
    if "likelihood" not in results and not arguments.only:
        results["likelihood"] = likelihood(data.test[0])
        write()


if __name__ == "__main__":
    main()
