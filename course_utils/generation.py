"""How good are generated images? Distances and counts in the features of a judge.

The losses of a GAN do not say: each player's loss is measured against the other player. So a
third network, a classifier trained on real images only, looks at the samples.
"""

from typing import TYPE_CHECKING

import numpy as np

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
    a, b = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    if a.ndim != 2 or b.ndim != 2 or a.shape[1] != b.shape[1] or min(len(a), len(b)) < 2:
        raise ValueError(
            "frechet_distance needs two samples (examples, dimensions) of equal dimensions and at "
            f"least two examples, not {a.shape} and {b.shape}."
        )
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        raise ValueError("frechet_distance needs finite features, but found NaN or infinity.")
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
