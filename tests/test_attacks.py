"""Attacks keep within their bounds and do what the closed forms say; poison is where it should."""

import keras
import numpy as np
import pytest
from keras import layers

import course_utils as cu
from course_utils import attacks


@pytest.fixture
def linear(float32):
    """Two classes, logits (0, w·x): the loss of class 0 rises with w·x, so FGSM is optimal."""
    inputs = keras.Input((4, 4, 1))
    model = keras.Model(inputs, layers.Dense(2, use_bias=False)(layers.Flatten()(inputs)))
    w = np.random.default_rng(0).normal(size=16).astype(np.float32)
    model.set_weights([np.stack([np.zeros(16, np.float32), w], axis=1)])
    return model, w


_weights = []


@pytest.fixture
def trained(tiny_data, float32):
    """A small classifier of `tiny_data`, trained once for all tests and fresh in each."""
    keras.utils.set_random_seed(0)
    inputs = keras.Input((8, 8, 1))
    x = layers.Conv2D(8, 3, activation="relu")(inputs)
    x = layers.Dense(16, activation="relu")(layers.Flatten()(x))
    model = keras.Model(inputs, layers.Dense(3)(x))
    if not _weights:
        cu.fit(model, tiny_data, epochs=8, batch_size=16, learning_rate=1e-2)
        _weights.extend(model.get_weights())
    model.set_weights(_weights)
    return model


def losses(model, images, labels):
    logits = np.asarray(model(images), np.float64)
    logits -= logits.max(axis=1, keepdims=True)
    return np.log(np.exp(logits).sum(1)) - logits[np.arange(len(labels)), labels]


def test_fgsm_moves_the_logit_of_a_linear_model_by_epsilon_times_the_l1_norm(linear):
    model, w = linear
    images = np.full((3, 4, 4, 1), 0.5, np.float32)  # far from 0 and 1: nothing is clipped
    attacked = attacks.fgsm(model, images, np.zeros(3, np.int32), 0.1)
    moved = np.asarray(model(attacked) - model(images))[:, 1]
    np.testing.assert_allclose(moved, 0.1 * np.abs(w).sum(), rtol=1e-5)


def test_pgd_reaches_the_optimal_corner_of_a_linear_model(linear):
    model, w = linear
    images = np.full((2, 4, 4, 1), 0.5, np.float32)
    attacked = attacks.pgd(model, images, np.zeros(2, np.int32), 0.1, steps=5)
    np.testing.assert_allclose(attacked.reshape(2, 16), [0.5 + 0.1 * np.sign(w)] * 2, atol=1e-6)


def test_the_attack_lowers_the_logit_of_the_true_class(linear):
    model, w = linear
    images = np.full((1, 4, 4, 1), 0.5, np.float32)
    attacked = attacks.fgsm(model, images, np.ones(1, np.int32), 0.1)
    np.testing.assert_allclose(attacked.ravel(), 0.5 - 0.1 * np.sign(w), atol=1e-6)


@pytest.mark.parametrize("epsilon", [0.0, 0.03, 0.3])
def test_no_attack_leaves_the_ball_or_the_range_of_pixels(trained, tiny_data, epsilon):
    images, labels = tiny_data.test
    for attacked in (
        attacks.fgsm(trained, images, labels, epsilon),
        attacks.pgd(trained, images, labels, epsilon, steps=4),
        attacks.random_signs(images, epsilon),
    ):
        assert attacked.dtype == np.float32
        assert attacked.min() >= 0
        assert attacked.max() <= 1
        assert np.abs(attacked - images).max() <= epsilon + 1e-6


def test_pgd_raises_the_loss_more_than_fgsm_and_fgsm_more_than_noise(trained, tiny_data):
    images, labels = tiny_data.test
    noise = losses(trained, attacks.random_signs(images, 0.2), labels).mean()
    one = losses(trained, attacks.fgsm(trained, images, labels, 0.2), labels).mean()
    many = losses(trained, attacks.pgd(trained, images, labels, 0.2, steps=20), labels).mean()
    assert many >= one > noise + 0.1


