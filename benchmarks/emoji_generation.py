"""The diffusion model of emoji, and what it must beat. Writes data/results/emoji-generation.json.

    python benchmarks/emoji_generation.py [--only NAME ...]

Every row is 480 images, three for each validation drawing and of its category where one can be
asked for, compared with the 160 validation and the 240 test drawings in the features of the image
tower of emoji-clip. Guidance is chosen by the validation distance; the test distance is only
reported. Rows that are in the file already are kept, so that it can be made in parts.

The first rows judge the judge: training drawings as they are, and spoilt in known ways.
"""

import argparse
import functools
import json
import os
import platform
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
from scipy.ndimage import gaussian_filter
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression

import course_utils as cu
from course_utils import diffusion, generation
from course_utils.datasets.images import mirrored

OUTPUT = Path(__file__).resolve().parents[1] / "data" / "results" / "emoji-generation.json"
N = 480
# Guidance scales of the diffusion model, in 25 steps of DDIM.
SCALES = {
    "diffusion, no class": 0,
    "diffusion, guidance 1": 1,
    "diffusion, guidance 2": 2,
    "diffusion, guidance 4": 4,
}
VAE_EPOCHS, BATCH_SIZE = 60, 64


def makers(data: cu.datasets.Dataset) -> dict[str, Callable[[], np.ndarray]]:
    """By name, what makes ``N`` images."""
    rng = np.random.default_rng(0)
    real = data.train[0][rng.permutation(len(data.train[0]))[:N]]
    other = real[rng.permutation(N)]
    left = np.arange(32)[:, np.newaxis] < 16
    asked = np.tile(data.validation[1], 3)
    vae = functools.cache(lambda: trained_vae(data))
    made = {
        "real training drawings": lambda: real,
        "with noise of 0.1": lambda: (
            (real + 0.1 * rng.standard_normal(real.shape)).clip(0, 1).astype(np.float32)
        ),
        "blurred by 1 pixel": lambda: gaussian_filter(real, (0, 1, 1, 0)),
        "blurred by 2 pixels": lambda: gaussian_filter(real, (0, 2, 2, 0)),
        "without colour": lambda: np.repeat(real.mean(axis=3, keepdims=True), 3, axis=3),
        "two halves": lambda: np.where(left, real, other),
        "two faded into one": lambda: (real + other) / 2,
        "Gaussian of the pixels": lambda: gaussian_of(data.train[0]),
        "VAE": lambda: cu.models.sample(vae().get_layer("decoder"), N),
        "VAE, codes of a fitted Gaussian": lambda: of_fitted_codes(vae(), data.train[0]),
    }
    network = functools.cache(lambda: cu.checkpoints.load("emoji-diffusion"))
    alpha_bar = diffusion.cosine_schedule()
    for name, scale in SCALES.items():
        made[name] = lambda scale=scale: diffusion.generate(
            network(), asked, alpha_bar, scale=scale
        )
    return made


def gaussian_of(x: np.ndarray) -> np.ndarray:
    """Draws from a Gaussian with the mean and the 256 largest principal components of ``x``."""
    components = PCA(256, random_state=0).fit(x.reshape(len(x), -1))
    codes = np.sqrt(components.explained_variance_) * np.random.default_rng(1).standard_normal(
        (N, 256)
    )
    drawn = components.inverse_transform(codes).reshape(N, *x.shape[1:])
    return drawn.clip(0, 1).astype(np.float32)


def trained_vae(data: cu.datasets.Dataset) -> keras.Model:
    """The garments' VAE with three channels and twice as many numbers a code; not tuned."""
    keras.utils.set_random_seed(0)
    x, _ = training_images(data)
    vae = cu.models.build_vae(32, (32, 32, 3))
    steps = VAE_EPOCHS * -(-len(x) // BATCH_SIZE)
    vae.compile(keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(1e-3, steps)))
    vae.fit(x, batch_size=BATCH_SIZE, epochs=VAE_EPOCHS, verbose=0)
    return vae


def training_images(data: cu.datasets.Dataset) -> tuple[np.ndarray, np.ndarray]:
    """As in tools/train_diffusion.py: symbols have no mirror image."""
    return mirrored(*data.train, but=[data.class_names.index("Symbols")])


def of_fitted_codes(vae: keras.Model, x: np.ndarray) -> np.ndarray:
    codes = vae.get_layer("encoder").predict(x, verbose=0)[0]
    drawn = np.random.default_rng(0).multivariate_normal(codes.mean(0), np.cov(codes.T), N)
    return vae.get_layer("decoder").predict(drawn.astype(np.float32), verbose=0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", default=None)
    arguments = parser.parse_args()
    cu.setup(seed=0, precision="float32")
    data = cu.datasets.load("emoji")
    judge = cu.checkpoints.load("emoji-clip")

    def features(images: np.ndarray) -> np.ndarray:
        return generation.clip_features(judge, images)

    references = {split: features(getattr(data, split)[0]) for split in ("validation", "test")}
    classifier = LogisticRegression(C=0.01, max_iter=1000)
    classifier.fit(features(data.train[0]), data.train[1])
    shown, _ = training_images(data)
    unseen = np.median(generation.nearest(data.validation[0], shown)[1])
    results = {"command": "python benchmarks/emoji_generation.py", "samples": N, "runs": {}}
    if OUTPUT.exists():
        results = json.loads(OUTPUT.read_text(encoding="utf-8"))
    results["machine"] = f"{os.cpu_count()} CPU cores, {platform.machine()}"
    agreed = classifier.score(references["validation"], data.validation[1])
    results["agreement of validation drawings"] = round(float(agreed), 4)

    for name, make in makers(data).items():
        if name in results["runs"] or (arguments.only and name not in arguments.only):
            continue
        images = make()
        found = features(images)
        values = {
            f"{split} distance": generation.kernel_distance(found, reference)
            for split, reference in references.items()
        }
        density, coverage = generation.density_and_coverage(references["test"], found)
        values |= {"density": density, "coverage": coverage}
        # 1 where samples are as far from all that was shown in training as unseen drawings are.
        values["nearest"] = np.median(generation.nearest(images, shown)[1]) / unseen
        if SCALES.get(name):
            values["agreement"] = classifier.score(found, np.tile(data.validation[1], 3))
        results["runs"][name] = {key: round(float(value), 4) for key, value in values.items()}
        print(name, results["runs"][name], flush=True)
        text = json.dumps(results, indent=2, ensure_ascii=False) + "\n"
        OUTPUT.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
