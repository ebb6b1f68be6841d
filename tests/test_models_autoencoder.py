"""Autoencoders: the loss against its definition, the likelihood where it is known, saving."""

import re

import keras
import numpy as np
import pytest
import scipy.stats

from course_utils import generation, models
from course_utils.models import autoencoder

SHAPE = (8, 8, 1)


pytestmark = pytest.mark.usefixtures("seeded")


def pictures(count=6):
    return np.random.default_rng(0).random((count, *SHAPE), dtype=np.float32)


def test_parts_fit_together():
    for model in (models.build_autoencoder(5, (28, 28, 1)), models.build_vae(5, (28, 28, 1))):
        assert model.output_shape == (None, 28, 28, 1)
        assert model.get_layer("decoder").input_shape == (None, 5)
    assert models.build_autoencoder(5, (12, 8, 3)).output_shape == (None, 12, 8, 3)


def test_reconstructions_are_images():
    out = models.build_autoencoder(3, SHAPE, width=4).predict(pictures(), verbose=0)
    assert 0 <= out.min() <= out.max() <= 1


def test_kl_is_the_expectation_that_it_stands_for():
    mean, deviation = np.array([[0.5, -1.0, 0.0]]), np.array([[0.3, 1.5, 1.0]])
    closed = float(autoencoder.kl_to_prior(mean, 2 * np.log(deviation))[0])
    z = mean + deviation * np.random.default_rng(0).standard_normal((200_000, 3))
    log_q = scipy.stats.norm.logpdf(z, mean, deviation).sum(axis=1)
    drawn = np.mean(log_q - scipy.stats.norm.logpdf(z).sum(axis=1))
    assert closed == pytest.approx(drawn, rel=0.02)
    assert float(autoencoder.kl_to_prior(np.zeros((1, 3)), np.zeros((1, 3)))[0]) == 0


def test_likelihood_is_scipys_gaussian():
    x, mean = np.random.default_rng(0).random((2, 4, *SHAPE))
    found = autoencoder.log_likelihood_of(x, mean, np.log(0.2))
    wanted = scipy.stats.norm.logpdf(x, mean, 0.2).sum(axis=(1, 2, 3))
    np.testing.assert_allclose(found, wanted, rtol=1e-5)


def test_sampling_draws_from_the_gaussian_and_passes_the_gradient():
    import tensorflow as tf

    layer = models.Sampling()
    mean, log_variance = tf.fill((50_000, 1), 2.0), tf.fill((50_000, 1), np.log(0.25))
    with tf.GradientTape() as tape:
        tape.watch([mean, log_variance])
        z = layer([mean, log_variance])
    gradients = tape.gradient(z, [mean, log_variance])
    assert float(np.mean(z)) == pytest.approx(2.0, abs=0.02)
    assert float(np.std(z)) == pytest.approx(0.5, rel=0.02)
    np.testing.assert_allclose(gradients[0], 1.0)
    assert np.abs(gradients[1]).max() > 0


@pytest.mark.parametrize("beta", [1.0, 4.0])
def test_loss_is_minus_the_elbo_with_beta_on_its_second_term(beta):
    vae = models.build_vae(2, SHAPE, 4, beta=beta)
    vae.compile()
    found = vae.evaluate(pictures(), verbose=0, return_dict=True)
    assert found["loss"] == pytest.approx(found["reconstruction"] + beta * found["kl"], rel=1e-5)
    mean, log_variance = vae.get_layer("encoder").predict(pictures(), verbose=0)
    assert found["kl"] == pytest.approx(np.mean(autoencoder.kl_to_prior(mean, log_variance)), 1e-4)


def test_best_noise_of_the_pixels_is_the_root_mean_squared_error():
    """There the loss has no slope: a larger and a smaller deviation are both worse."""
    import tensorflow as tf

    layer = models.NegativeELBO()
    image, reconstruction = np.random.default_rng(0).random((2, 6, *SHAPE), dtype=np.float32)
    code = np.zeros((6, 2), np.float32)
    layer([image, reconstruction, code, code])
    error = np.sqrt(np.mean((image - reconstruction) ** 2))
    slopes = []
    for deviation in (0.5 * error, error, 2 * error):
        layer.log_scale.assign(np.log(deviation))
        with tf.GradientTape() as tape:
            layer([image, reconstruction, code, code])
            loss = layer.losses[-1]
        slopes.append(float(tape.gradient(loss, layer.log_scale.value)))
    assert slopes[0] < -10
    assert slopes[1] == pytest.approx(0, abs=0.01)
    assert slopes[2] > 10


def test_importance_weights_find_the_exact_likelihood():
    """A linear decoder has one: x = A z + b + noise is Gaussian with covariance A Aᵀ + s²."""
    rng = np.random.default_rng(0)
    matrix, bias = rng.normal(0, 0.5, (1, 16)), rng.random(16)
    code = keras.Input((1,))
    image = keras.layers.Reshape((4, 4, 1))(keras.layers.Dense(16)(code))
    decoder = keras.Model(code, image, name="decoder")
    decoder.set_weights([matrix, bias])
    vae = models.build_vae(1, (4, 4, 1), 4)
    inputs = keras.Input((4, 4, 1))
    mean, log_variance = vae.get_layer("encoder")(inputs)
    drawn = decoder(models.Sampling()([mean, log_variance]))
    elbo = models.NegativeELBO(name="elbo")
    model = keras.Model(inputs, elbo([inputs, drawn, mean, log_variance]))
    x = rng.random((5, 4, 4, 1)).astype("float32")
    covariance = matrix.T @ matrix + np.exp(-2.0) * np.eye(16)
    exact = scipy.stats.multivariate_normal.logpdf(x.reshape(5, 16), bias, covariance)
    few, many = (generation.vae_log_likelihood(model, x, draws) for draws in (1, 500))
    np.testing.assert_allclose(many, exact, atol=0.4)
    assert few.mean() < many.mean()


def test_pixels_without_a_model_take_eight_bits():
    assert generation.bits_per_pixel(0.0, 784) == 8
    assert generation.bits_per_pixel(784 * np.log(2), 784) == pytest.approx(7)


@pytest.mark.parametrize("build", [models.build_autoencoder, models.build_vae])
def test_saved_model_gives_the_same_codes_and_images(build, tmp_path):
    model = build(3, SHAPE, 4)
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    codes = np.random.default_rng(0).standard_normal((4, 3)).astype("float32")
    for part, given in (("encoder", pictures()), ("decoder", codes)):
        np.testing.assert_array_equal(
            np.asarray(model.get_layer(part).predict(given, verbose=0)),
            np.asarray(again.get_layer(part).predict(given, verbose=0)),
        )
    assert [w.shape for w in again.weights] == [w.shape for w in model.weights]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: models.build_encoder(4, (30, 28, 1)), "multiples of 4"),
        (lambda: models.build_decoder(0), "at least 1"),
        (
            lambda: generation.vae_log_likelihood(
                models.build_vae(2, SHAPE), np.zeros((1, 4, 4, 1))
            ),
            "(8, 8, 1)",
        ),
        (
            lambda: generation.vae_log_likelihood(models.build_vae(2, SHAPE), pictures(), 0),
            "at least one draw",
        ),
    ],
)
def test_bad_requests_are_refused_in_a_sentence(call, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        call()
