"""CLIP: the loss against NumPy, the temperature's bounds, and towers that stand alone."""

import math

import keras
import numpy as np
import pytest

from course_utils import models

SMALL = {
    "input_shape": (8, 8, 3),
    "vocabulary_size": 9,
    "sequence_length": 5,
    "embedding": 6,
    "image_widths": (4, 4),
    "text_width": 8,
    "heads": 2,
}


def reference(logits):
    """The loss as section 2 of the paper tells it: a softmax a row and one a column."""
    n = len(logits)
    rows = logits[np.arange(n), np.arange(n)] - np.log(np.exp(logits).sum(1))
    columns = logits[np.arange(n), np.arange(n)] - np.log(np.exp(logits).sum(0))
    return -(rows.mean() + columns.mean()) / 2


def loss_of(logits):
    return float(models.ContrastiveLoss()(np.zeros(len(logits)), logits.astype(np.float32)))


@pytest.fixture
def batch():
    rng = np.random.default_rng(0)
    images = rng.random((7, 8, 8, 3), dtype=np.float32)
    tokens = rng.integers(1, 9, (7, 5)).astype(np.int32)
    tokens[:, 3:] = 0
    return images, tokens


def test_loss_equals_numpy():
    logits = 3 * np.random.default_rng(0).normal(size=(6, 6))
    assert loss_of(logits) == pytest.approx(reference(logits), rel=1e-5)


def test_loss_equals_the_cross_entropy_of_keras_both_ways():
    logits = np.random.default_rng(1).normal(size=(5, 5)).astype(np.float32)
    cross_entropy = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    both = (cross_entropy(np.arange(5), logits) + cross_entropy(np.arange(5), logits.T)) / 2
    assert loss_of(logits) == pytest.approx(float(both), rel=1e-5)


def test_loss_is_symmetric_in_pictures_and_captions():
    logits = np.random.default_rng(2).normal(size=(6, 6))
    assert loss_of(logits) == pytest.approx(loss_of(logits.T), rel=1e-6)


@pytest.mark.parametrize("batch_size", [2, 64])
def test_towers_that_know_nothing_have_a_loss_of_log_batch(batch_size):
    assert loss_of(np.full((batch_size, batch_size), 0.3)) == pytest.approx(math.log(batch_size))


def test_random_embeddings_have_almost_that_loss():
    x, y = np.random.default_rng(3).normal(size=(2, 64, 512))
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    y /= np.linalg.norm(y, axis=1, keepdims=True)
    assert loss_of(x @ y.T) == pytest.approx(math.log(64), abs=0.02)


def test_loss_falls_to_zero_where_every_pair_is_found():
    assert loss_of(50 * np.eye(4)) < 1e-6
    assert loss_of(50 * np.roll(np.eye(4), 1, axis=0)) > 40


@pytest.mark.parametrize("shape", [(4, 5), (4,), (2, 4, 4)])
def test_logits_that_are_no_square_are_refused(shape):
    with pytest.raises(ValueError, match=r"should be \(batch, batch\)"):
        models.ContrastiveLoss().call(np.zeros(4), np.zeros(shape, np.float32))


def test_similarity_is_the_cosine_over_the_temperature(seeded):
    layer = models.ScaledSimilarity(temperature=0.5)
    x, y = np.eye(3, dtype=np.float32), np.eye(3, dtype=np.float32)[::-1]
    np.testing.assert_allclose(layer([x, y]), 2 * x @ y.T, rtol=1e-6)


def test_training_never_lowers_the_temperature_below_its_bound(seeded):
    layer = models.ScaledSimilarity(temperature=0.011)
    x = np.eye(4, dtype=np.float32)
    inputs = [keras.Input((4,)), keras.Input((4,))]
    model = keras.Model(inputs, layer(inputs))
    # All pairs are right already: a lower temperature lowers the loss for ever.
    model.compile(keras.optimizers.SGD(1e6), loss=models.ContrastiveLoss())
    layer.log_scale.assign(1.0)
    model.fit([x, x], np.zeros(4), epochs=3, verbose=0)
    assert float(layer.log_scale) == pytest.approx(math.log(100), rel=1e-5)


