"""The convolutional network: its shape, its refusals, and that it learns and survives saving."""

from types import SimpleNamespace

import keras
import numpy as np
import pytest

import course_utils as cu
from course_utils.models import build_cnn


@pytest.fixture
def pictures():
    return np.random.default_rng(0).random((8, 28, 28, 1), dtype=np.float32)


def test_cnn_returns_one_float32_logit_a_class(pictures):
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = build_cnn(num_classes=7)
    finally:
        keras.config.set_dtype_policy("float32")
    logits = model(pictures)
    assert logits.shape == (8, 7)
    assert logits.dtype == "float32"


def test_cnn_parameters_are_those_counted_by_hand():
    convolutions = sum(9 * a * b + 4 * b for a, b in ((1, 32), (32, 64), (64, 64)))
    dense = (3 * 3 * 64 + 1) * 128 + (128 + 1) * 10  # 28 → 14 → 7 → 3
    assert build_cnn().count_params() == convolutions + dense


def test_cnn_without_batch_norm_has_biases_instead():
    kinds = [type(layer).__name__ for layer in build_cnn(batch_norm=False).layers]
    assert "BatchNormalization" not in kinds
    with_bias = build_cnn(batch_norm=False).count_params()
    assert build_cnn().count_params() - with_bias == 3 * (32 + 64 + 64)


def test_augmentation_moves_pictures_in_training_only(pictures):
    model = build_cnn(shift=0.2, flip=True, dropout=0.0, batch_norm=False)
    still = [np.asarray(model(pictures, training=False)) for _ in range(2)]
    moving = [np.asarray(model(pictures, training=True)) for _ in range(2)]
    np.testing.assert_array_equal(*still)
    assert np.abs(moving[0] - moving[1]).max() > 1e-4


def test_cnn_accepts_colour_and_other_sizes():
    assert build_cnn((32, 48, 3), 5).output_shape == (None, 5)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"input_shape": (28, 28)}, r"\(height, width, channels\), not \(28, 28\)"),
        ({"input_shape": (28, 28, 0)}, r"\(height, width, channels\), not \(28, 28, 0\)"),
        ({"input_shape": (7, 28, 1)}, "at least 8×8 pixels, not 7×28"),
        ({"num_classes": 1}, "at least 2, not 1"),
    ],
)
def test_wrong_sizes_are_refused_in_one_sentence(arguments, message):
    with pytest.raises(ValueError, match=message):
        build_cnn(**arguments)


def test_every_weight_gets_a_gradient(pictures):
    import tensorflow as tf

    model = build_cnn()
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(model(pictures, training=True) ** 2)
    gradients = tape.gradient(loss, model.trainable_variables)
    assert all(gradient is not None for gradient in gradients)


def test_cnn_learns_where_a_bright_square_stands():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 256).astype(np.int32)
    x = rng.random((256, 16, 16, 1), dtype=np.float32) * 0.3
    for picture, label in zip(x, labels, strict=True):
        picture[6:10, (2, 10)[label] : (6, 14)[label]] += 0.7
    data = SimpleNamespace(train=(x[:192], labels[:192]), validation=(x[192:], labels[192:]))
    keras.utils.set_random_seed(0)
    model = build_cnn((16, 16, 1), 2, widths=(8, 8), dense_width=16, shift=0.0)
    cu.fit(model, data, epochs=6, batch_size=16, learning_rate=5e-3)
    assert cu.evaluation.accuracy(model, *data.validation) >= 0.95


def test_saved_cnn_gives_equal_outputs(pictures, tmp_path):
    model = build_cnn(flip=True)
    model.save(tmp_path / "cnn.keras")
    loaded = keras.models.load_model(tmp_path / "cnn.keras")
    # Said aloud: Keras's augmentation layers default to training=True.
    expected = model(pictures, training=False)
    np.testing.assert_allclose(loaded(pictures, training=False), expected, atol=1e-6)


def test_shipped_checkpoint_reaches_what_its_card_says():
    card = cu.checkpoints.card("mnist-cnn")
    model = cu.checkpoints.load("mnist-cnn")
    accuracy = cu.evaluation.accuracy(model, *cu.datasets.load("mnist").test)
    assert accuracy == pytest.approx(card.metrics["test accuracy"], abs=0.001)
    assert accuracy >= 0.992
