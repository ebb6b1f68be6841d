"""Multiply–adds against counting by hand and published numbers; step times against sleeps."""

import time

import keras
import pytest

from course_utils import models
from course_utils.profiling import cost, step_times


def test_convolution_and_dense_are_counted_as_by_hand():
    inputs = keras.Input((8, 8, 3))
    x = keras.layers.Conv2D(5, 3, padding="same", use_bias=False)(inputs)
    x = keras.layers.Flatten()(x)
    model = keras.Model(inputs, keras.layers.Dense(7, use_bias=False)(x))
    found = cost(model)
    assert found.parameters == 3 * 3 * 3 * 5 + 8 * 8 * 5 * 7
    assert found.multiply_adds == 8 * 8 * 5 * 3 * 3 * 3 + 8 * 8 * 5 * 7


@pytest.mark.parametrize(
    ("model", "published"),
    [
        # He et al. 2016, sections 3.3 and 4.1; their number for VGG-16 leaves out the dense
        # layers' 0.12 billion.
        (lambda: models.build_vgg((224, 224, 3), 1000, **models.VGG16), 15.3e9 + 0.12e9),
        (lambda: models.build_resnet((224, 224, 3), 1000, **models.RESNET50), 3.8e9),
    ],
)
def test_full_sizes_cost_what_is_published(model, published):
    assert cost(model()).multiply_adds == pytest.approx(published, rel=0.025)


def test_unknown_input_size_is_refused():
    model = keras.Sequential([keras.Input((None, None, 3)), keras.layers.GlobalMaxPooling2D()])
    with pytest.raises(ValueError, match="fixed input size"):
        cost(model)


def test_waiting_and_computing_are_told_apart():
    def batches():
        for i in range(6):
            time.sleep(0.02)
            yield i, i

    # The first step is slow, as a step that compiles is; it must not be counted.
    def step(inputs, labels):
        time.sleep(0.5 if inputs == 0 else 0.04)

    found = step_times(batches(), step, steps=5, warmup=1)
    assert 0.02 <= found.waiting < 0.06
    assert 0.04 <= found.computing < 0.12
    assert found.waiting_share == found.waiting / (found.waiting + found.computing)


def test_too_few_batches_are_refused():
    with pytest.raises(ValueError, match=r"8 batches are needed .* has 3"):
        step_times([(0, 0)] * 3, lambda *_: None, steps=3)
