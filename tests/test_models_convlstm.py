"""The ConvLSTM: equal to Keras's, to a formula, causal, and the same after saving."""

import keras
import numpy as np
import pytest

from course_utils import checkpoints, datasets
from course_utils.models import ConvLSTMCell, build_convlstm_forecaster, forecast
from course_utils.video import prediction

SHAPE = (3, 8, 8, 1)


@pytest.fixture
def clips():
    return np.random.default_rng(0).random((2, *SHAPE), dtype=np.float32)


def small(seen=3, horizon=2, **options):
    keras.utils.set_random_seed(0)
    options = {"patch": 2, "filters": (3, 4)} | options
    return build_convlstm_forecaster((seen, 8, 8, 1), horizon, **options)


def run(cell, pictures):
    """Hidden states ``(batch, time, rows, columns, filters)`` over a clip."""
    h = c = np.zeros((*pictures[:, 0].shape[:-1], cell.filters), np.float32)
    states = []
    for t in range(pictures.shape[1]):
        h, c = cell(pictures[:, t], h, c)
        states.append(np.asarray(h))
    return np.stack(states, axis=1)


@pytest.mark.parametrize("kernel_size", [1, 3, 5])
def test_cell_equals_keras_convlstm2d_with_the_same_weights(kernel_size):
    pictures = np.random.default_rng(1).normal(size=(2, 4, 6, 5, 3)).astype(np.float32)
    reference = keras.layers.ConvLSTM2D(7, kernel_size, padding="same", return_sequences=True)
    expected = reference(pictures)
    cell = ConvLSTMCell(7, kernel_size)
    cell.build((None, 6, 5, 3))
    cell.set_weights(reference.get_weights())
    np.testing.assert_allclose(run(cell, pictures), expected, atol=1e-5)


def test_cell_starts_as_keras_does_with_an_open_forget_gate():
    cell, reference = ConvLSTMCell(4), keras.layers.ConvLSTM2D(4, 3, padding="same")
    cell.build((None, 6, 5, 3))
    reference.build((None, 2, 6, 5, 3))
    assert [w.shape for w in cell.get_weights()] == [w.shape for w in reference.get_weights()]
    np.testing.assert_array_equal(cell.get_weights()[2], reference.get_weights()[2])


def test_one_patch_for_the_whole_frame_is_a_fully_connected_lstm():
    vectors = np.random.default_rng(2).normal(size=(2, 4, 1, 1, 10)).astype(np.float32)
    reference = keras.layers.LSTM(5, return_sequences=True)
    expected = np.asarray(reference(vectors[:, :, 0, 0]))
    kernel, recurrent, bias = reference.get_weights()
    cell = ConvLSTMCell(5, 1)
    cell.build((None, 1, 1, 10))
    cell.set_weights([kernel[None, None], recurrent[None, None], bias])
    np.testing.assert_allclose(run(cell, vectors)[:, :, 0, 0], expected, atol=1e-5)


def test_what_moves_moves_in_the_states():
    """Away from the walls, a shifted clip has shifted states: the weights are shared."""
    pictures = np.zeros((1, 3, 16, 16, 1), np.float32)
    pictures[0, :, 5:8, 5:8] = np.random.default_rng(3).random((3, 3, 3, 1))
    cell = ConvLSTMCell(4)
    cell.build((None, 16, 16, 1))
    moved = run(cell, np.roll(pictures, (2, 1), axis=(2, 3)))
    expected = np.roll(run(cell, pictures), (2, 1), axis=(2, 3))
    np.testing.assert_allclose(moved[:, :, 4:-4, 4:-4], expected[:, :, 4:-4, 4:-4], atol=1e-6)


def test_every_next_frame_has_float32_logits_under_every_policy(clips):
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = small(horizon=4)
    finally:
        keras.config.set_dtype_policy("float32")
    assert model.output_shape == (None, 6, 8, 8, 1)
    logits = model(clips)
    assert logits.dtype == "float32"
    expected = small(horizon=4)
    expected.set_weights(model.get_weights())
    np.testing.assert_allclose(logits, expected(clips), atol=1e-6)


