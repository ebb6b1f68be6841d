"""Autoencoders: an image through a narrow code and back; and the one whose codes can be drawn.

The variational autoencoder of Kingma and Welling 2014, "Auto-encoding variational Bayes",
arXiv:1312.6114: the encoder answers with a Gaussian instead of a point, the code is drawn from it,
and the loss is the negative evidence lower bound (ELBO). The likelihood is Gaussian, with the
decoder's image as its mean and *one* standard deviation for all pixels, which is learned (Rybkin,
Daniilidis and Levine 2021, arXiv:2006.13202): so reconstruction and code are weighed by nobody.
"""

import math

import keras
from keras import layers, ops

LOG_2PI = math.log(2 * math.pi)


@keras.saving.register_keras_serializable(package="course_utils")
class Sampling(layers.Layer):
    """``[mean, log_variance]``, both ``(batch, latent_dim)``, to a code drawn from that Gaussian.

    The noise comes from outside and is scaled and shifted, so that the gradient reaches mean and
    variance (the reparameterization trick, section 2.4 of Kingma and Welling).
    """

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.seed_generator = keras.random.SeedGenerator()

    def call(self, inputs):
        mean, log_variance = inputs
        noise = keras.random.normal(ops.shape(mean), dtype=mean.dtype, seed=self.seed_generator)
        return mean + ops.exp(log_variance / 2) * noise


@keras.saving.register_keras_serializable(package="course_utils")
class NegativeELBO(layers.Layer):
    """Passes the reconstruction on and adds minus the ELBO to the model's loss, in nats an image.

    Inputs: ``[image, reconstruction, mean, log_variance]``. The two terms are metrics as well:
    ``reconstruction`` is minus log p(image | code), ``kl`` the divergence from the prior.

    Args:
        beta: weight of the second term; 1 is the ELBO, others are those of a β-VAE
            (Burgess et al. 2018, arXiv:1804.03599).
    """

    def __init__(self, beta: float = 1.0, **kwargs):
        super().__init__(**kwargs)
        self.beta = beta
        self.trackers = [keras.metrics.Mean(name) for name in ("reconstruction", "kl")]

    def build(self, _):
        self.log_scale = self.add_weight(
            shape=(), initializer=keras.initializers.Constant(-1.0), name="log_scale"
        )

    def call(self, inputs):
        image, reconstruction, mean, log_variance = inputs
        terms = (
            ops.mean(-log_likelihood_of(image, reconstruction, self.log_scale)),
            ops.mean(kl_to_prior(mean, log_variance)),
        )
        for tracker, term in zip(self.trackers, terms, strict=True):
            tracker.update_state(term)
        self.add_loss(terms[0] + self.beta * terms[1])
        return reconstruction

    def get_config(self):
        return super().get_config() | {"beta": self.beta}


def log_likelihood_of(image, reconstruction, log_scale):
    """log p(image | code) in nats, ``(batch,)``: a Gaussian density, summed over the pixels."""
    error = ops.square((image - reconstruction) * ops.exp(-log_scale)) / 2
    return -ops.sum(error + log_scale + LOG_2PI / 2, axis=(1, 2, 3))


def kl_to_prior(mean, log_variance):
    """KL(q ‖ N(0, 1)) in nats, ``(batch,)``: Kingma and Welling, Appendix B."""
    return ops.sum(ops.square(mean) + ops.exp(log_variance) - 1 - log_variance, axis=-1) / 2


def build_encoder(
    latent_dim: int = 16,
    image_shape: tuple[int, int, int] = (28, 28, 1),
    width: int = 32,
    *,
    variational: bool = True,
) -> keras.Model:
    """Images ``(batch, height, width, channels)`` to ``[mean, log_variance]``, or to a code.

    Raises:
        ValueError: height or width is no multiple of 4, or a size is below 1.
    """
    _check(latent_dim, image_shape, width)
    image = x = keras.Input(image_shape, name="image")
    for filters in (width, 2 * width):  # (batch, 14, 14, 32), (batch, 7, 7, 64)
        x = layers.Conv2D(filters, 4, strides=2, padding="same", activation="silu")(x)
    x = layers.Flatten()(x)  # (batch, 3136)
    names = ("mean", "log_variance") if variational else ("code",)
    codes = [layers.Dense(latent_dim, dtype="float32", name=name)(x) for name in names]
    return keras.Model(image, codes if variational else codes[0], name="encoder")


def build_decoder(
    latent_dim: int = 16, image_shape: tuple[int, int, int] = (28, 28, 1), width: int = 32
) -> keras.Model:
    """Codes ``(batch, latent_dim)`` to images in [0, 1].

    Raises:
        ValueError: as `build_encoder`.
    """
    height, breadth, channels = _check(latent_dim, image_shape, width)
    code = keras.Input((latent_dim,), name="code")
    x = layers.Dense(height // 4 * (breadth // 4) * 2 * width, activation="silu")(code)
    x = layers.Reshape((height // 4, breadth // 4, 2 * width))(x)  # (batch, 7, 7, 64)
    for filters in (width, width // 2 or 1):  # (batch, 14, 14, 32), (batch, 28, 28, 16)
        x = layers.Conv2DTranspose(filters, 4, strides=2, padding="same", activation="silu")(x)
    x = layers.Conv2D(channels, 3, padding="same")(x)
    return keras.Model(code, layers.Activation("sigmoid", dtype="float32")(x), name="decoder")


def build_autoencoder(
    latent_dim: int = 16, image_shape: tuple[int, int, int] = (28, 28, 1), width: int = 32
) -> keras.Model:
    """Images to their reconstructions through ``latent_dim`` numbers; train it with ``"mse"``.

    The parts are its layers ``encoder`` and ``decoder``.
    """
    image = keras.Input(image_shape, name="image")
    code = build_encoder(latent_dim, image_shape, width, variational=False)(image)
    reconstruction = build_decoder(latent_dim, image_shape, width)(code)
    return keras.Model(image, reconstruction, name="autoencoder")


def build_vae(
    latent_dim: int = 16,
    image_shape: tuple[int, int, int] = (28, 28, 1),
    width: int = 32,
    *,
    beta: float = 1.0,
) -> keras.Model:
    """The same, variational; compiled with an optimizer alone, it trains on images alone.

    The parts are its layers ``encoder``, ``decoder`` and ``elbo``.
    """
    image = keras.Input(image_shape, name="image")
    mean, log_variance = build_encoder(latent_dim, image_shape, width)(image)
    code = Sampling(dtype="float32")([mean, log_variance])
    reconstruction = build_decoder(latent_dim, image_shape, width)(code)
    elbo = NegativeELBO(beta, dtype="float32", name="elbo")(
        [image, reconstruction, mean, log_variance]
    )
    return keras.Model(image, elbo, name="vae")


def _check(latent_dim: int, image_shape: tuple[int, int, int], width: int):
    if len(image_shape) != 3 or image_shape[0] % 4 or image_shape[1] % 4 or min(image_shape) < 1:
        raise ValueError(
            "image_shape should be (height, width, channels) with height and width multiples "
            f"of 4, not {tuple(image_shape)}."
        )
    if min(latent_dim, width) < 1:
        raise ValueError(f"latent_dim and width must be at least 1, not {latent_dim} and {width}.")
    return tuple(image_shape)
