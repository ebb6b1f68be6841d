"""U-Net: the paper's sizes and count, what its bridges carry, its refusals, saving."""

import keras
import numpy as np
import pytest

from course_utils.models import UNET, build_unet

pytestmark = pytest.mark.usefixtures("float32")


def small(**options):
    return build_unet((16, 24, 3), 4, **({"width": 4, "depth": 2} | options))


def convolutions(model):
    kinds = (keras.layers.Conv2D, keras.layers.Conv2DTranspose)
    return [layer for layer in model.layers if isinstance(layer, kinds)]


@pytest.fixture(scope="module")
def paper():
    return build_unet((572, 572, 1), 2, **UNET)


def test_the_papers_network_turns_572_pixels_into_388(paper):
    """The sizes written beside the maps in the paper's Figure 1."""
    sides = {name: paper.get_layer(name).output.shape[1] for name in ("down0", "bottom", "up0")}
    assert sides == {"down0": 568, "bottom": 28, "up0": 388}
    assert paper.output_shape == (None, 388, 388, 2)


def test_the_papers_network_has_23_convolutions_and_31_million_parameters(paper):
    def convolution(side, inputs, outputs):
        return side**2 * inputs * outputs + outputs

    down = [(1, 64), (64, 128), (128, 256), (256, 512), (512, 1024)]
    count = sum(convolution(3, a, b) + convolution(3, b, b) for a, b in down)
    for a, b in ((1024, 512), (512, 256), (256, 128), (128, 64)):
        count += convolution(2, a, b) + convolution(3, 2 * b, b) + convolution(3, b, b)
    count += convolution(1, 64, 2)
    assert len(convolutions(paper)) == 23
    assert paper.count_params() == count == 31_030_658


def test_every_pixel_gets_float32_logits():
    keras.config.set_dtype_policy("mixed_bfloat16")
    model = small()
    keras.config.set_dtype_policy("float32")
    logits = model(np.zeros((2, 16, 24, 3), np.float32))
    assert logits.shape == (2, 16, 24, 4)
    assert logits.dtype == "float32"


@pytest.mark.parametrize("skips", [True, False])
def test_only_a_skip_leads_past_the_smallest_maps(skips):
    """With the way through the bottom cut off, a U-Net still sees its picture."""
    model = small(skips=skips)
    lowest = convolutions(model)[2 * 2 + 2]  # the first transposed convolution
    assert isinstance(lowest, keras.layers.Conv2DTranspose)
    lowest.set_weights([np.zeros_like(w) for w in lowest.get_weights()])
    pictures = np.random.default_rng(0).random((2, 16, 24, 3), dtype=np.float32)
    one, other = np.asarray(model(pictures))
    assert (np.abs(one - other).max() > 1e-3) == skips


def test_without_skips_only_the_transposed_convolutions_change():
    """They make as many maps as came from both sides before; the rest stays comparable."""
    with_skips, without = convolutions(small()), convolutions(small(skips=False))
    for one, other in zip(with_skips, without, strict=True):
        if isinstance(one, keras.layers.Conv2DTranspose):
            assert other.filters == 2 * one.filters
        else:
            assert one.kernel.shape == other.kernel.shape


def test_valid_convolutions_see_what_padded_ones_see_in_the_middle():
    """Same weights; far from the edge padding must not matter, so the crops must be centred."""
    padded = build_unet((72, 72, 3), 4, width=4, depth=2, batch_norm=False)
    valid = build_unet((68, 68, 3), 4, width=4, depth=2, batch_norm=False, padding="valid")
    valid.set_weights(padded.get_weights())
    picture = np.random.default_rng(0).random((1, 72, 72, 3), dtype=np.float32)
    # Two pixels and two of half the size are lost before the second pooling: 6 pixels. Cut off 2
    # more, and the poolings of both networks meet at the same fours.
    inside = picture[:, 2:-2, 2:-2]
    margin = (72 - valid.output_shape[1]) // 2
    middle = np.asarray(padded(picture))[:, margin:-margin, margin:-margin]
    np.testing.assert_allclose(np.asarray(valid(inside)), middle, atol=1e-5)


def test_one_model_takes_pictures_of_many_sizes():
    model = build_unet((None, None, 3), 4, width=4, depth=2)
    for height, width in ((16, 24), (40, 8)):
        assert model(np.zeros((1, height, width, 3), np.float32)).shape == (1, height, width, 4)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"input_shape": (100, 96, 3)}, "3 times without a rest.* 100 cannot.* is 104"),
        ({"input_shape": (96, 20, 3)}, "20 cannot, the next side that can is 24"),
        ({"input_shape": (512, 512, 1), "depth": 4, "padding": "valid"}, "512 cannot.* is 524"),
        ({"input_shape": (None, 96, 3), "padding": "valid"}, "None cannot"),
        ({"input_shape": (96, 96)}, r"\(height, width, channels\), not \(96, 96\)"),
        ({"num_classes": 1}, "at least 2, the background among them, not 1"),
        ({"padding": "full"}, '"same" or "valid", not \'full\''),
    ],
)
def test_wrong_sizes_are_refused_in_one_sentence(arguments, message):
    with pytest.raises(ValueError, match=message):
        build_unet(**arguments)


def test_every_weight_gets_a_gradient():
    import tensorflow as tf

    model = small()
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(model(np.ones((1, 16, 24, 3), np.float32), training=True) ** 2)
    assert all(g is not None for g in tape.gradient(loss, model.trainable_variables))


@pytest.mark.parametrize("skips", [True, False])
def test_unet_survives_saving(tmp_path, skips):
    model = small(skips=skips)
    pictures = np.random.default_rng(0).random((2, 16, 24, 3), dtype=np.float32)
    model.save(tmp_path / "unet.keras")
    loaded = keras.saving.load_model(tmp_path / "unet.keras")
    np.testing.assert_array_equal(np.asarray(loaded(pictures)), np.asarray(model(pictures)))
