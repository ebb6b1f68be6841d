"""Two players trained against each other by one compiled step.

Goodfellow et al. 2014, "Generative adversarial nets": the discriminator is a loss function
that is learned along with the generator. The generator follows the non-saturating loss of
that paper, −log D(G(z)).
"""

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from course_utils.models import dcgan


@keras.saving.register_keras_serializable(package="course_utils")
class GAN(keras.Model):
    """A generator and a discriminator that are trained against each other by ``fit``.

    ``fit(images)`` or, when the networks were built with classes, ``fit(images, labels)``.
    Calling the model, `generate` and `sample` use ``average``: a copy of the generator whose
    weights are a running mean over the last ~1/(1 - ``averaging``) steps (Yazıcı et al.
    2019, arXiv:1806.04498), which smooths the circling of the two players.

    Args:
        generator: from `build_generator`.
        discriminator: from `build_discriminator`, with the same image shape and classes.
        smoothing: the target of real images (one-sided label smoothing, Salimans et al.
            2016, arXiv:1606.03498); 1 switches it off.
        averaging: how much of the mean each step keeps.
    """

    def __init__(
        self,
        generator: keras.Model,
        discriminator: keras.Model,
        smoothing: float = 0.9,
        averaging: float = 0.995,
        **kwargs: object,
    ) -> None:
        super().__init__(**kwargs)
        made, judged = generator.output_shape, discriminator.inputs[0].shape
        if tuple(made) != tuple(judged) or len(generator.inputs) != len(discriminator.inputs):
            raise ValueError(
                f"The discriminator should read what the generator makes: {tuple(made)[1:]} "
                f"from {len(generator.inputs)} inputs, not {tuple(judged)[1:]} and "
                f"{len(discriminator.inputs)} inputs."
            )
        self.generator, self.discriminator = generator, discriminator
        self.average = keras.models.clone_model(generator)
        self.average.set_weights(generator.get_weights())
        self.smoothing, self.averaging = smoothing, averaging
        self.seed_generator = keras.random.SeedGenerator()
        self.means = {
            name: keras.metrics.Mean(name=name)
            for name in ("generator_loss", "discriminator_loss", "says_real", "says_fake")
        }
        self.built = True

    def compile(
        self,
        generator_rate: float = 1e-3,
        discriminator_rate: float = 1e-3,
        beta_1: float = 0.5,
        **kwargs: object,
    ) -> None:
        """One Adam for each player, with beta_1 as Radford et al. found it.

        Under ``mixed_float16`` each is wrapped for dynamic loss scaling; bfloat16 has the
        exponents of float32 and needs none.
        """
        super().compile(optimizer=None, **kwargs)
        self._rates = {"generator_rate": generator_rate, "discriminator_rate": discriminator_rate}
        self._rates["beta_1"] = beta_1
        self.optimizers = []
        players = ((self.generator, generator_rate), (self.discriminator, discriminator_rate))
        for player, rate in players:
            adam = keras.optimizers.Adam(rate, beta_1=beta_1)
            if any(layer.compute_dtype == "float16" for layer in player.layers):
                adam = keras.optimizers.LossScaleOptimizer(adam)
            adam.build(player.trainable_variables)
            self.optimizers.append(adam)

    def fit(self, x: np.ndarray, y: np.ndarray | None = None, **kwargs: object) -> object:
        """Keras's fit, after images and labels were checked.

        Raises:
            ValueError: images of another shape, or labels missing, unwanted or out of range.
        """
        wanted = tuple(self.discriminator.inputs[0].shape[1:])
        if tuple(np.shape(x)[1:]) != wanted:
            raise ValueError(f"The GAN was built for images {wanted}, not {np.shape(x)[1:]}.")
        return super().fit(x, dcgan.check_labels(self.generator, y, len(x)), **kwargs)

    def train_step(self, data: object) -> dict[str, object]:
        """One step of both players from the same fakes: one pass through the generator."""
        real, label, _ = keras.utils.unpack_x_y_sample_weight(data)

        def inputs(first: object) -> object:
            return first if label is None else [first, label]

        noise = keras.random.normal(
            (ops.shape(real)[0], self.generator.inputs[0].shape[-1]), seed=self.seed_generator
        )
        bce = keras.losses.BinaryCrossentropy(from_logits=True)
        generator_optimizer, discriminator_optimizer = self.optimizers
        replicas = tf.distribute.get_strategy().num_replicas_in_sync
        with tf.GradientTape(persistent=True) as tape:
            fake = self.generator(inputs(noise), training=True)  # inside the tape
            says_real = self.discriminator(inputs(real), training=True)
            says_fake = self.discriminator(inputs(fake), training=True)
            g_loss = bce(ops.ones_like(says_fake), says_fake)  # −log D(G(z)): non-saturating
            d_loss = bce(self.smoothing * ops.ones_like(says_real), says_real)
            d_loss = d_loss + bce(ops.zeros_like(says_fake), says_fake)
            g_scaled = generator_optimizer.scale_loss(g_loss / replicas)
            d_scaled = discriminator_optimizer.scale_loss(d_loss / replicas)
        g_weights = self.generator.trainable_variables
        d_weights = self.discriminator.trainable_variables
        generator_optimizer.apply(tape.gradient(g_scaled, g_weights), g_weights)
        discriminator_optimizer.apply(tape.gradient(d_scaled, d_weights), d_weights)
        for mean, weight in zip(self.average.weights, self.generator.weights, strict=True):
            mean.assign(self.averaging * mean + (1 - self.averaging) * weight)
        values = (g_loss, d_loss, ops.mean(says_real > 0), ops.mean(says_fake > 0))
        for metric, value in zip(self.means.values(), values, strict=True):
            metric.update_state(value)
        return {name: metric.result() for name, metric in self.means.items()}

    def call(self, inputs: object, training: bool = False) -> object:
        return self.average(inputs, training=training)

    def generate(self, noise: np.ndarray, labels: np.ndarray | None = None) -> np.ndarray:
        """Images from the averaged generator: see `dcgan.generate`."""
        return dcgan.generate(self.average, noise, labels)

    def sample(self, count: int, seed: int = 0, labels: np.ndarray | None = None) -> np.ndarray:
        """Images from the averaged generator: see `dcgan.sample`."""
        return dcgan.sample(self.average, count, seed, labels)

    def get_config(self) -> dict[str, object]:
        networks = {"generator": self.generator, "discriminator": self.discriminator}
        config = {k: keras.saving.serialize_keras_object(v) for k, v in networks.items()}
        return config | {"smoothing": self.smoothing, "averaging": self.averaging}

    @classmethod
    def from_config(cls, config: dict[str, object]) -> "GAN":
        for key in ("generator", "discriminator"):
            config = config | {key: keras.saving.deserialize_keras_object(config[key])}
        return cls(**config)

    def get_compile_config(self) -> dict[str, float]:
        return self._rates

    def compile_from_config(self, config: dict[str, float]) -> None:
        self.compile(**config)
