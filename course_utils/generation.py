"""How good are generated images? Distances and counts in the features of a judge.

The losses of a GAN do not say: each player's loss is measured against the other player. So a
third network, a classifier trained on real images only, looks at the samples.
"""

from typing import TYPE_CHECKING

import numpy as np

from course_utils import results

if TYPE_CHECKING:
    import keras


def features(judge: "keras.Model", images: np.ndarray, layer: str = "features") -> np.ndarray:
    """What ``layer`` of the judge says of the images: ``(images, dimensions)`` float64.

    Args:
        judge: a built functional model, `models.build_judge` or another with that layer.
        images: ``(images, height, width, channels)`` in [0, 1].

    Raises:
        ValueError: images of another shape, or no images.
    """
    return _outputs(judge, images, layer)[0]


def clip_features(clip: "keras.Model", images: np.ndarray) -> np.ndarray:
    """What the image tower of `models.build_clip`'s model says of the images, for the measures.

    Its vectors have length 1; here they are as long as normal ones of their width are, so that a
    number is of order 1: ``(images, embedding)`` float64.
    """
    from course_utils.image_text import embed_images

    vectors = embed_images(clip, images).astype(np.float64)
    return vectors * np.sqrt(vectors.shape[1])


def frechet_distance(a: np.ndarray, b: np.ndarray) -> float:
    """The Fréchet (2-Wasserstein) distance, squared, of the Gaussians fitted to two samples.

    ``|μ_a − μ_b|² + tr(Σ_a + Σ_b − 2 (Σ_a Σ_b)^½)``: Dowson and Landau 1982,
    doi:10.1016/0047-259X(82)90077-X; on features of images, Heusel et al. 2017,
    arXiv:1706.08500. The trace of the root is the sum of the roots of the eigenvalues of
    ``Σ_a Σ_b``, taken from the symmetric ``Σ_a^½ Σ_b Σ_a^½``, which has the same ones.

    The estimate is too large for small samples: compare only values at equal sample sizes.

    Args:
        a: ``(examples, dimensions)``.
        b: ``(examples, dimensions)``; as many dimensions, any number of examples.

    Raises:
        ValueError: other ranks, unequal dimensions, fewer than two examples, NaN.
    """
    a, b = _two_samples(a, b, "frechet_distance")
    return gaussian_frechet_distance(
        a.mean(axis=0),
        np.atleast_2d(np.cov(a, rowvar=False)),
        b.mean(axis=0),
        np.atleast_2d(np.cov(b, rowvar=False)),
    )


def gaussian_frechet_distance(
    mean_a: np.ndarray, covariance_a: np.ndarray, mean_b: np.ndarray, covariance_b: np.ndarray
) -> float:
    """The same distance for known means ``(d,)`` and covariances ``(d, d)``."""
    eigenvalues, vectors = np.linalg.eigh(covariance_a)
    root = vectors * np.sqrt(np.maximum(eigenvalues, 0)) @ vectors.T
    product = np.linalg.eigvalsh(root @ covariance_b @ root)
    trace_of_root = np.sqrt(np.maximum(product, 0)).sum()
    difference = np.asarray(mean_a) - np.asarray(mean_b)
    trace = np.trace(covariance_a) + np.trace(covariance_b) - 2 * trace_of_root
    return float(max(0.0, difference @ difference + trace))


def kernel_distance(a: np.ndarray, b: np.ndarray) -> float:
    """The squared maximum mean discrepancy of two samples, without bias at any sample size.

    With the kernel ``k(x, y) = (x · y / dimensions + 1)³``: mean of k within a, plus that within b,
    minus twice that across; pairs of an example with itself are left out (Bińkowski et al. 2018,
    arXiv:1801.01401, section 4; the estimator is that of Gretton et al. 2012, eq. 3). Where two
    samples come from one distribution it scatters around 0 and may be negative. The Fréchet
    distance of a few hundred images is mostly the error of the estimated covariances; this is not.

    Args:
        a: ``(examples, dimensions)``; features of order 1 a dimension, or the kernel is a line.
        b: ``(examples, dimensions)``; as many dimensions, any number of examples.

    Raises:
        ValueError: other ranks, unequal dimensions, fewer than two examples, NaN.
    """
    a, b = _two_samples(a, b, "kernel_distance")
    within, across = [], (a @ b.T / a.shape[1] + 1) ** 3
    for sample in (a, b):
        values = (sample @ sample.T / sample.shape[1] + 1) ** 3
        n = len(sample)
        within.append((values.sum() - np.trace(values)) / (n * (n - 1)))
    return float(sum(within) - 2 * across.mean())


