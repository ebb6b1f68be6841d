"""`fit`: what it measures, what it leaves alone, and what it refuses before it trains."""

from types import SimpleNamespace

import keras
import numpy as np
import pytest
from keras import layers

import course_utils as cu
from course_utils.training import History, check_inputs

CLASSES = 3


@pytest.fixture
def text_classifier(float32):
    inputs = keras.Input((6,), dtype="int32")
    x = layers.GlobalAveragePooling1D()(layers.Embedding(10, 4)(inputs))
    return keras.Model(inputs, layers.Dense(CLASSES, dtype="float32")(x))


def images(*shape):
    return np.zeros(shape, np.float32)


def labels(*values, dtype=np.int32):
    return np.array(values, dtype)


# --- what training measures ------------------------------------------------------------------


def test_fit_learns_and_reports_one_number_an_epoch(tiny_classifier, tiny_data):
    history = cu.fit(tiny_classifier, tiny_data, epochs=8, batch_size=8, learning_rate=0.05)
    assert isinstance(history, History)
    assert set(history.metrics) == {"loss", "accuracy", "val_loss", "val_accuracy"}
    assert {len(values) for values in history.metrics.values()} == {8} == {history.epochs}
    assert history.metrics["val_accuracy"][-1] > 0.95
    assert history.metrics["loss"][-1] < history.metrics["loss"][0]
    assert cu.evaluation.accuracy(tiny_classifier, *tiny_data.test) > 0.95


@pytest.mark.parametrize("precision", ["mixed_bfloat16", "mixed_float16"])
def test_fit_learns_in_mixed_precision_too(precision, tiny_data, float32):
    keras.config.set_dtype_policy(precision)
    keras.utils.set_random_seed(0)
    inputs = keras.Input((8, 8, 1))
    outputs = layers.Dense(CLASSES, dtype="float32")(layers.Flatten()(inputs))
    model = keras.Model(inputs, outputs)
    history = cu.fit(model, tiny_data, epochs=8, batch_size=8, learning_rate=0.05)
    assert history.metrics["val_accuracy"][-1] > 0.95
    assert {weight.dtype for weight in model.get_weights()} == {np.dtype("float32")}


def test_history_holds_the_numbers_that_keras_measures_again(tiny_classifier, tiny_data):
    history = cu.fit(tiny_classifier, tiny_data, epochs=2, batch_size=16)
    loss, accuracy = tiny_classifier.evaluate(*tiny_data.validation, verbose=0)
    assert history.metrics["val_loss"][-1] == pytest.approx(loss, rel=1e-5)
    assert history.metrics["val_accuracy"][-1] == pytest.approx(accuracy, rel=1e-5)


class FakeClock(keras.callbacks.Callback):
    """A second a step, fifty for the first one (compilation), a hundred for a validation."""

    now = 0.0

    def perf_counter(self):
        return self.now

    def on_train_batch_end(self, batch, logs=None):
        self.now += 51 if self.now == 0 else 1

    def on_test_end(self, logs=None):
        self.now += 100


@pytest.mark.parametrize(
    ("epochs", "seconds", "examples_per_second"),
    [
        (1, 56 + 100, 96 / 56),
        (2, 56 + 6 + 200, 96 / 6),  # without the first epoch, and without validation
        (3, 56 + 12 + 300, 96 / 6),
    ],
)
def test_examples_per_second_count_neither_compilation_nor_validation(
    epochs, seconds, examples_per_second, tiny_classifier, tiny_data, monkeypatch
):
    clock = FakeClock()
    monkeypatch.setattr("course_utils.training.time", clock)
    history = cu.fit(tiny_classifier, tiny_data, epochs=epochs, batch_size=16, callbacks=[clock])
    assert history.seconds == pytest.approx(seconds)
    assert history.examples_per_second == pytest.approx(examples_per_second)


