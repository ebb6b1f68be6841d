"""Recurrent networks and TextCNN: padding must not matter, references by hand, refusals."""

from types import SimpleNamespace

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy.special import expit as sigmoid

import course_utils as cu
from course_utils.models import build_lstm_classifier, build_row_lstm, build_textcnn
from course_utils.models.textcnn import HidePadding

WORDS, LENGTH = 30, 9


pytestmark = pytest.mark.usefixtures("seeded")


@pytest.fixture
def ids():
    """Rows of 3 to 9 words, padded with zeros at the end."""
    x = np.random.default_rng(0).integers(1, WORDS, (7, LENGTH)).astype(np.int32)
    x[np.arange(LENGTH) >= np.arange(3, 10)[:, None]] = 0
    return x


def small(builder, length=LENGTH, **options):
    model = builder(WORDS, length, 3, embedding_width=5, **options)
    rng = np.random.default_rng(1)
    # Biases start at zero, which would hide an error about them.
    model.set_weights([w + rng.normal(0, 0.3, w.shape).astype("f") for w in model.get_weights()])
    return model


BUILDERS = [
    pytest.param(build_lstm_classifier, {"units": 4}, id="both directions"),
    pytest.param(build_lstm_classifier, {"units": 4, "bidirectional": False}, id="one direction"),
    pytest.param(build_textcnn, {"filters": 4}, id="textcnn"),
]


@pytest.mark.parametrize(("builder", "options"), BUILDERS)
def test_appended_padding_changes_nothing(builder, options, ids):
    model = small(builder, length=None, **options)
    expected = model(ids)
    longer = np.pad(ids, ((0, 0), (0, 20)))
    np.testing.assert_allclose(model(longer), expected, atol=1e-6)
    alone = model(ids[:1, :3])  # the first row holds three words
    np.testing.assert_allclose(alone, expected[:1], atol=1e-6)


def test_without_the_mask_padding_changes_the_answer(ids):
    model = small(build_lstm_classifier, length=None, units=4, bidirectional=False, mask=False)
    longer = np.pad(ids, ((0, 0), (0, 20)))
    assert np.abs(model(longer) - model(ids)).max() > 1e-2


def lstm_by_hand(x, real, kernel, recurrent, bias):
    """The six equations of one sequence ``(time, width)``; padded steps are skipped."""
    units = len(recurrent)
    h, c = np.zeros(units), np.zeros(units)
    for x_t in x[real]:
        i, f, g, o = np.split(x_t @ kernel + h @ recurrent + bias, 4)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(c)
    return h


def test_lstm_classifier_equals_the_equations_by_hand(ids):
    model = small(build_lstm_classifier, units=4)
    embedding, *lstms, kernel, bias = model.get_weights()
    expected = [
        np.concatenate(
            [
                lstm_by_hand(embedding[row], row != 0, *lstms[:3]),
                lstm_by_hand(embedding[row][::-1], row[::-1] != 0, *lstms[3:]),
            ]
        )
        for row in ids
    ]
    np.testing.assert_allclose(model(ids), np.stack(expected) @ kernel + bias, atol=1e-5)


def test_row_lstm_reads_rows_from_the_top():
    model = build_row_lstm((4, 5, 2), 3, units=6)
    pictures = np.random.default_rng(0).random((2, 4, 5, 2), dtype=np.float32)
    *lstm, kernel, bias = model.get_weights()
    states = [lstm_by_hand(p.reshape(4, 10), slice(None), *lstm) for p in pictures]
    np.testing.assert_allclose(model(pictures), np.stack(states) @ kernel + bias, atol=1e-5)


def test_textcnn_takes_the_largest_response_over_the_real_words(ids):
    model = small(build_textcnn, widths=(2, 3), filters=4)
    embedding, k2, b2, k3, b3, kernel, bias = model.get_weights()
    expected = []
    for row in ids:
        words = embedding[row[row != 0]]
        found = []
        for k, b in ((k2, b2), (k3, b3)):
            left = (len(k) - 1) // 2  # "same": the odd zero of an even width goes to the right
            padded = np.pad(words, ((left, len(k) - 1 - left), (0, 0)))
            windows = [padded[t : t + len(k)] for t in range(len(words))]
            responses = [np.einsum("uw,uwf->f", window, k) + b for window in windows]
            found.append(np.maximum(responses, 0).max(axis=0))
        expected.append(np.concatenate(found) @ kernel + bias)
    np.testing.assert_allclose(model(ids), expected, atol=1e-5)


def test_parameters_are_those_counted_by_hand():
    lstm = 4 * 64 * (64 + 64 + 1)
    sizes = {"embedding_width": 64, "units": 64}
    one = build_lstm_classifier(1000, bidirectional=False, **sizes)
    assert one.count_params() == 64_000 + lstm + (64 + 1) * 2
    two = build_lstm_classifier(1000, bidirectional=True, **sizes)
    assert two.count_params() == 64_000 + 2 * lstm + (128 + 1) * 2
    rows = build_row_lstm(units=128)
    assert rows.count_params() == 4 * 128 * (28 + 128 + 1) + (128 + 1) * 10
    patterns = sum((k * 128 + 1) * 100 for k in (3, 4, 5))
    textcnn = build_textcnn(1000, embedding_width=128)
    assert textcnn.count_params() == 128_000 + patterns + (300 + 1) * 2


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_logits_are_float32_and_the_state_is_too(policy, ids):
    keras.config.set_dtype_policy(policy)
    for builder in (build_lstm_classifier, build_textcnn):
        assert builder(WORDS, LENGTH)(ids).dtype == "float32"
    rows = build_row_lstm(units=4)
    assert rows(np.zeros((1, 28, 28, 1), "f")).dtype == "float32"
    (lstm,) = [layer for layer in rows.layers if isinstance(layer, keras.layers.LSTM)]
    assert lstm.compute_dtype == "float32"