def test_a_fixed_temperature_stays(seeded, batch):
    model = models.build_clip(**SMALL, blocks=0, learned_temperature=False)
    model.compile("adam", loss=models.ContrastiveLoss())
    model.fit(list(batch), np.zeros(7), batch_size=7, verbose=0)
    assert float(model.get_layer("similarity").log_scale) == pytest.approx(-math.log(0.07))


@pytest.mark.parametrize("temperature", [0.001, 0, -1])
def test_a_temperature_below_the_bound_is_refused(temperature):
    with pytest.raises(ValueError, match="temperature must be at least"):
        models.ScaledSimilarity(temperature)


def test_towers_give_unit_vectors_and_the_model_their_products(seeded, batch):
    model = models.build_clip(**SMALL)
    images, tokens = batch
    x = model.get_layer("image_tower").predict(images, verbose=0)
    y = model.get_layer("text_tower").predict(tokens, verbose=0)
    for some in (x, y):
        assert some.shape == (7, 6)
        np.testing.assert_allclose(np.linalg.norm(some, axis=1), 1, rtol=1e-5)
    logits = model.predict([images, tokens], verbose=0)
    np.testing.assert_allclose(logits, x @ y.T / 0.07, rtol=1e-4, atol=1e-4)


def test_padding_changes_nothing(seeded):
    tower = models.build_clip(**SMALL, positions="sinusoidal").get_layer("text_tower")
    longer = models.build_clip(**(SMALL | {"sequence_length": 9}), positions="sinusoidal")
    longer = longer.get_layer("text_tower")
    longer.set_weights(tower.get_weights())
    short, padded = np.array([[3, 4, 5, 0, 0]]), np.array([[3, 4, 5, 0, 0, 0, 0, 0, 0]])
    np.testing.assert_allclose(tower(short), longer(padded), rtol=1e-4, atol=1e-5)


def test_a_bag_of_words_is_blind_to_order_and_the_transformer_is_not(seeded):
    sentence, other = np.array([[3, 4, 5, 6, 7]]), np.array([[7, 4, 5, 6, 3]])
    bag = models.build_clip(**SMALL, blocks=0, positions="none").get_layer("text_tower")
    np.testing.assert_allclose(bag(sentence), bag(other), atol=1e-6)
    reader = models.build_clip(**SMALL, positions="sinusoidal").get_layer("text_tower")
    assert np.abs(reader(sentence) - reader(other)).max() > 1e-3


def test_it_learns_which_caption_belongs_to_which_picture(seeded, batch):
    model = models.build_clip(**SMALL, blocks=0, shift=0, dropout=0)
    model.compile(keras.optimizers.Adam(1e-2), loss=models.ContrastiveLoss())
    history = model.fit(list(batch), np.zeros(7), batch_size=7, epochs=60, verbose=0)
    assert history.history["loss"][0] > 1.5
    assert history.history["loss"][-1] < 0.3


def test_saved_and_loaded_it_gives_the_same(seeded, batch, tmp_path):
    model = models.build_clip(**SMALL, temperature=0.2)
    model.save(tmp_path / "clip.keras")
    again = keras.models.load_model(tmp_path / "clip.keras")
    before = model.predict(list(batch), verbose=0)
    np.testing.assert_allclose(again.predict(list(batch), verbose=0), before, atol=1e-5)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"heads": 3}, "divisible by heads"),
        ({"vocabulary_size": 2}, "vocabulary_size must be at least 3"),
        ({"sequence_length": 0}, "sequence_length at least 1"),
        ({"input_shape": (3, 8, 3)}, "at least 4 pixels"),
        ({"input_shape": (8, 8)}, r"not \(8, 8\)"),
        ({"positions": "fourier"}, "positions must be one of"),
    ],
)
def test_sizes_that_cannot_be_are_refused(change, said):
    with pytest.raises(ValueError, match=said):
        models.build_clip(**(SMALL | change))