def test_logits_do_not_depend_on_frames_still_to_come(clips):
    model = small()
    changed = clips.copy()
    changed[:, 2] = 1 - changed[:, 2]
    before, after = np.asarray(model(clips)), np.asarray(model(changed))
    np.testing.assert_array_equal(before[:, :2], after[:, :2])
    assert np.abs(before[:, 2:] - after[:, 2:]).min() > 0


def test_a_patch_is_put_back_where_it_was_cut(clips):
    """With a readout that passes the newest frame on, number t is frame t."""
    model = small(horizon=1)
    kernel, bias = model.get_weights()[-2:]
    passing = np.zeros_like(kernel)
    passing[-4:] = np.eye(4)
    model.set_weights([*model.get_weights()[:-2], passing, 0 * bias])
    np.testing.assert_allclose(model(clips), clips, atol=1e-6)


def test_forecasting_is_reading_the_own_predictions(clips):
    model, longer = small(3, 2), small(4, 1)
    longer.set_weights(model.get_weights())
    first, second = np.moveaxis(forecast(model, clips), 1, 0)
    again = forecast(longer, np.concatenate([clips, first[:, None]], axis=1))
    np.testing.assert_allclose(again[:, 0], second, atol=1e-5)


def test_forecast_is_the_sigmoid_of_the_last_logits(clips):
    model = small()
    expected = 1 / (1 + np.exp(-np.asarray(model(clips))[:, -2:]))
    np.testing.assert_allclose(forecast(model, clips), expected, atol=1e-6)


def test_every_weight_gets_a_gradient(clips):
    import tensorflow as tf

    model = small()
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(model(clips)[:, -1] ** 2)
    gradients = tape.gradient(loss, model.trainable_variables)
    assert len(gradients) == 8
    assert all(np.abs(np.asarray(g)).max() > 0 for g in gradients)


def test_saved_forecaster_gives_equal_outputs(clips, tmp_path):
    model = small()
    model.save(tmp_path / "forecaster.keras")
    loaded = keras.models.load_model(tmp_path / "forecaster.keras")
    np.testing.assert_allclose(loaded(clips), model(clips), atol=1e-6)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"input_shape": (8, 8, 1)}, r"\(frames, height, width, channels\), not \(8, 8, 1\)"),
        ({"input_shape": (None, 8, 8, 1)}, r"not \(None, 8, 8, 1\)"),
        ({"input_shape": (3, 8, 10, 1)}, "4×4 pixels do not fill 8×10"),
        ({"horizon": 0}, "at least 1, not 0, 4, 3"),
        ({"filters": ()}, "every layer's filters"),
    ],
)
def test_wrong_sizes_are_refused_in_one_sentence(options, message):
    with pytest.raises(ValueError, match=message):
        build_convlstm_forecaster(**{"input_shape": SHAPE} | options)


def test_forecast_refuses_other_frames(clips):
    with pytest.raises(ValueError, match=r"\(count, 3, 8, 8, 1\), not \(2, 2, 8, 8, 1\)"):
        forecast(small(), clips[:, :2])


def test_shipped_checkpoint_reaches_what_its_card_says():
    card = checkpoints.card("moving-mnist-convlstm")
    model = checkpoints.load("moving-mnist-convlstm")
    clips = datasets.moving_digits("test", 100, size=32, digits=2)
    truth = clips[:, 10:]
    error = prediction.squared_error(truth, forecast(model, clips[:, :10]))
    copying = prediction.squared_error(truth, prediction.repeat_last(clips[:, :10], 10))
    assert error.mean() == pytest.approx(
        card.metrics["squared error, 2 digits, mean of ten"], rel=0.1
    )
    assert (error < copying / 2).all()
