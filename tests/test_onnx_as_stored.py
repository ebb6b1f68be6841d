"""Kernels in 16 bits lose nothing, and the written network is Keras's."""

import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers

from course_utils import deployment, models

if not deployment.has_onnx():
    pytest.skip("the extra deploy is missing", allow_module_level=True)

import onnx

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tools"))

import onnx_as_stored

pytestmark = pytest.mark.usefixtures("seeded")


def efficientnet(as_stored=True):
    """A small one, with statistics that matter; its kernels as a checkpoint holds them."""
    whole = models.build_efficientnet_lite0((32, 32, 3), 5)
    model = keras.Model(whole.input, whole.get_layer("head").output)
    rng = np.random.default_rng(0)
    for weight in model.weights:
        if weight.path.endswith("kernel"):
            value = weight.numpy()
            weight.assign(value.astype(np.float16) if as_stored else value)
        else:
            weight.assign(rng.uniform(0.5, 1.5, weight.shape))
    return model


def test_the_written_network_computes_what_keras_computes():
    model = efficientnet()
    images = np.random.default_rng(1).random((2, 32, 32, 3), dtype=np.float32)
    maps = deployment.runner(onnx_as_stored.export_maps(model))(images)
    wanted = model(images, training=False).numpy()
    assert maps.shape == wanted.shape == (2, 1, 1, 1280)
    assert wanted.std() > 0.1  # rectified, but not dead
    np.testing.assert_allclose(maps, wanted, atol=1e-4)


def test_stored_kernels_take_half_the_bytes():
    half, whole = (
        len(onnx_as_stored.export_maps(efficientnet(stored))) for stored in (True, False)
    )
    assert half < 0.55 * whole


def test_an_array_that_16_bits_would_change_keeps_its_32():
    inputs = keras.Input((64,))
    model = keras.Model(inputs, layers.Dense(64)(layers.Dense(64)(inputs)))
    second = model.layers[-1].kernel
    second.assign(second.numpy().astype(np.float16))
    file = deployment.export_onnx(model)
    again = onnx_as_stored.halved(file)
    kinds = {t.data_type for t in onnx.load_from_string(again).graph.initializer}
    assert {onnx.TensorProto.FLOAT, onnx.TensorProto.FLOAT16} <= kinds
    x = np.random.default_rng(0).random((3, 64), dtype=np.float32)
    np.testing.assert_array_equal(deployment.runner(again)(x), deployment.runner(file)(x))


def test_a_layer_that_it_does_not_know_is_refused():
    inputs = keras.Input((8, 8, 3))
    model = keras.Model(inputs, layers.MaxPooling2D(name="pool")(inputs))
    with pytest.raises(ValueError, match="not 'pool', a MaxPooling2D"):
        onnx_as_stored.export_maps(model)
    with_bias = keras.Model(inputs, layers.Conv2D(4, 3, padding="same", name="biased")(inputs))
    with pytest.raises(ValueError, match="biased"):
        onnx_as_stored.export_maps(with_bias)