def test_learning_rate_warms_up_and_ends_at_zero(tiny_classifier, tiny_data):
    rates = []

    class Watch(keras.callbacks.Callback):
        def on_train_batch_begin(self, batch, logs=None):
            rates.append(float(self.model.optimizer.learning_rate))

    cu.fit(
        tiny_classifier,
        tiny_data,
        epochs=5,
        batch_size=16,
        learning_rate=0.01,
        callbacks=[Watch()],
    )
    assert len(rates) == 30
    assert rates[0] == 0
    assert rates[:4] == sorted(rates[:4])
    assert max(rates) == pytest.approx(0.01, rel=1e-5) == rates[3]
    assert rates[3:] == sorted(rates[3:], reverse=True)
    assert rates[-1] < 0.0002


def test_the_same_seed_trains_to_the_same_weights(tiny_data, float32):
    def trained(seed):
        keras.utils.set_random_seed(seed)
        inputs = keras.Input((8, 8, 1))
        model = keras.Model(inputs, layers.Dense(CLASSES)(layers.Flatten()(inputs)))
        cu.fit(model, tiny_data, epochs=2, batch_size=16)
        return model.get_weights()[0]

    np.testing.assert_allclose(trained(1), trained(1), atol=1e-6)
    assert abs(trained(1) - trained(2)).max() > 1e-3


def test_fit_takes_another_loss(tiny_classifier, tiny_data):
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True, name="mine")
    cu.fit(tiny_classifier, tiny_data, epochs=1, loss=loss)
    assert tiny_classifier.loss is loss


def test_fit_is_silent_where_output_is_stored(tiny_classifier, tiny_data, capsys):
    cu.fit(tiny_classifier, tiny_data, epochs=1)
    assert capsys.readouterr() == ("", "")


def test_fit_never_reads_the_test_split(tiny_classifier, tiny_data):
    class Locked:
        train, validation = tiny_data.train, tiny_data.validation

        @property
        def test(self):
            raise AssertionError("the test split was read")

    cu.fit(tiny_classifier, Locked(), epochs=1)


def test_fit_leaves_the_data_as_they_were(tiny_classifier, tiny_data):
    before = [array.copy() for array in (*tiny_data.train, *tiny_data.validation)]
    cu.fit(tiny_classifier, tiny_data, epochs=1)
    after = (*tiny_data.train, *tiny_data.validation)
    for one, other in zip(before, after, strict=True):
        np.testing.assert_array_equal(one, other)


# --- what it refuses, in a sentence, before anything runs ------------------------------------

BAD_IMAGES = {
    "a missing channel axis": (
        images(4, 8, 8),
        labels(0, 1, 2, 0),
        r"expects inputs of shape \(any, 8, 8, 1\), but the training inputs .* \(any, 8, 8\)\.",
    ),
    "three channels": (
        images(4, 8, 8, 3),
        labels(0, 1, 2, 0),
        r"\(any, 8, 8, 1\), but the training inputs have shape \(any, 8, 8, 3\)\.",
    ),
    "another size": (
        images(4, 28, 28, 1),
        labels(0, 1, 2, 0),
        r"\(any, 8, 8, 1\), but the training inputs have shape \(any, 28, 28, 1\)\.",
    ),
    "a single image": (
        images(8, 8, 1),
        labels(*[0] * 8),
        r"\(any, 8, 8, 1\), but .* \(any, 8, 1\)",
    ),
    "one-hot labels": (
        images(3, 8, 8, 1),
        np.eye(3, dtype=np.float32),
        r"integers of shape \(examples,\), but .* float32 of shape \(3, 3\); .* argmax\(-1\)",
    ),
    "integer one-hot labels": (
        images(3, 8, 8, 1),
        np.eye(3, dtype=np.int32),
        r"integers of shape \(examples,\), but .* int32 of shape \(3, 3\)",
    ),
    "a column of labels": (
        images(3, 8, 8, 1),
        labels(0, 1, 2)[:, None],
        r"integers of shape \(examples,\), but .* int32 of shape \(3, 1\)",
    ),
    "labels as floats": (
        images(2, 8, 8, 1),
        labels(0, 1, dtype=np.float32),
        r"Labels must be integers .* float32 of shape \(2,\)",
    ),
    "labels from 1": (
        images(3, 8, 8, 1),
        labels(1, 2, 3),
        r"Labels must lie in 0\.\.2, but the training labels span 1\.\.3\.",
    ),
    "a negative label": (
        images(3, 8, 8, 1),
        labels(-1, 0, 2),
        r"Labels must lie in 0\.\.2, but the training labels span -1\.\.2\.",
    ),
    "no examples": (images(0, 8, 8, 1), labels(), "at least one, not 0 inputs and 0 labels"),
    "fewer labels than images": (
        images(4, 8, 8, 1),
        labels(0, 1),
        "as many labels as inputs .* not 4 inputs and 2 labels",
    ),
}
BAD_TEXTS = {
    "an id outside the vocabulary": (
        np.full((2, 6), 10, np.int32),
        labels(0, 1),
        r"Token ids must lie in 0\.\.9, but the training ids span 10\.\.10\.",
    ),
    "a negative id": (
        np.full((2, 6), -1, np.int32),
        labels(0, 1),
        r"Token ids must lie in 0\.\.9, but the training ids span -1\.\.-1\.",
    ),
    "sentences too long": (
        np.zeros((2, 7), np.int32),
        labels(0, 1),
        r"shape \(any, 6\), but the training inputs have shape \(any, 7\)\.",
    ),
}


