"""The translator: its cell equals Keras's GRU, attention equals its formula, padding is nothing."""

import keras
import numpy as np
import pytest
from keras import layers

from course_utils.models import (
    AdditiveAttention,
    GRUCell,
    build_translator,
    translate,
    words_before,
)

pytestmark = pytest.mark.usefixtures("seeded")
SOURCE, TARGET = 7, 9


def small(attention, source_length=6, target_length=5):
    model = build_translator(
        SOURCE, TARGET, source_length, target_length, width=4, units=5, attention=attention
    )
    rng = np.random.default_rng(1)
    # Biases start at zero, which would hide an error about them.
    model.set_weights([w + rng.normal(0, 0.5, w.shape).astype("f") for w in model.get_weights()])
    return model


@pytest.fixture
def ids():
    rng = np.random.default_rng(0)
    source = rng.integers(1, SOURCE, (4, 6)).astype(np.int32)
    source[np.arange(6) >= np.array([[2], [4], [5], [6]])] = 0
    return source, rng.integers(3, TARGET, (4, 5)).astype(np.int32)


def test_gru_cell_equals_keras_with_the_same_weights():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(3, 11, 4)).astype("f")
    reference = layers.GRU(5, reset_after=False, return_sequences=True)
    expected = reference(x)
    weights = [rng.normal(0, 0.5, w.shape).astype("f") for w in reference.get_weights()]
    reference.set_weights(weights)
    expected = np.asarray(reference(x))
    cell, h = GRUCell(5), np.zeros((3, 5), "f")
    cell(x[:, 0], h)
    cell.set_weights(weights)
    for t in range(11):
        h = cell(x[:, t], h)
        np.testing.assert_allclose(h, expected[:, t], atol=1e-5)


def test_attention_equals_its_formula_and_ignores_padding():
    rng = np.random.default_rng(0)
    query, states = rng.normal(size=(2, 3)).astype("f"), rng.normal(size=(2, 4, 5)).astype("f")
    mask = np.array([[True] * 4, [True, True, False, False]])
    attention = AdditiveAttention(6)
    attention.build((None, 3), (None, None, 5))
    context, weights = attention(query, states, attention.project(states), mask)
    w, u, v = (np.asarray(a, float) for a in attention.get_weights())
    for i, length in enumerate((4, 2)):
        scores = [(np.tanh(query[i] @ w + states[i, t] @ u) @ v)[0] for t in range(length)]
        expected = np.exp(scores) / np.exp(scores).sum()
        np.testing.assert_allclose(weights[i, :length], expected, atol=1e-6)
        np.testing.assert_allclose(weights[i, length:], 0, atol=1e-6)
        np.testing.assert_allclose(context[i], expected @ states[i, :length], atol=1e-6)


@pytest.mark.parametrize("attention", [True, False])
def test_appended_padding_changes_nothing(attention, ids):
    source, target = ids
    model, longer = small(attention), small(attention, source_length=10)
    longer.set_weights(model.get_weights())
    before = words_before(target)
    expected = model([source, before])
    found = longer([np.pad(source, ((0, 0), (0, 4))), before])
    np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize("attention", [True, False])
def test_no_word_sees_itself_or_a_later_one(attention, ids):
    source, target = ids
    model = small(attention)
    changed = target.copy()
    changed[:, 3:] = 3
    first, second = (np.asarray(model([source, words_before(t)])) for t in (target, changed))
    np.testing.assert_allclose(first[:, :4], second[:, :4], atol=1e-6)
    assert np.abs(first[:, 4] - second[:, 4]).max() > 1e-3


@pytest.mark.parametrize("attention", [True, False])
def test_greedy_words_are_the_likeliest_after_themselves(attention, ids):
    source, _ = ids
    model = small(attention)
    words, weights = translate(model, source, batch_size=3)
    assert (words.shape, weights.shape) == ((4, 5), (4, 5, 6))
    forced = np.asarray(model([source, words_before(words)])).argmax(-1)
    np.testing.assert_array_equal(words, forced)
    np.testing.assert_allclose(weights.sum(-1), float(attention), atol=1e-5)


@pytest.mark.parametrize("attention", [True, False])
def test_saved_and_loaded_it_says_the_same(attention, ids, tmp_path):
    source, target = ids
    model = small(attention)
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    inputs = [source, words_before(target)]
    np.testing.assert_allclose(again(inputs), model(inputs), atol=1e-6)


def test_words_before_moves_by_one():
    np.testing.assert_array_equal(words_before(np.array([[5, 6, 2]])), [[1, 5, 6]])


def test_refusals(ids):
    with pytest.raises(ValueError, match="at least 1"):
        build_translator(SOURCE, TARGET, units=0)
    with pytest.raises(ValueError, match="must have shape"):
        translate(small(True), ids[0][:, :4])
