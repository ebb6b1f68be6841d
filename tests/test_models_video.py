"""Video classifiers: the identities that their papers claim, refusals, and saving."""

from itertools import pairwise

import keras
import numpy as np
import pytest
from keras import layers

from course_utils import checkpoints, datasets, evaluation, models
from course_utils.models.frames import build_frame_network
from course_utils.models.r2plus1d import convolution
from course_utils.models.two_stream import AverageProbabilities, StackedFlow
from course_utils.models.vivit import DividedBlock

SHAPE = (4, 16, 16, 1)
TINY = {
    "build_frame_classifier": {"widths": (4, 6)},
    "build_difference_classifier": {"widths": (4, 6)},
    "build_lrcn": {"widths": (4, 6), "features": 8, "units": 8},
    "build_c3d": {"blocks": ((4, 1), (6, 1))},
    "build_r2plus1d": {"blocks": (1, 1), "widths": (4, 6)},
    "build_two_stream": {"widths": (4, 6)},
    "build_vivit": {"tubelet": (2, 8, 8), "width": 8, "heads": 2, "blocks": 1, "mlp_width": 8},
}

pytestmark = pytest.mark.usefixtures("float32")


def build(name, num_classes=10, **changes):
    keras.utils.set_random_seed(0)
    shape = (*SHAPE[:3], 3) if name == "build_two_stream" else SHAPE
    model = getattr(models, name)(shape, num_classes, **TINY[name] | changes)
    # Fresh normalizations divide by one and biases are zero: other numbers, so that errors show.
    generator = np.random.default_rng(1)
    model.set_weights([w + 0.1 * generator.random(w.shape) for w in model.get_weights()])
    return model


def clips(count=3, channels=1):
    return np.random.default_rng(0).random((count, *SHAPE[:3], channels), dtype=np.float32)


def run(model, x):
    return np.asarray(model(x, training=False))


@pytest.mark.parametrize("name", TINY)
def test_saved_model_gives_equal_float32_logits(name, tmp_path):
    model = build(name, 7)
    x = clips(channels=model.input_shape[-1])
    logits = run(model, x)
    assert (logits.shape, logits.dtype) == ((3, 7), np.float32)
    model.save(tmp_path / "video.keras")
    np.testing.assert_allclose(
        run(keras.models.load_model(tmp_path / "video.keras"), x), logits, atol=1e-5
    )


@pytest.mark.parametrize("name", TINY)
def test_wrong_sizes_are_refused_in_a_sentence(name):
    builder, tiny = getattr(models, name), TINY[name]
    with pytest.raises(ValueError, match=r"must be \(frames, height, width, channels\), not"):
        builder((16, 16, 1), **tiny)
    with pytest.raises(ValueError, match="num_classes must be at least 2, not 1"):
        builder((4, 16, 16, 3), 1, **tiny)


@pytest.mark.parametrize(
    ("name", "shape", "changes", "said"),
    [
        ("build_lrcn", (4, 3, 16, 1), {}, "at least 4×4 pixels, not 3×16"),
        ("build_frame_classifier", SHAPE, {"frames": "last"}, "middle or average, not 'last'"),
        ("build_difference_classifier", (1, 16, 16, 1), {}, "at least 2 frames, not 1"),
        ("build_r2plus1d", SHAPE, {"widths": (4,)}, "one number a stage"),
        ("build_two_stream", SHAPE, {}, "the function with_flow makes them"),
        ("build_vivit", (5, 16, 16, 1), {}, r"Tubelets of \(2, 8, 8\) need .* not \(5, 16, 16\)"),
        ("build_vivit", SHAPE, {"attention": "all"}, "one of divided, joint, space, not 'all'"),
    ],
)
def test_what_a_model_cannot_take_is_refused(name, shape, changes, said):
    with pytest.raises(ValueError, match=said):
        getattr(models, name)(shape, **TINY[name] | changes)


# --- what baselines can and cannot see ------------------------------------------------------


def test_the_middle_frame_alone_decides():
    model, x = build("build_frame_classifier"), clips()
    changed = np.zeros_like(x)
    changed[:, 2] = x[:, 2]
    np.testing.assert_allclose(run(model, changed), run(model, x), atol=1e-6)


def test_an_average_over_frames_knows_no_order():
    model, x = build("build_frame_classifier", frames="average"), clips()
    np.testing.assert_allclose(run(model, x[:, [2, 0, 3, 1]]), run(model, x), atol=1e-5)


def test_frame_differences_look_the_same_backwards_but_not_shuffled():
    model, x = build("build_difference_classifier"), clips()
    np.testing.assert_allclose(run(model, x[:, ::-1]), run(model, x), atol=1e-5)
    assert np.abs(run(model, x[:, [2, 0, 3, 1]]) - run(model, x)).max() > 1e-4


@pytest.mark.parametrize("name", ["build_lrcn", "build_c3d", "build_r2plus1d", "build_vivit"])
def test_networks_of_clips_notice_that_time_runs_backwards(name):
    model, x = build(name), clips()
    assert np.abs(run(model, x[:, ::-1]) - run(model, x)).max() > 1e-4