def test_an_attack_changes_no_weight(trained, tiny_data):
    before = [w.copy() for w in trained.get_weights()]
    attacks.pgd(trained, *tiny_data.test, 0.1, steps=2)
    for old, new in zip(before, trained.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_an_image_is_attacked_alike_alone_and_in_company(trained, tiny_data, monkeypatch):
    images, labels = tiny_data.test
    together = attacks.fgsm(trained, images, labels, 0.1)
    monkeypatch.setattr(attacks, "BATCH", 7)
    np.testing.assert_allclose(attacks.fgsm(trained, images, labels, 0.1), together, atol=1e-6)


def test_the_random_start_is_repeatable_and_depends_on_the_seed(trained, tiny_data):
    first, same, other = (
        attacks.pgd(trained, *tiny_data.test, 0.1, steps=1, step_size=0.01, seed=seed)
        for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(first, same)
    assert np.abs(first - other).max() > 0.01


def test_random_signs_are_plus_or_minus_epsilon_in_equal_parts():
    images = np.full((10, 8, 8, 1), 0.5, np.float32)
    change = attacks.random_signs(images, 0.25) - images
    assert set(np.unique(change)) == {-0.25, 0.25}
    assert abs(change.mean()) < 0.05


@pytest.mark.parametrize(
    ("images", "epsilon", "message"),
    [
        (np.full((1, 8, 8, 1), 255.0, np.float32), 0.1, r"must lie in \[0, 1\], not in 255..255"),
        (np.zeros((1, 8, 8, 1), np.float32), -0.1, "epsilon must not be negative, not -0.1"),
        (np.zeros((1, 9, 8, 1), np.float32), 0.1, "expects inputs of shape"),
    ],
)
def test_what_cannot_be_attacked_is_refused(trained, images, epsilon, message):
    for attack in (attacks.fgsm, attacks.pgd):
        with pytest.raises(ValueError, match=message):
            attack(trained, images, np.zeros(1, np.int32), epsilon)


def test_pgd_without_a_step_is_refused(trained, tiny_data):
    with pytest.raises(ValueError, match="at least one step, not 0"):
        attacks.pgd(trained, *tiny_data.test, 0.1, steps=0)


def test_adversarial_training_makes_the_classifier_itself_harder_to_attack(trained, tiny_data):
    images, labels = tiny_data.test
    before = np.mean(losses(trained, attacks.pgd(trained, images, labels, 0.2), labels))
    cu.fit(
        attacks.AdversarialTraining(trained, 0.2, steps=3),
        tiny_data,
        epochs=6,
        batch_size=16,
        learning_rate=5e-3,
    )
    after = np.mean(losses(trained, attacks.pgd(trained, images, labels, 0.2), labels))
    assert after < 0.7 * before


def test_adversarial_training_without_a_ball_is_ordinary_training(tiny_data, float32):
    keras.utils.set_random_seed(0)
    inputs = keras.Input((8, 8, 1))
    plain = keras.Model(inputs, layers.Dense(3)(layers.Flatten()(inputs)))
    twin = keras.models.clone_model(plain)
    twin.set_weights(plain.get_weights())
    for model in (plain, attacks.AdversarialTraining(twin, 0.0, steps=2)):
        keras.utils.set_random_seed(1)
        cu.fit(model, tiny_data, epochs=1, batch_size=16)
    for a, b in zip(plain.get_weights(), twin.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)


@pytest.mark.parametrize(("epsilon", "steps"), [(-0.1, 2), (0.1, 0)])
def test_impossible_adversarial_training_is_refused(trained, epsilon, steps):
    with pytest.raises(ValueError, match=f"not {epsilon} and {steps}"):
        attacks.AdversarialTraining(trained, epsilon, steps)


def test_the_stamp_is_a_white_square_and_leaves_its_input_alone():
    images = np.zeros((2, 8, 8, 1), np.float32)
    stamped = attacks.stamp(images, size=2)
    assert images.max() == 0
    assert stamped.sum() == 2 * 4
    assert stamped[:, 5:7, 5:7].min() == 1


def test_poison_stamps_and_relabels_the_given_share_and_nothing_else():
    rng = np.random.default_rng(0)
    images = rng.random((200, 8, 8, 1), dtype=np.float32) * 0.9
    labels = (np.arange(200) % 4).astype(np.int32)
    dirty, names = attacks.poison(images, labels, target=2, share=0.1)
    changed = (dirty != images).any(axis=(1, 2, 3))
    assert changed.sum() == 20
    np.testing.assert_array_equal(changed, names != labels)  # never one of the target class
    np.testing.assert_array_equal(dirty[changed], attacks.stamp(images[changed]))
    assert set(names[changed]) == {2}
    assert names.dtype == np.int32


@pytest.mark.parametrize("share", [-0.1, 0.9])
def test_an_impossible_share_of_poison_is_refused(share):
    labels = np.arange(8) % 4
    with pytest.raises(ValueError, match=f"between 0 and 0.75, .* not {share}"):
        attacks.poison(np.zeros((8, 8, 8, 1), np.float32), labels, target=0, share=share)


def test_the_shipped_robust_network_withstands_what_breaks_the_usual_one(float32):
    images, labels = (part[:100] for part in cu.datasets.load("mnist").test)
    robust = cu.checkpoints.load("mnist-robust-cnn")
    attacked = attacks.pgd(robust, images, labels, 0.3)
    assert cu.evaluation.accuracy(robust, images, labels) >= 0.93
    assert cu.evaluation.accuracy(robust, attacked, labels) >= 0.75
    usual = cu.checkpoints.load("mnist-cnn")
    attacked = attacks.pgd(usual, images, labels, 0.15, steps=5)
    assert cu.evaluation.accuracy(usual, attacked, labels) <= 0.4
