"""Diffusion: the closed forms against simulation, the samplers where the answer is known."""

import re

import keras
import numpy as np
import pytest

from course_utils import diffusion, models

COSINE = diffusion.cosine_schedule(200)


pytestmark = pytest.mark.usefixtures("seeded")


def small_network(steps=50):
    network = models.build_diffusion_unet((8, 8, 1), 3, widths=(8, 16), steps=steps)
    rng = np.random.default_rng(0)  # or the zero kernels would hide most of the network
    network.set_weights([w + 0.1 * rng.standard_normal(w.shape) for w in network.get_weights()])
    return network


def stand_in():
    """The smallest network with the inputs and the output of a denoiser of three classes."""
    image = keras.Input((8, 8, 1))
    time, label = (keras.Input((), dtype="int32") for _ in range(2))
    told = keras.layers.Embedding(50, 1)(time) + keras.layers.Embedding(4, 1, name="classes")(label)
    told = keras.layers.Reshape((1, 1, 1))(told)
    return keras.Model(
        [image, time, label], keras.layers.Conv2D(1, 1, kernel_initializer="zeros")(image) + told
    )


def exact(mean, deviation, alpha_bar):
    """The best prediction of the noise when every pixel is N(mean, deviation²): E[noise | x_t]."""

    def noise_of(x, t):
        left = alpha_bar[t]
        variance = left * deviation**2 + 1 - left
        return np.sqrt(1 - left) * (x - np.sqrt(left) * mean) / variance

    return noise_of


def last(walk):
    *_, (_, _, x) = walk
    return x


# --- the forward process


def test_linear_schedule_is_the_product_of_what_each_step_leaves():
    alpha_bar = diffusion.linear_schedule(1000)
    product = 1.0
    for beta in np.linspace(1e-4, 0.02, 1000):
        product *= 1 - beta
    assert alpha_bar[0] == 1 - 1e-4
    assert alpha_bar[-1] == pytest.approx(product)


def test_cosine_schedule_is_nichol_and_dhariwals():
    steps = 200
    f = np.cos((np.arange(steps + 1) / steps + 0.008) / 1.008 * np.pi / 2) ** 2
    np.testing.assert_allclose(COSINE[:-1], (f / f[0])[1:-1], rtol=1e-9)
    assert COSINE[-1] == pytest.approx(0.001 * COSINE[-2])  # beta is kept below 0.999
    assert (np.diff(COSINE) < 0).all()


def test_closed_form_has_the_moments_of_the_simulation_step_by_step():
    rng = np.random.default_rng(0)
    alpha_bar = diffusion.linear_schedule(50, 0.01, 0.1)
    alpha = alpha_bar / np.concatenate([[1.0], alpha_bar[:-1]])
    x = x0 = np.full((20_000, 1), 0.8)
    for a in alpha[:31]:  # eq. 2 of Ho et al., one step after the other
        x = np.sqrt(a) * x + np.sqrt(1 - a) * rng.standard_normal(x.shape)
    closed = diffusion.add_noise(x0, 30, rng.standard_normal(x.shape), alpha_bar)
    assert closed.mean() == pytest.approx(x.mean(), abs=0.02)
    assert closed.std() == pytest.approx(x.std(), rel=0.02)
    assert x.mean() == pytest.approx(0.8 * np.sqrt(alpha_bar[30]), abs=0.02)


def test_predicted_image_undoes_the_noise():
    rng = np.random.default_rng(0)
    x0, noise = rng.uniform(-1, 1, (2, 5, 4, 4, 1))
    t = np.array([0, 10, 50, 100, 150])
    x_t = diffusion.add_noise(x0, t, noise, COSINE)
    np.testing.assert_allclose(diffusion.predicted_image(x_t, t, noise, COSINE), x0, atol=1e-4)


def test_before_the_first_step_there_is_no_noise():
    x0 = np.linspace(-1, 1, 8).reshape(2, 4)
    np.testing.assert_allclose(diffusion.add_noise(x0, -1, np.ones((2, 4)), COSINE), x0, rtol=1e-6)


def test_examples_hold_the_noise_that_was_added_and_every_time_step():
    x, y = np.full((4000, 2, 2, 1), 0.25, np.float32), np.arange(4000) % 3
    rng = np.random.default_rng(0)
    (x_t, t, label), noise, _ = diffusion.noisy_examples(x, y, COSINE, rng, null=3)
    np.testing.assert_allclose(
        diffusion.predicted_image(x_t[t < 150], t[t < 150], noise[t < 150], COSINE), -0.5, atol=1e-3
    )
    assert (t.min(), t.max()) == (0, 199)
    assert np.mean(label == 3) == pytest.approx(0.1, abs=0.02)
    assert (label == y)[label != 3].all()