def refuses(model, x, y, good, message):
    """For the training split, for validation, and without touching a weight."""
    before = model.get_weights()
    for split, data in [
        ("training", SimpleNamespace(train=(x, y), validation=good)),
        ("validation", SimpleNamespace(train=good, validation=(x, y))),
    ]:
        with pytest.raises(ValueError, match=message.replace("training", split)) as caught:
            cu.fit(model, data, epochs=1)
        text = str(caught.value)
        assert text.endswith(".") or text.endswith("argmax(-1).")
        assert "\n" not in text
    with pytest.raises(ValueError, match=message.replace("training", "evaluated")):
        cu.evaluation.evaluate(model, x, y)
    assert not model.compiled
    for one, other in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("name", BAD_IMAGES)
def test_images_that_do_not_fit_are_refused_before_training(name, tiny_classifier, tiny_data):
    x, y, message = BAD_IMAGES[name]
    refuses(tiny_classifier, x, y, tiny_data.train, message)


@pytest.mark.parametrize("name", BAD_TEXTS)
def test_sentences_that_do_not_fit_are_refused_before_training(name, text_classifier):
    x, y, message = BAD_TEXTS[name]
    refuses(text_classifier, x, y, (np.zeros((2, 6), np.int32), labels(0, 1)), message)


@pytest.mark.parametrize(("epochs", "batch_size"), [(0, 8), (-1, 8), (1, 0)])
def test_no_epochs_or_an_empty_batch_are_refused(epochs, batch_size, tiny_classifier, tiny_data):
    message = f"at least 1, not {epochs} and {batch_size}"
    with pytest.raises(ValueError, match=message):
        cu.fit(tiny_classifier, tiny_data, epochs=epochs, batch_size=batch_size)


def test_a_model_that_takes_any_size_takes_any_size(float32):
    inputs = keras.Input((None, None, 1))
    model = keras.Model(inputs, layers.Dense(CLASSES)(layers.GlobalMaxPooling2D()(inputs)))
    check_inputs(model, images(2, 5, 9, 1), labels(0, 2), "training")
    with pytest.raises(ValueError, match=r"\(any, any, any, 1\), but .* \(any, 5, 9, 3\)"):
        check_inputs(model, images(2, 5, 9, 3), labels(0, 2), "training")


def test_token_ids_are_checked_in_an_embedding_within_a_block(float32):
    """Embeddings often lie inside a layer of tokens and positions."""

    class Tokens(layers.Layer):
        def __init__(self):
            super().__init__()
            self.embedding = layers.Embedding(10, 4)

        def call(self, ids):
            return self.embedding(ids)

    inputs = keras.Input((6,), dtype="int32")
    x = layers.GlobalAveragePooling1D()(Tokens()(inputs))
    model = keras.Model(inputs, layers.Dense(CLASSES)(x))
    with pytest.raises(ValueError, match=r"Token ids must lie in 0\.\.9, but .* span 0\.\.12\."):
        check_inputs(model, np.array([[0, 1, 2, 3, 4, 12]]), labels(0), "training")
