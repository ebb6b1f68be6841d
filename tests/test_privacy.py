"""Private training: what is clipped, what noise is added, and what the accountant promises."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from course_utils import privacy

pytestmark = pytest.mark.usefixtures("float32")


def linear(seed=0):
    keras.utils.set_random_seed(seed)
    return keras.Sequential([keras.Input((4,)), layers.Dense(3)])


def examples(count=8, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(count, 4)).astype(np.float32), rng.integers(0, 3, count)


def by_hand(model, x, y):
    """Gradients of each example's cross-entropy, (count, 15): softmax minus one-hot, times x."""
    kernel, bias = model.get_weights()
    logits = x @ kernel + bias
    shares = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    error = shares - np.eye(3)[y]
    return np.concatenate([(x[:, :, None] * error[:, None]).reshape(len(x), -1), error], axis=1)


@pytest.mark.parametrize("clip", [0.1, 0.8, 100.0])
def test_every_gradient_is_clipped_by_itself(clip):
    model, (x, y) = linear(), examples()
    weights = np.array([1, 1, 0, 1, 1, 0, 1, 1], np.float32)
    single = by_hand(model, x, y)
    norms = np.linalg.norm(single, axis=1, keepdims=True)
    expected = (weights[:, None] * single * np.minimum(1, clip / norms)).sum(0)
    found = privacy.clipped_sum(model, tf.constant(x), tf.constant(y), tf.constant(weights), clip)
    flat = np.concatenate([np.ravel(one) for one in found])
    np.testing.assert_allclose(flat, expected, atol=1e-5)


def test_a_convolutional_network_without_clipping_has_the_usual_gradient():
    keras.utils.set_random_seed(1)
    model = keras.Sequential(
        [
            keras.Input((6, 6, 1)),
            layers.Conv2D(2, 3, activation="tanh"),
            layers.Flatten(),
            layers.Dense(3),
        ]
    )
    rng = np.random.default_rng(0)
    x, y = tf.constant(rng.normal(size=(5, 6, 6, 1)), tf.float32), tf.constant([0, 1, 2, 1, 0])
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(
            tf.nn.sparse_softmax_cross_entropy_with_logits(y, model(x, training=True))
        )
    expected = tape.gradient(loss, [v.value for v in model.trainable_variables])
    for one, other in zip(privacy.clipped_sum(model, x, y, tf.ones(5), 1e6), expected, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


def test_one_step_adds_noise_of_the_promised_size():
    """With examples that do not matter (clip tiny), the step is the noise alone."""
    x, y = examples(100)
    model = keras.Sequential([keras.Input((4,)), layers.Dense(3000)])
    before = [np.array(w) for w in model.get_weights()]
    clip, noise, batch = 1e-3, 2.0, 50
    privacy.fit_privately(
        model, x, y, steps=1, batch_size=batch, noise_multiplier=noise, clip=clip, learning_rate=1.0
    )
    moved = np.concatenate(
        [np.ravel(a - b) for a, b in zip(before, model.get_weights(), strict=True)]
    )
    # Gradients add at most clip each to the norm of all 15,000 numbers.
    assert moved.std() == pytest.approx(noise * clip / batch, rel=0.05)


def test_without_noise_or_clipping_and_with_all_examples_it_is_gradient_descent():
    x, y = examples(16)
    private, plain = linear(3), linear(3)
    settings = {"learning_rate": 0.1, "momentum": 0.9}
    privacy.fit_privately(
        private, x, y, steps=5, batch_size=16, noise_multiplier=0.0, clip=1e6, **settings
    )
    plain.compile(
        keras.optimizers.SGD(**settings), keras.losses.SparseCategoricalCrossentropy(True)
    )
    plain.fit(x, y, batch_size=16, epochs=5, verbose=0)
    for one, other in zip(private.get_weights(), plain.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


def test_the_same_seed_trains_the_same_model():
    x, y = examples(32)
    trained = []
    for seed in (0, 0, 1):
        model = linear()
        privacy.fit_privately(model, x, y, steps=3, batch_size=8, noise_multiplier=1.0, seed=seed)
        trained.append(model.get_weights()[0])
    np.testing.assert_array_equal(trained[0], trained[1])
    assert (trained[0] != trained[2]).any()


def test_the_promise_is_as_published_or_tighter():
    """Abadi et al. 2016, section 3.2: q = 0.01, σ = 4, 10,000 steps, δ = 1e-5 give ε ≈ 1.26."""
    found = privacy.epsilon(examples=10_000, batch_size=100, steps=10_000, noise_multiplier=4.0)
    assert 0.8 < found <= 1.26


def test_a_full_batch_and_one_step_is_the_gaussian_mechanism():
    """Balle and Wang 2018, Theorem 8: δ(ε) = Φ(1/2σ − εσ) − e^ε Φ(−1/2σ − εσ)."""
    from scipy.stats import norm

    sigma, delta = 1.5, 1e-5
    found = privacy.epsilon(examples=50, batch_size=50, steps=1, noise_multiplier=sigma)
    back = norm.cdf(0.5 / sigma - found * sigma) - np.exp(found) * norm.cdf(
        -0.5 / sigma - found * sigma
    )
    assert back == pytest.approx(delta, rel=0.02)


def test_noise_for_inverts_epsilon():
    sizes = {"examples": 2000, "batch_size": 200, "steps": 100}
    noise = privacy.noise_for(2.0, **sizes)
    assert privacy.epsilon(noise_multiplier=noise, **sizes) == pytest.approx(2.0, abs=0.02)


def test_the_most_advantage():
    assert privacy.most_advantage(0.0, 0.0) == 0
    # Randomized response with odds e^ε reaches the bound: TPR − FPR = (e^ε − 1) / (e^ε + 1).
    assert privacy.most_advantage(1.0, 0.0) == pytest.approx(np.tanh(0.5))


@pytest.mark.parametrize(
    "wrong",
    [{"batch_size": 99}, {"steps": 0}, {"clip": 0.0}, {"noise_multiplier": -1.0}],
)
def test_numbers_that_make_no_sense_are_refused(wrong):
    x, y = examples()
    settings = {"steps": 1, "batch_size": 4, "noise_multiplier": 1.0} | wrong
    with pytest.raises(ValueError, match=r"batch_size must lie in 1\.\.8"):
        privacy.fit_privately(linear(), x, y, **settings)


def test_batch_normalization_and_no_noise_are_refused():
    x, y = examples()
    mixing = keras.Sequential([keras.Input((4,)), layers.BatchNormalization(), layers.Dense(3)])
    with pytest.raises(ValueError, match="normalizes over the batch"):
        privacy.fit_privately(mixing, x, y, steps=1, batch_size=4, noise_multiplier=1.0)
    with pytest.raises(ValueError, match="no promise"):
        privacy.epsilon(examples=10, batch_size=5, steps=1, noise_multiplier=0.0)
