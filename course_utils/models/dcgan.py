"""The two players of a DCGAN, and the same made class-conditional.

Radford, Metz and Chintala 2016, "Unsupervised representation learning with deep
convolutional generative adversarial networks" (arXiv:1511.06434): a generator that only
upsamples, by strided transposed convolutions, and a discriminator that only downsamples, by
strided convolutions; batch normalization in both, but neither on the images that leave the
one nor on those that enter the other; leaky rectifiers in the discriminator.

With classes the label is an input of both: joined to the noise (Mirza and Osindero 2014,
arXiv:1411.1784), and as an inner product with the discriminator's features (the projection of
Miyato and Koyama 2018, arXiv:1802.05637).
"""

import keras
import numpy as np
from keras import layers


def build_generator(
    latent_dim: int = 24,
    image_shape: tuple[int, int, int] = (28, 28, 1),
    num_classes: int | None = None,
    width: int = 32,
) -> keras.Model:
    """Noise ``(batch, latent_dim)``, and labels ``(batch,)`` with classes, to images in [0, 1].

    Raises:
        ValueError: height or width is no multiple of 4, or a size is below 1.
    """
    sizes = {"latent_dim": latent_dim, "width": width, "num_classes": num_classes}
    height, breadth, channels = _checked(image_shape, **sizes)
    noise = keras.Input((latent_dim,), name="noise")
    inputs, x = noise, noise
    if num_classes is not None:
        label = keras.Input((), dtype="int32", name="label")
        # As loud as the noise; Keras's ±0.05 would drown in it.
        loud = keras.initializers.RandomNormal(stddev=1.0)
        embedded = layers.Embedding(num_classes, 8, embeddings_initializer=loud, name="embed")(
            label
        )
        inputs, x = [noise, label], layers.Concatenate()([noise, embedded])
    x = layers.Dense(height // 4 * (breadth // 4) * 2 * width, use_bias=False)(x)
    x = layers.ReLU()(layers.BatchNormalization(momentum=0.9)(x))
    x = layers.Reshape((height // 4, breadth // 4, 2 * width))(x)  # (batch, 7, 7, 64)
    x = layers.Conv2DTranspose(width, 4, strides=2, padding="same", use_bias=False)(x)
    x = layers.ReLU()(layers.BatchNormalization(momentum=0.9)(x))  # (batch, 14, 14, 32)
    x = layers.Conv2DTranspose(channels, 4, strides=2, padding="same")(x)  # (batch, 28, 28, 1)
    images = layers.Activation("sigmoid", dtype="float32")(x)
    return keras.Model(inputs, images, name="generator")


def build_discriminator(
    image_shape: tuple[int, int, int] = (28, 28, 1),
    num_classes: int | None = None,
    width: int = 32,
    normalize: bool = True,
) -> keras.Model:
    """Images in [0, 1], and labels with classes, to the logit ``(batch, 1)`` of "real".

    ``normalize=False`` leaves out the batch normalization, to see what it is good for.

    Raises:
        ValueError: height or width is no multiple of 4, or a size is below 1.
    """
    _checked(image_shape, width=width, num_classes=num_classes)
    image = keras.Input(image_shape, name="image")
    x = layers.Rescaling(2.0, offset=-1.0)(image)  # [0, 1] → [-1, 1]
    x = layers.Conv2D(width, 4, strides=2, padding="same")(x)
    x = layers.LeakyReLU(negative_slope=0.2)(x)  # (batch, 14, 14, 32)
    x = layers.Conv2D(2 * width, 4, strides=2, padding="same", use_bias=not normalize)(x)
    x = layers.BatchNormalization(momentum=0.9)(x) if normalize else x
    x = layers.LeakyReLU(negative_slope=0.2)(x)  # (batch, 7, 7, 64)
    features = layers.Flatten()(x)  # (batch, 3136)
    logit = layers.Dense(1, dtype="float32", name="logit")(features)
    if num_classes is None:
        return keras.Model(image, logit, name="discriminator")
    label = keras.Input((), dtype="int32", name="label")
    direction = layers.Embedding(num_classes, features.shape[-1], name="embed")(label)
    agreement = layers.Dot(axes=1, dtype="float32")([features, direction])  # (batch, 1)
    return keras.Model([image, label], layers.Add(dtype="float32")([logit, agreement]))


def generate(
    generator: keras.Model, noise: np.ndarray, labels: np.ndarray | None = None
) -> np.ndarray:
    """Images ``(count, height, width, channels)`` in [0, 1] for given noise and labels.

    Raises:
        ValueError: noise of another width, labels missing, unwanted or out of range.
    """
    latent_dim = generator.inputs[0].shape[-1]
    if np.ndim(noise) != 2 or np.shape(noise)[1] != latent_dim or len(noise) == 0:
        raise ValueError(f"The noise should have shape (any, {latent_dim}), not {np.shape(noise)}.")
    labels = check_labels(generator, labels, len(noise))
    inputs = noise if labels is None else [noise, labels]
    return generator.predict(inputs, batch_size=500, verbose=0)


def sample(
    generator: keras.Model, count: int, seed: int = 0, labels: np.ndarray | None = None
) -> np.ndarray:
    """`generate` from ``count`` standard normal noise vectors."""
    noise = np.random.default_rng(seed).standard_normal((count, generator.inputs[0].shape[-1]))
    return generate(generator, noise.astype(np.float32), labels)


def classes_of(generator: keras.Model) -> int | None:
    """How many classes can be asked for; None without conditioning."""
    return None if len(generator.inputs) == 1 else generator.get_layer("embed").input_dim


def check_labels(
    generator: keras.Model, labels: np.ndarray | None, count: int
) -> np.ndarray | None:
    """Return the labels of ``count`` images, or refuse them in one sentence.

    Raises:
        ValueError: labels missing, unwanted, not integers, of another length or out of range.
    """
    classes = classes_of(generator)
    if (labels is None) != (classes is None):
        wanted = "takes no labels" if classes is None else f"needs labels in 0..{classes - 1}"
        got = "none came" if labels is None else "some came"
        raise ValueError(f"This generator {wanted}, but {got}.")
    if labels is None:
        return None
    labels = np.asarray(labels)
    fits = np.issubdtype(labels.dtype, np.integer) and labels.shape == (count,)
    if not fits or labels.min() < 0 or labels.max() >= classes:
        span = f" from {labels.min()} to {labels.max()}" if labels.size else ""
        raise ValueError(
            f"Labels should be {count} integers in 0..{classes - 1}, "
            f"not {labels.dtype} of shape {labels.shape}{span}."
        )
    return labels


def _checked(image_shape: tuple[int, int, int], **sizes: int | None) -> tuple[int, int, int]:
    for name, size in sizes.items():
        if size is not None and size < 1:
            raise ValueError(f"{name} must be at least 1, not {size}.")
    if len(image_shape) != 3 or image_shape[0] % 4 or image_shape[1] % 4 or min(image_shape) < 1:
        raise ValueError(
            "image_shape should be (height, width, channels) with height and width multiples "
            f"of 4, not {tuple(image_shape)}."
        )
    return tuple(image_shape)