def test_weighted_errors_of_the_noise_are_errors_of_v():
    rng = np.random.default_rng(0)
    x, steps = rng.random((500, 2, 2, 1), dtype=np.float32), 190  # the last are cut
    alpha_bar = COSINE[:steps]
    (x_t, t, _), noise, weight = diffusion.noisy_examples(x, np.zeros(500), alpha_bar, rng, None)
    left = alpha_bar[t].reshape(-1, 1, 1, 1)
    v = np.sqrt(left) * noise - np.sqrt(1 - left) * (2 * x - 1)
    said = v + 0.1 * rng.standard_normal(v.shape)
    noise_said = np.sqrt(1 - left) * x_t + np.sqrt(left) * said
    weighted = weight * np.mean((noise_said - noise) ** 2, axis=-1)
    np.testing.assert_allclose(weighted, np.mean((said - v) ** 2, axis=-1), rtol=1e-3)


def test_batches_are_new_every_epoch_and_the_same_in_every_run():
    x, y = np.random.default_rng(0).random((10, 4, 4, 1)), np.arange(10) % 3
    one, other = (diffusion.noisy_batches(x, y, COSINE, null=3, batch_size=4) for _ in range(2))
    assert len(one) == 2
    np.testing.assert_array_equal(one[1][1], other[1][1])
    one.on_epoch_end()
    assert not np.array_equal(one[1][1], other[1][1])


# --- the samplers


def test_ddim_with_eta_1_is_ddpm():
    rng = np.random.default_rng(0)
    x_t, x0, z = rng.standard_normal((3, 4, 5))
    for t, s in ((199, 150), (100, 99), (3, 0)):
        np.testing.assert_allclose(
            diffusion.ddim_step(x_t, x0, COSINE[t], COSINE[s], z, eta=1.0),
            diffusion.ddpm_step(x_t, x0, COSINE[t], COSINE[s], z),
            rtol=1e-6,
        )


def test_ddpm_step_draws_from_bayes_rule():
    """q(x_s | x_t, x_0) from the product of the two Gaussians q(x_s | x_0) and q(x_t | x_s)."""
    at_t, at_s, x0, x_t = 0.3, 0.5, 0.7, -0.4
    a = at_t / at_s
    precision = 1 / (1 - at_s) + a / (1 - a)
    mean = (np.sqrt(at_s) * x0 / (1 - at_s) + np.sqrt(a) * x_t / (1 - a)) / precision
    assert diffusion.ddpm_step(x_t, x0, at_t, at_s, 0.0) == pytest.approx(mean)
    with_noise = diffusion.ddpm_step(x_t, x0, at_t, at_s, 1.0)
    assert with_noise - mean == pytest.approx(precision**-0.5)


@pytest.mark.parametrize(("steps", "eta"), [(200, 1.0), (200, 0.0), (100, 0.5)])
def test_sampler_with_the_exact_denoiser_recovers_the_gaussian(steps, eta):
    start = np.random.default_rng(1).standard_normal((20_000, 1)).astype(np.float32)
    x = last(
        diffusion.denoise(exact(0.3, 0.2, COSINE), start, COSINE, steps=steps, eta=eta, limits=None)
    )
    assert x.mean() == pytest.approx(0.3, abs=0.01)
    assert x.std() == pytest.approx(0.2, rel=0.06)


def test_without_new_noise_the_start_decides():
    start = np.random.default_rng(1).standard_normal((50, 1)).astype(np.float32)
    options = {"steps": 20, "limits": None}
    one, other = (
        last(diffusion.denoise(exact(0, 1, COSINE), start, COSINE, seed=seed, **options))
        for seed in (0, 1)
    )
    np.testing.assert_array_equal(one, other)
    # For data that are N(0, 1) every step multiplies by a cosine, near 1 if steps are small.
    angle = np.arccos(np.sqrt(COSINE[diffusion.time_steps(200, 20)]))
    factor = np.prod(np.cos(-np.diff([*angle, 0.0])))
    np.testing.assert_allclose(one, factor * start, rtol=1e-5)


def test_images_stay_within_the_limits():
    start = np.random.default_rng(1).standard_normal((50, 1)).astype(np.float32)
    x = last(diffusion.denoise(exact(0, 3, COSINE), start, COSINE, steps=20))
    assert np.abs(x).max() <= 1