def class_coverage(judge: "keras.Model", images: np.ndarray) -> np.ndarray:
    """Share of the images that the judge puts into each class: ``(classes,)``, sums to 1.

    Raises:
        ValueError: images of another shape, or no images.
    """
    _, logits = _outputs(judge, images, "features")
    return np.bincount(logits.argmax(-1), minlength=logits.shape[1]) / len(images)


def conditional_agreement(judge: "keras.Model", images: np.ndarray, asked: np.ndarray) -> float:
    """Share of the images that the judge puts into the class that was asked for.

    Raises:
        ValueError: images of another shape, no images, or not one class an image.
    """
    asked = np.asarray(asked)
    if asked.shape != (len(images),):
        raise ValueError(f"{len(images)} images need as many asked classes, not {asked.shape}.")
    _, logits = _outputs(judge, images, "features")
    return float(np.mean(logits.argmax(-1) == asked))


def nearest(queries: np.ndarray, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """For each query the closest image, pixel by pixel: has a generator learned by heart?

    Args:
        queries: ``(queries, ...)`` images.
        images: ``(images, ...)`` of the same shape each.

    Returns:
        Indices into ``images`` and Euclidean distances, both ``(queries,)``.
    """
    q, x = (np.reshape(v, (len(v), -1)).astype(np.float64) for v in (queries, images))
    if q.shape[1] != x.shape[1]:
        raise ValueError(
            f"Queries and images should have one shape, not {np.shape(queries)[1:]} and "
            f"{np.shape(images)[1:]}."
        )
    squared = (q**2).sum(1)[:, None] + (x**2).sum(1) - 2 * q @ x.T  # (queries, images)
    index = squared.argmin(axis=1)
    return index, np.sqrt(np.maximum(squared[np.arange(len(q)), index], 0))


def density_and_coverage(
    real: np.ndarray, drawn: np.ndarray, neighbours: int = 5
) -> tuple[float, float]:
    """Are the samples where real images are, and are all real images reached?

    Around every real image lies a ball that just holds its ``neighbours`` nearest real ones.
    *Density* is the mean number of balls that a sample lies in, over ``neighbours``: near 1 for
    real images, lower for samples far from them. *Coverage* is the share of balls that are hit.
    Naeem et al. 2020, arXiv:2002.09797, eqs. 3 and 4. Both depend on the sample sizes.

    Args:
        real: features ``(images, dimensions)``.
        drawn: features ``(samples, dimensions)``.
        neighbours: their k.

    Raises:
        ValueError: unequal dimensions, or no more real images than ``neighbours``.
    """
    from scipy.spatial.distance import cdist

    real, drawn = np.asarray(real, dtype=np.float64), np.asarray(drawn, dtype=np.float64)
    fits = real.ndim == drawn.ndim == 2 and real.shape[1] == drawn.shape[1] and len(drawn) > 0
    if not fits or not 1 <= neighbours < len(real):
        raise ValueError(
            "density_and_coverage needs features (images, dimensions) of equal dimensions and more "
            f"real images than neighbours, not {real.shape}, {drawn.shape} and {neighbours}."
        )
    # The nearest real image of each is itself, at distance 0: index 0.
    radius = np.partition(cdist(real, real), neighbours, axis=1)[:, neighbours]
    inside = cdist(real, drawn) <= radius[:, None]  # (images, samples)
    return float(inside.sum() / (neighbours * len(drawn))), float(inside.any(axis=1).mean())


def vae_log_likelihood(
    vae: "keras.Model", images: np.ndarray, draws: int = 1, seed: int = 0
) -> np.ndarray:
    """A lower bound of log p(image) in nats, ``(images,)``, from so many drawn codes.

    With one draw it is an estimate of the ELBO. The mean over more draws, taken before the
    logarithm, is a tighter bound: Burda, Grosse and Salakhutdinov 2016, arXiv:1509.00519, eq. 8.

    Args:
        vae: from `models.build_vae`.
        images: ``(images, height, width, channels)`` in [0, 1].
        draws: codes an image.
        seed: of the draws.

    Raises:
        ValueError: images of another shape, or no draws.
    """
    from course_utils.models.autoencoder import log_likelihood_of

    wanted = tuple(vae.input_shape[1:])
    if tuple(np.shape(images)[1:]) != wanted or len(images) == 0 or draws < 1:
        raise ValueError(
            f"vae_log_likelihood needs images of shape {wanted} and at least one draw, "
            f"not {np.shape(images)} and {draws}."
        )
    encoder, decoder, elbo = (vae.get_layer(name) for name in ("encoder", "decoder", "elbo"))
    mean, log_variance = (np.asarray(part) for part in encoder.predict(images, verbose=0))
    rng, terms = np.random.default_rng(seed), []
    for _ in range(draws):
        noise = rng.standard_normal(mean.shape, dtype=np.float32)
        code = mean + np.exp(log_variance / 2) * noise
        drawn = decoder.predict_on_batch(code)
        likelihood = np.asarray(log_likelihood_of(images, drawn, elbo.log_scale), np.float64)
        # log p(code) - log q(code | image): the constants of the two Gaussians cancel.
        ratio = (noise**2 + log_variance - code**2).sum(axis=1, dtype=np.float64) / 2
        terms.append(likelihood + ratio)
    return np.logaddexp.reduce(terms, axis=0) - np.log(draws)


def bits_per_pixel(log_density: float | np.ndarray, pixels: int, levels: int = 256) -> np.ndarray:
    """Nats of a density over pixels in [0, 1] as bits for each of ``levels`` grey values.

    A pixel of level k stands for the interval from k/levels to (k+1)/levels: draw it uniformly
    there before the density is asked, then this bounds the bits from above (Theis, van den Oord and
    Bethge 2016, arXiv:1511.01844, section 3.1). Without a model it is log2(levels), 8 for 256.
    """
    return np.log2(levels) - np.asarray(log_density) / (pixels * np.log(2))


def stored_results() -> dict:
    """What ``python benchmarks/generation.py`` measured of all generators of the course."""
    return results.stored("generation")


def _two_samples(a: np.ndarray, b: np.ndarray, name: str) -> tuple[np.ndarray, np.ndarray]:
    a, b = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    if a.ndim != 2 or b.ndim != 2 or a.shape[1] != b.shape[1] or min(len(a), len(b)) < 2:
        raise ValueError(
            f"{name} needs two samples (examples, dimensions) of equal dimensions and at "
            f"least two examples, not {a.shape} and {b.shape}."
        )
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        raise ValueError(f"{name} needs finite features, but found NaN or infinity.")
    return a, b


def _outputs(judge: "keras.Model", images: np.ndarray, layer: str) -> tuple[np.ndarray, np.ndarray]:
    import keras

    wanted = tuple(judge.input_shape[1:])
    if len(images) == 0 or tuple(np.shape(images)[1:]) != wanted:
        raise ValueError(
            f"The judge reads at least one image of shape {wanted}, not {np.shape(images)}."
        )
    both = keras.Model(judge.inputs, [judge.get_layer(layer).output, *judge.outputs])
    found, logits = both.predict(images, batch_size=512, verbose=0)
    return np.asarray(found, dtype=np.float64), np.asarray(logits, dtype=np.float32)