def sentences(lengths, length=7):
    """Label 1 when word 2 stands before word 3: a bag of words cannot tell."""
    rng = np.random.default_rng(0)
    x = rng.integers(4, 10, (len(lengths), length)).astype(np.int32)
    labels = rng.integers(0, 2, len(lengths)).astype(np.int32)
    for row, label, n in zip(x, labels, lengths, strict=True):
        row[n // 2 : n // 2 + 2] = (2, 3) if label else (3, 2)
        row[n:] = 0
    return x, labels


@pytest.mark.parametrize("builder", [build_lstm_classifier, build_textcnn])
def test_order_of_two_words_is_learnt(builder):
    x, y = sentences(np.random.default_rng(1).integers(4, 8, 384))
    data = SimpleNamespace(train=(x[:320], y[:320]), validation=(x[320:], y[320:]))
    model = builder(10, 7, embedding_width=16, embedding_dropout=0.0, dropout=0.0)
    cu.fit(model, data, epochs=8, batch_size=16, learning_rate=1e-2)
    assert cu.evaluation.accuracy(model, *data.validation) >= 0.95


def test_every_weight_gets_a_gradient(ids):
    images = np.random.default_rng(0).random((2, 6, 6, 1), dtype=np.float32)
    cases = [(build_row_lstm((6, 6, 1), 3, units=4), images)]
    cases += [(small(case.values[0], **case.values[1]), ids) for case in BUILDERS]
    for model, x in cases:
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(model(x) ** 2)
        for gradient in tape.gradient(loss, model.trainable_variables):
            assert gradient is not None
            assert np.abs(tf.convert_to_tensor(gradient)).max() > 0


def test_dropout_acts_in_training_only(ids):
    for builder in (build_lstm_classifier, build_textcnn):
        model = builder(WORDS, LENGTH)
        np.testing.assert_array_equal(model(ids, training=False), model(ids, training=False))
        assert np.abs(model(ids, training=True) - model(ids, training=False)).max() > 1e-4


def test_hide_padding_sets_padding_to_zero():
    x, ids = np.ones((1, 3, 2), np.float32), np.array([[5, 1, 0]])
    np.testing.assert_array_equal(HidePadding()(x, ids)[0], [[1, 1], [1, 1], [0, 0]])


@pytest.mark.parametrize(("builder", "options"), BUILDERS)
def test_saved_text_model_gives_equal_outputs(builder, options, ids, tmp_path):
    model = small(builder, **options)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded(ids), model(ids))


def test_saved_row_lstm_gives_equal_outputs(tmp_path):
    model = build_row_lstm((6, 5, 3), 4, units=4)
    model.save(tmp_path / "rows.keras")
    pictures = np.random.default_rng(0).random((2, 6, 5, 3), dtype=np.float32)
    loaded = keras.models.load_model(tmp_path / "rows.keras")
    np.testing.assert_array_equal(loaded(pictures), model(pictures))


@pytest.mark.parametrize(
    ("builder", "arguments", "message"),
    [
        (build_lstm_classifier, {"vocabulary_size": 1}, "vocabulary_size .* at least 2, not 1"),
        (build_lstm_classifier, {"sequence_length": 0}, "sequence_length .* at least 1, not 0"),
        (build_lstm_classifier, {"num_classes": 1}, "num_classes must be at least 2, not 1"),
        (build_lstm_classifier, {"units": 0}, "units must be at least 1, not 0"),
        (build_row_lstm, {"input_shape": (28, 28)}, r"\(height, width, channels\), not \(28, 28\)"),
        (build_row_lstm, {"input_shape": (0, 28, 1)}, r"channels\), not \(0, 28, 1\)"),
        (build_row_lstm, {"num_classes": 1}, "num_classes must be at least 2, not 1"),
        (build_textcnn, {"vocabulary_size": 0}, "vocabulary_size must be at least 2, not 0"),
        (build_textcnn, {"widths": ()}, "widths must be at least 1, not 0"),
        (build_textcnn, {"filters": 0}, "filters must be at least 1, not 0"),
    ],
)
def test_wrong_sizes_are_refused_in_one_sentence(builder, arguments, message):
    with pytest.raises(ValueError, match=message):
        builder(**arguments)


@pytest.mark.parametrize("builder", [build_lstm_classifier, build_textcnn])
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda x, y: (np.where(x == 3, WORDS, x), y), r"Token ids must lie in 0\.\.29.*\.\.30"),
        (lambda x, y: (x[:, :-1], y), r"expects inputs of shape \(any, 9\).*shape \(any, 8\)"),
        (lambda x, y: (x, y + 2), r"Labels must lie in 0\.\.1"),
    ],
)
def test_wrong_data_are_refused_before_training(builder, change, message):
    x = np.arange(36, dtype=np.int32).reshape(4, 9) % WORDS
    data = SimpleNamespace(train=change(x, np.zeros(4, np.int32)), validation=(x, np.zeros(4, int)))
    with pytest.raises(ValueError, match=message):
        cu.fit(builder(WORDS, LENGTH), data, epochs=1)