def test_the_known_part_is_kept_and_the_rest_agrees_with_it():
    """Two pixels that are always equal: when one is known, the other must come out like it."""

    def noise_of(x, t):  # the exact denoiser of (v, v) with v from N(0, 1)
        left = COSINE[t]
        v = np.sqrt(left) * x.sum(axis=1, keepdims=True) / (1 + left)
        return (x - np.sqrt(left) * v) / np.sqrt(1 - left)

    rng = np.random.default_rng(0)
    known = np.repeat(rng.standard_normal((500, 1)), 2, axis=1)
    mask = np.array([[True, False]]).repeat(500, axis=0)
    start = rng.standard_normal((500, 2)).astype(np.float32)
    options = {"known": known, "mask": mask, "eta": 1.0, "steps": 50, "limits": None}
    errors = []
    for repeats in (1, 8):
        x = last(diffusion.denoise(noise_of, start, COSINE, repeats=repeats, **options))
        np.testing.assert_allclose(x[:, 0], known[:, 0], rtol=1e-5)
        errors.append(np.abs(x[:, 1] - known[:, 1]).mean())
    assert errors[1] < 0.5 * errors[0]  # what RePaint's repetitions are for


def test_steps_run_from_the_noisiest_down():
    np.testing.assert_array_equal(diffusion.time_steps(1000, 1000), np.arange(999, -1, -1))
    assert diffusion.time_steps(1000, 4).tolist() == [999, 749, 499, 249]
    for steps in range(1, 50):
        assert len(set(diffusion.time_steps(49, steps))) == steps


# --- guidance


def test_guidance_goes_beyond_the_class_away_from_no_class():
    network, rng = small_network(), np.random.default_rng(0)
    x, labels = rng.standard_normal((2, 8, 8, 1)).astype(np.float32), np.array([0, 2])
    said = {scale: diffusion.guided(network, labels, scale)(x, 20) for scale in (0, 1, 3)}
    none = diffusion.guided(network, np.array([3, 3]))(x, 20)
    np.testing.assert_allclose(said[0], none, rtol=1e-5)
    np.testing.assert_allclose(said[3], none + 3 * (said[1] - none), rtol=1e-4, atol=1e-5)
    assert np.abs(said[1] - none).max() > 1e-3  # the class does something


def test_many_images_in_parts_get_the_answers_of_one_pass(monkeypatch):
    network, labels = small_network(), np.array([0, 1, 2, 3, 0])
    x = np.random.default_rng(0).standard_normal((5, 8, 8, 1)).astype(np.float32)
    whole = diffusion.guided(network, labels)(x, 20)
    monkeypatch.setattr(diffusion, "BATCH", 2)
    np.testing.assert_allclose(diffusion.guided(network, labels)(x, 20), whole, atol=1e-4)


def test_generated_images_lie_between_0_and_1_and_follow_the_seed():
    network, alpha_bar = small_network(), diffusion.cosine_schedule(50)
    one, again, other = (
        diffusion.generate(network, np.array([0, 3]), alpha_bar, steps=3, seed=seed)
        for seed in (0, 0, 1)
    )
    assert one.shape == (2, 8, 8, 1)
    assert 0 <= one.min() <= one.max() <= 1
    np.testing.assert_array_equal(one, again)
    assert not np.allclose(one, other, atol=0.01)


def test_images_in_colour_have_noise_and_pixels_in_three_channels():
    """The shape is a list on a checkpoint's card."""
    network = models.build_diffusion_unet([8, 8, 3], 3, widths=(8, 16), steps=50)
    network.get_layer("v").set_weights([np.full((3, 3, 7, 3), 0.1), np.zeros(3)])
    drawn = diffusion.generate(network, np.array([0, 3]), diffusion.cosine_schedule(50), steps=3)
    assert drawn.shape == (2, 8, 8, 3)
    assert np.ptp(drawn, axis=3).max() > 0.05

    x = np.random.default_rng(0).standard_normal((1, 8, 8, 3)).astype(np.float32)
    told = [np.array([20]), np.array([0])]
    said = network.predict_on_batch([x, *told])
    x[..., 0] += 1  # red is seen by the answers of all three
    assert (np.abs(network.predict_on_batch([x, *told]) - said).max(axis=(0, 1, 2)) > 1e-3).all()


def test_inpainting_keeps_the_pixels_it_was_given():
    network, rng = small_network(), np.random.default_rng(0)
    images, mask = rng.random((2, 8, 8, 1)).astype(np.float32), np.zeros((1, 8, 8, 1), bool)
    mask[:, :4] = True
    alpha_bar = diffusion.cosine_schedule(50)
    drawn = diffusion.inpaint(
        network, images, mask, np.array([0, 1]), alpha_bar, steps=4, repeats=2
    )
    np.testing.assert_allclose(drawn[:, :4], images[:, :4], atol=1e-6)
    assert np.abs(drawn[:, 4:] - images[:, 4:]).mean() > 0.05


