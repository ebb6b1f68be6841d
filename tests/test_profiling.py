"""Multiply–adds: against counting by hand, and against published numbers."""

import keras
import pytest

from course_utils import models
from course_utils.profiling import cost


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