# --- LRCN -----------------------------------------------------------------------------------


def test_lrcn_is_the_network_on_each_frame_then_the_lstm_then_the_mean_score():
    model, x = build("build_lrcn"), clips()
    network = next(la.layer for la in model.layers if isinstance(la, layers.TimeDistributed))
    dense, decide = (la for la in model.layers if isinstance(la, layers.Dense))
    lstm = next(la for la in model.layers if isinstance(la, layers.LSTM))
    states, scores = [np.zeros((3, 8), np.float32)] * 2, []
    for frame in range(4):
        features = dense(network(x[:, frame], training=False))
        _, states = lstm.cell(features, states)
        scores.append(np.asarray(decide(states[0])))
    np.testing.assert_allclose(run(model, x), np.mean(scores, axis=0), atol=1e-5)


# --- 3-D convolutions -----------------------------------------------------------------------


def test_c3d_has_the_parameters_of_the_paper():
    # Section 3.3: eight convolutions of 3×3×3, two dense layers of 4096, 487 classes of Sports-1M.
    widths = (3, 64, 128, 256, 256, 512, 512, 512, 512)
    convolutions = sum(27 * a * b + b for a, b in pairwise(widths))
    dense = (512 * 1 * 4 * 4 + 1) * 4096 + (4096 + 1) * 4096 + (4096 + 1) * 487
    model = models.build_c3d((16, 112, 112, 3), 487, **models.C3D)
    assert model.count_params() == convolutions + dense


@pytest.mark.parametrize("sizes", [(3, 45, (3, 7, 7)), (64, 64, (3, 3, 3)), (64, 128, (3, 3, 3))])
def test_a_pair_of_convolutions_has_as_many_weights_as_the_whole_and_no_more(sizes):
    inputs, outputs, (depth, height, width) = sizes
    middle = models.middle_channels(*sizes)
    whole = depth * height * width * inputs * outputs
    each = height * width * inputs + depth * outputs  # weights that one more channel costs
    assert whole - each < middle * each <= whole


def test_of_18_layers_r3d_has_the_parameters_of_torchvision_and_r2plus1d_as_many():
    def trainable(settings):
        model = models.build_r2plus1d((8, 112, 112, 3), 400, **settings)
        return sum(int(np.prod(w.shape)) for w in model.trainable_weights)

    # https://docs.pytorch.org/vision/main/models/generated/torchvision.models.video.r3d_18.html
    assert trainable(models.R3D18) == 33_371_472
    assert trainable(models.R2PLUS1D18) == pytest.approx(33_371_472, rel=1e-3)


def test_separable_kernels_in_two_steps_equal_the_whole_kernel():
    inputs = keras.Input((5, 8, 8, 1))
    pair = keras.Model(inputs, convolution(inputs, 4, (3, 3, 3), (2, 2, 2), True))
    spatial, temporal = (la for la in pair.layers if isinstance(la, layers.Conv3D))
    generator = np.random.default_rng(0)
    # Positive numbers, so that the rectifier between them does nothing.
    across, along = generator.random((3, 3)), generator.random((3, 4))
    middle = spatial.filters
    spatial.set_weights([np.repeat(across[None, ..., None, None], middle, -1)])
    temporal.set_weights([np.repeat(along[:, None, None, None], middle, -2) / middle])
    normalization = next(la for la in pair.layers if isinstance(la, layers.BatchNormalization))
    normalization.epsilon = 0.0
    whole = layers.Conv3D(4, 3, 2, padding="same", use_bias=False)
    whole.build((None, 5, 8, 8, 1))
    whole.set_weights([np.einsum("hw,to->thwo", across, along)[:, :, :, None]])
    x = generator.random((2, 5, 8, 8, 1)).astype(np.float32)
    np.testing.assert_allclose(run(pair, x), np.asarray(whole(x)), rtol=1e-4)


# --- two streams ----------------------------------------------------------------------------


def test_flow_is_stacked_frame_by_frame_and_the_last_frame_has_none():
    x = clips(channels=3)
    stacked = np.asarray(StackedFlow()(x))
    assert stacked.shape == (3, 16, 16, 6)
    np.testing.assert_array_equal(stacked[..., 2:4], x[:, 1, ..., 1:])
    changed = x.copy()
    changed[:, -1] = 0
    np.testing.assert_array_equal(StackedFlow()(changed), stacked)


def test_scores_of_two_streams_are_the_mean_of_their_probabilities():
    first, second = np.random.default_rng(0).normal(size=(2, 5, 4)).astype(np.float32)
    mean = np.exp(AverageProbabilities()([first, second]))
    expected = (np.asarray(keras.ops.softmax(first)) + np.asarray(keras.ops.softmax(second))) / 2
    np.testing.assert_allclose(mean, expected, atol=1e-6)