def test_training_lowers_the_loss_and_leaves_the_running_mean():
    network = stand_in()
    x = np.zeros((64, 8, 8, 1), np.float32)
    batches = diffusion.noisy_batches(
        x, np.zeros(64, int), diffusion.cosine_schedule(50), null=3, batch_size=16
    )
    diffusion.compile_denoiser(network, 40, learning_rate=0.05, averaging=0.9)
    history = network.fit(batches, epochs=10, verbose=0).history["loss"]
    assert history[-1] < 0.8 * history[0]
    average = network.optimizer._model_variables_moving_average
    np.testing.assert_array_equal(average[0], network.trainable_variables[0])


# --- refusals


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: diffusion.linear_schedule(1), "at least 2 steps"),
        (lambda: diffusion.linear_schedule(10, 0.5, 0.1), "first ≤ last"),
        (lambda: diffusion.cosine_schedule(10, -1), "offset of at least 0"),
        (lambda: diffusion.add_noise(np.zeros(3), 0, np.zeros(2), COSINE), "shape (3,)"),
        (lambda: diffusion.add_noise(np.zeros(3), 200, np.zeros(3), COSINE), "-1..199"),
        (lambda: diffusion.time_steps(10, 11), "1..10"),
        (lambda: last(diffusion.denoise(None, np.zeros(3), COSINE, eta=2)), "eta must lie in 0..1"),
        (lambda: last(diffusion.denoise(None, np.zeros(3), COSINE, known=1)), "come together"),
        (
            lambda: last(
                diffusion.denoise(
                    None, np.zeros(3), COSINE, known=np.zeros(2), mask=np.zeros(3, bool)
                )
            ),
            "start's shape (3,)",
        ),
        (lambda: diffusion.guided(stand_in(), np.array([4])), "integers"),
        (lambda: diffusion.guided(stand_in(), np.array([0.5])), "0..3"),
    ],
)
def test_bad_requests_are_refused_in_a_sentence(call, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        call()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"image_shape": (30, 28, 1)}, "multiples of 4"),
        ({"widths": (12, 64)}, "multiples of groups=8"),
        ({"widths": (32,)}, "two multiples"),
        ({"num_classes": 0}, "num_classes must be at least 1"),
    ],
)
def test_impossible_networks_are_refused(options, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        models.build_diffusion_unet(**options)


# --- the network


def test_network_predicts_noise_of_the_images_shape():
    network = models.build_diffusion_unet((28, 28, 1))
    assert network.output_shape == (None, 28, 28, 1)
    assert diffusion.null_class(network) == 10
    assert network.count_params() < 600_000


def test_network_hears_the_time_and_the_class():
    network = small_network()
    x = np.random.default_rng(0).standard_normal((1, 8, 8, 1)).astype(np.float32)

    def says(t, label):
        return network.predict_on_batch([x, np.array([t]), np.array([label])])

    assert np.abs(says(5, 0) - says(40, 0)).max() > 1e-3
    assert np.abs(says(5, 0) - says(5, 1)).max() > 1e-3


def test_noise_follows_from_v():
    rng, alpha_bar = np.random.default_rng(0), diffusion.cosine_schedule(50)
    x0, noise = rng.standard_normal((2, 4, 3, 3, 1)).astype(np.float32)
    t = np.array([0, 10, 30, 49])
    left = alpha_bar[t].reshape(-1, 1, 1, 1)
    v = np.sqrt(left) * noise - np.sqrt(1 - left) * x0
    x_t = diffusion.add_noise(x0, t, noise, alpha_bar)
    found = models.NoiseFromVelocity(50)([x_t, t, v.astype(np.float32)])
    np.testing.assert_allclose(found, noise, atol=1e-5)


def test_time_embedding_is_the_transformers_positions():
    layer = models.TimeEmbedding(20, 6)
    np.testing.assert_allclose(layer(np.array([0, 19])), models.sinusoids(20, 6)[[0, 19]])


def test_saved_network_answers_the_same(tmp_path):
    network = small_network()
    network.save(tmp_path / "network.keras")
    again = keras.saving.load_model(tmp_path / "network.keras")
    rng = np.random.default_rng(0)
    asked = [
        rng.standard_normal((2, 8, 8, 1)).astype("float32"),
        np.array([3, 7]),
        np.array([0, 3]),
    ]
    np.testing.assert_array_equal(again.predict_on_batch(asked), network.predict_on_batch(asked))
