"""Exported files compute what the model computes, and hold the numbers that the formulas give."""

import time

import keras
import numpy as np
import pytest

from course_utils import deployment, models
from course_utils.deployment import dequantized, quantized

needs_onnx = pytest.mark.skipif(not deployment.has_onnx(), reason="the extra deploy is missing")


@pytest.fixture(scope="module")
def model():
    """A network with what must vanish or be folded: augmentation, dropout, batch norm."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("float32")
    keras.utils.set_random_seed(0)
    network = models.build_cnn((16, 16, 1), 3, widths=(8, 16), dense_width=64, shift=0.3)
    rng = np.random.default_rng(0)
    for weight in network.weights:
        if "batch_normalization" in weight.path:
            weight.assign(rng.uniform(0.5, 1.5, weight.shape))
    yield network
    keras.config.set_dtype_policy(before)


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(1).random((20, 16, 16, 1), dtype=np.float32)


@pytest.fixture(scope="module")
def wanted(model, images):
    return model.predict(images, verbose=0)


@pytest.fixture(scope="module")
def litert(model):
    return deployment.export_litert(model)


@pytest.fixture(scope="module")
def int8(model, images):
    return deployment.quantize_int8(model, images)


@pytest.fixture(scope="module")
def onnx(model):
    return deployment.export_onnx(model)


def test_litert_computes_the_models_logits_at_every_batch_size(litert, images, wanted):
    run = deployment.runner(litert)
    assert (run.format, run.input_shape) == ("LiteRT", (16, 16, 1))
    for part in (slice(0, 20), slice(3, 4), slice(5, 12)):
        np.testing.assert_allclose(run(images[part]), wanted[part], atol=1e-5)


@needs_onnx
def test_onnx_computes_the_models_logits_at_every_batch_size(onnx, images, wanted):
    run = deployment.runner(onnx)
    assert (run.format, run.input_shape) == ("ONNX", (16, 16, 1))
    for part in (slice(0, 20), slice(3, 4)):
        np.testing.assert_allclose(run(images[part]), wanted[part], atol=1e-5)


def test_a_keras_model_runs_in_inference_mode(model, images, wanted):
    run = deployment.runner(model)
    assert run.format == "Keras"
    np.testing.assert_allclose(run(images), wanted, atol=1e-5)


def test_fewer_bits_make_smaller_files_and_stay_near(model, litert, int8, images, wanted):
    half = deployment.export_litert(model, "float16")
    dynamic = deployment.export_litert(model, "int8")
    assert len(half) < 0.65 * len(litert)
    assert max(len(dynamic), len(int8)) < 0.45 * len(litert)
    spread = wanted.std()
    for file, allowed in ((half, 0.005), (dynamic, 0.05), (int8, 0.1)):
        error = np.abs(deployment.runner(file)(images) - wanted).mean()
        assert 0 < error < allowed * spread


def test_the_int8_file_holds_the_weights_and_scales_of_the_formula(model, int8, images):
    inside = deployment.interpreter(int8)
    source = inside.get_input_details()[0]
    low, high = min(0, images.min()), images.max()
    scale, zero_point = source["quantization"]
    assert source["dtype"] == np.int8
    assert scale == pytest.approx((high - low) / 255, rel=1e-5)
    assert zero_point == round(-128 - low / scale)
    kernel = np.asarray(model.layers[-1].kernel).T  # LiteRT: (outputs, inputs)
    details = next(d for d in inside.get_tensor_details() if tuple(d["shape"]) == kernel.shape)
    scales = np.abs(kernel).max(axis=1) / 127
    np.testing.assert_allclose(details["quantization_parameters"]["scales"], scales, rtol=1e-5)
    assert not details["quantization_parameters"]["zero_points"].any()
    stored = inside.get_tensor(details["index"])
    by_hand = np.round(kernel / scales[:, None])
    assert np.abs(stored - by_hand).max() <= 1  # a half may be rounded either way
    assert np.mean(stored == by_hand) > 0.99


@needs_onnx
def test_onnx_in_8_bits_is_smaller_and_stays_near(onnx, images, wanted):
    small = deployment.quantize_onnx(onnx, images)
    assert len(small) < 0.5 * len(onnx)
    error = np.abs(deployment.runner(small)(images) - wanted).mean()
    assert 0 < error < 0.1 * wanted.std()


def test_rounding_to_8_bits_errs_by_at_most_half_a_step():
    values = np.linspace(-1, 3, 1001, dtype=np.float32)
    scale, zero_point = 4 / 255, -64
    codes = quantized(values, scale, zero_point)
    assert codes.dtype == np.int8
    assert (codes.min(), codes.max()) == (-128, 127)
    assert np.abs(dequantized(codes, scale, zero_point) - values).max() <= scale / 2 * 1.01
    assert dequantized(quantized(np.zeros(1), scale, zero_point), scale, zero_point) == 0


def test_what_lies_outside_the_range_is_cut_off_and_does_not_wrap_around():
    np.testing.assert_array_equal(quantized(np.array([-9.0, 9.0]), 0.01, 0), [-128, 127])


def test_latency_is_the_median_without_the_first_calls():
    seconds = iter([0.3, 0.02, 0.02, 0.2, 0.02])
    found = deployment.latency(lambda _: time.sleep(next(seconds)), None, repeats=4, warmup=1)
    assert 0.02 <= found < 0.1


def test_nothing_is_written_beside_the_result(model, images, capfd):
    deployment.runner(deployment.quantize_int8(model, images[:2]))(images)
    if deployment.has_onnx():
        deployment.export_onnx(model)
    assert capfd.readouterr() == ("", "")


def test_other_models_are_refused():
    inputs = [keras.Input((4,)), keras.Input((4,))]
    model = keras.Model(inputs, keras.layers.Add()(inputs))
    with pytest.raises(ValueError, match="one input of fixed size and one output"):
        deployment.export_litert(model)
    open_size = keras.Input((None, 3))
    with pytest.raises(ValueError, match="one input of fixed size and one output"):
        deployment.runner(keras.Model(open_size, keras.layers.GlobalMaxPooling1D()(open_size)))


def test_other_images_and_weights_are_refused(model, litert, images):
    with pytest.raises(ValueError, match=r"images \(N, 16, 16, 1\) .* not \(20, 8, 16, 1\)"):
        deployment.quantize_int8(model, images[:, :8])
    with pytest.raises(ValueError, match=r"not \(0, 16, 16, 1\)"):
        deployment.quantize_int8(model, images[:0])
    with pytest.raises(ValueError, match="float32, float16, int8, not 'int4'"):
        deployment.export_litert(model, "int4")
    with pytest.raises(ValueError, match=r"\(batch, 16, 16, 1\), not \(16, 16, 1\)"):
        deployment.runner(litert)(images[0])


def test_damaged_files_are_refused(litert, tmp_path):
    path = tmp_path / "cut.tflite"
    path.write_bytes(litert[: len(litert) // 2])
    with pytest.raises(ValueError, match="damaged"):
        deployment.runner(path)
    if deployment.has_onnx():
        with pytest.raises(ValueError, match="neither a LiteRT file nor a sound ONNX file"):
            deployment.runner(b"something else")


def test_without_the_extra_onnx_says_what_to_install(model, monkeypatch):
    monkeypatch.setattr(deployment, "find_spec", lambda name: None)
    with pytest.raises(ImportError, match=r'pip install "course-utils\[deploy\]"'):
        deployment.export_onnx(model)
    with pytest.raises(ImportError, match=r'pip install "course-utils\[deploy\]"'):
        deployment.runner(b"an ONNX file")