def test_flow_of_a_shifted_picture_is_the_shift():
    from scipy.ndimage import gaussian_filter

    picture = gaussian_filter(np.random.default_rng(0).random((64, 64)), 2)
    picture = (picture - picture.min()) / np.ptp(picture)
    clip = np.stack([np.roll(picture, (t, 2 * t), (0, 1)) for t in range(3)])
    flow = datasets.with_flow(clip[None, ..., None].astype(np.float32))[0, ..., 1:]
    assert np.median(flow[:2, ..., 0]) == pytest.approx(2, abs=0.2)  # to the right
    assert np.median(flow[:2, ..., 1]) == pytest.approx(1, abs=0.2)  # down
    assert not flow[2].any()


def test_flow_of_colour_clips_is_refused():
    with pytest.raises(ValueError, match="take the mean over the channels first"):
        datasets.with_flow(clips(channels=3))


# --- ViViT ----------------------------------------------------------------------------------


def without_time(**changes):
    """Tubelets one frame deep and no positions, so that nothing but attention sees time."""
    return build("build_vivit", tubelet=(1, 8, 8), positions="none", **changes)


@pytest.mark.parametrize("attention", ["divided", "joint", "space"])
def test_without_positions_the_order_of_frames_is_not_seen(attention):
    model, x = without_time(attention=attention), clips()
    np.testing.assert_allclose(run(model, x[:, [2, 0, 3, 1]]), run(model, x), atol=1e-5)


@pytest.fixture
def block():
    """A block with its input ``(batch, time, places, width)``."""
    x = np.random.default_rng(0).normal(size=(2, 4, 3, 8)).astype(np.float32)
    layer = DividedBlock(2, 16)
    layer.build(x.shape)
    return layer, x


def test_attention_over_time_is_that_of_keras_on_each_place(block):
    layer, x = block
    out = np.asarray(layer.attend_over_time(x))
    for place in range(3):
        expected = layer.time(x[:, :, place], x[:, :, place])
        np.testing.assert_allclose(out[:, :, place], expected, atol=1e-5)


def test_a_divided_block_is_attention_over_time_then_a_transformer_block_over_space(block):
    layer, x = block
    x_time = x + np.asarray(layer.attend_over_time(layer.norm(x)))
    for frame in range(4):
        expected = layer.space(x_time[:, frame])
        np.testing.assert_allclose(layer(x)[:, frame], expected, atol=1e-5)


def test_a_divided_block_moves_with_the_frames(block):
    layer, x = block
    order = [2, 0, 3, 1]
    np.testing.assert_allclose(layer(x[:, order]), np.asarray(layer(x))[:, order], atol=1e-5)


def tokens(model, x):
    """Tokens before they are averaged: ``(batch, time, places, width)``."""
    norm = next(la for la in model.layers[::-1] if isinstance(la, layers.LayerNormalization))
    out = np.asarray(keras.Model(model.input, norm.output)(x, training=False))
    return out.reshape(len(x), 4, 4, 8)


def test_attention_over_space_leaves_frames_independent_and_divided_attention_does_not():
    x = clips()
    changed = x.copy()
    changed[:, 0] = x[:, 0, ::-1]  # the clip's mean and variance stay, by which it is scaled
    for attention, reaches in (("space", False), ("divided", True), ("joint", True)):
        model = without_time(attention=attention)
        difference = np.abs(tokens(model, changed) - tokens(model, x)).max((0, 2, 3))
        assert difference[0] > 1e-3
        assert (difference[1:].max() > 1e-4) == reaches, attention


def test_the_embedding_of_a_tubelet_is_one_dense_layer_on_its_scaled_pixels():
    model, x = build("build_vivit"), clips()
    kernel, bias = model.get_layer("embedding").get_weights()
    embedded = keras.Model(model.input, model.get_layer("embedding").output)(x)
    axes = {"axis": (1, 2, 3, 4), "keepdims": True}
    scaled = (x - x.mean(**axes)) / np.sqrt(x.var(**axes) + 1e-3)
    box = scaled[:, 2:4, 8:16, 0:8].reshape(3, -1)
    np.testing.assert_allclose(embedded[:, 1, 1, 0], box @ kernel.reshape(-1, 8) + bias, atol=1e-4)


# --- what the frame network is --------------------------------------------------------------


def test_the_frame_network_halves_the_frame_once_a_convolution():
    assert build_frame_network((16, 24, 1), (4, 6)).output_shape == (None, 6)
    assert build_frame_network((16, 24, 1), (4, 6), pool=False).output_shape == (None, 4 * 6 * 6)


# --- what ships -----------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["video-camera-two-stream", "video-actions-c3d"])
def test_shipped_video_checkpoint_reaches_what_its_card_says(name):
    make = datasets.camera_motion if "camera" in name else datasets.digit_actions
    x, y = make("test", 150)
    x = datasets.with_flow(x) if "two-stream" in name else x
    accuracy = evaluation.accuracy(checkpoints.load(name), x, y)
    # 150 of the 2,000 clips of the card: four standard errors of a share of 0.97.
    assert accuracy == pytest.approx(checkpoints.card(name).metrics["test accuracy"], abs=0.056)
