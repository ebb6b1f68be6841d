"""Maps against closed forms: linear models, a network with global pooling, uniform attention."""

import keras
import numpy as np
import pytest
from keras import layers

from course_utils import checkpoints, datasets, evaluation, explain, models


@pytest.fixture
def images():
    return np.random.default_rng(0).random((3, 6, 8, 2), dtype=np.float32)


@pytest.fixture
def linear(float32):
    """Two classes of 6 × 8 × 2 images, with weights and a bias."""
    inputs = keras.Input((6, 8, 2))
    model = keras.Model(inputs, layers.Dense(2)(layers.Flatten()(inputs)))
    rng = np.random.default_rng(1)
    kernel, bias = rng.normal(size=(96, 2)), np.array([0.5, -1.0])
    model.set_weights([kernel.astype(np.float32), bias.astype(np.float32)])
    return model, kernel.T.reshape(2, 6, 8, 2).astype(np.float32)


@pytest.fixture
def convolutional(float32):
    """Convolution, rectifier, global mean, dense: the network whose CAM is known."""
    keras.utils.set_random_seed(0)
    inputs = keras.Input((6, 8, 2))
    maps = layers.ReLU(name="maps")(layers.Conv2D(4, 3, padding="same", use_bias=False)(inputs))
    return keras.Model(inputs, layers.Dense(3)(layers.GlobalAveragePooling2D()(maps)))


LABELS = np.array([0, 1, 1], np.int32)


def test_saliency_of_a_linear_model_is_its_largest_weight_a_pixel(linear, images):
    model, weights = linear
    found = explain.saliency(model, images, LABELS)
    np.testing.assert_allclose(found, np.abs(weights[LABELS]).max(-1), rtol=1e-5)


def test_smoothing_changes_nothing_where_the_gradient_is_the_same_everywhere(linear, images):
    model, _ = linear
    smooth = explain.smooth_grad(model, images, LABELS, samples=3)
    np.testing.assert_allclose(smooth, explain.saliency(model, images, LABELS), rtol=1e-5)


def test_smoothing_takes_the_mean_of_signed_gradients(float32):
    inputs = keras.Input((1, 1, 1))
    x = layers.Dense(2, activation="relu", kernel_initializer="ones")(layers.Flatten()(inputs))
    model = keras.Model(inputs, layers.Dense(2, kernel_initializer="ones")(x))
    at_the_kink = np.zeros((1, 1, 1, 1), np.float32)
    # The gradient is 0 to the left of 0 and 2 to the right.
    smooth = explain.smooth_grad(model, at_the_kink, LABELS[:1], samples=100)
    assert smooth[0, 0, 0] == pytest.approx(1.0, abs=0.3)


@pytest.mark.parametrize("baseline", [0.0, 0.5])
def test_integrated_gradients_of_a_linear_model_are_weights_times_distance(
    linear, images, baseline
):
    model, weights = linear
    found = explain.integrated_gradients(model, images, LABELS, baseline=baseline, steps=3)
    np.testing.assert_allclose(found, weights[LABELS] * (images - baseline), atol=1e-5)


def test_integrated_gradients_add_up_to_the_rise_of_the_logit(convolutional, images):
    labels = np.array([0, 1, 2], np.int32)
    baseline = np.full_like(images, 0.3)
    found = explain.integrated_gradients(
        convolutional, images, labels, baseline=baseline, steps=200
    )
    total, rise = explain.completeness(convolutional, found, images, labels, baseline=baseline)
    logits = np.asarray(convolutional(images)) - np.asarray(convolutional(baseline))
    np.testing.assert_allclose(rise, logits[np.arange(3), labels], atol=1e-5)
    np.testing.assert_allclose(total, rise, atol=2e-3)
    assert np.abs(rise).max() > 0.01


def test_a_value_that_equals_the_baseline_gets_nothing(convolutional, images):
    images[:, 0] = 0.0
    found = explain.integrated_gradients(convolutional, images, LABELS, steps=4)
    assert np.abs(found[:, 0]).max() == 0
    assert np.abs(found[:, 1:]).max() > 0


def test_occlusion_of_a_linear_model_is_exact(linear, images):
    model, weights = linear
    found = explain.occlusion(model, images, LABELS, patch=1, stride=1, fill=0.25)
    np.testing.assert_allclose(found, (weights[LABELS] * (images - 0.25)).sum(-1), atol=1e-4)


def test_occlusion_is_the_mean_over_the_squares_that_cover_a_pixel(linear, images):
    model, weights = linear
    terms = (weights[LABELS] * images).sum(-1)
    found = explain.occlusion(model, images, LABELS, patch=4, stride=3, fill=0.0)
    # Squares begin at rows 0 and 2, and at columns 0, 3 and 4: the last ones touch the edges.
    np.testing.assert_allclose(found[:, 0, 0], terms[:, 0:4, 0:4].sum((1, 2)), atol=1e-4)
    np.testing.assert_allclose(found[:, 5, 7], terms[:, 2:6, 4:8].sum((1, 2)), atol=1e-4)
    both = (terms[:, 0:4, 0:4].sum((1, 2)) + terms[:, 2:6, 0:4].sum((1, 2))) / 2
    np.testing.assert_allclose(found[:, 3, 0], both, atol=1e-4)


def test_occlusion_does_not_paint_on_its_input(linear, images):
    before = images.copy()
    explain.occlusion(linear[0], images, LABELS, patch=3, stride=3)
    np.testing.assert_array_equal(images, before)


def test_grad_cam_before_global_pooling_is_cam(convolutional, images):
    labels = np.array([0, 1, 2], np.int32)
    found = explain.grad_cam(convolutional, images, labels, "maps")
    maps = np.asarray(
        keras.Model(convolutional.input, convolutional.get_layer("maps").output)(images)
    )
    dense = convolutional.layers[-1].get_weights()[0]  # (channels, classes)
    # Zhou et al. 2016: the class's weights times the maps; the pooling divides by 48 places.
    cam = np.einsum("nhwc,cn->nhw", maps, dense[:, labels]) / 48
    np.testing.assert_allclose(found, np.maximum(cam, 0), atol=1e-6)
    assert found.max() > 0


def test_grad_cam_takes_the_layer_itself_and_enlarges_coarse_maps(float32, images):
    inputs = keras.Input((6, 8, 2))
    coarse = layers.Conv2D(3, 2, strides=2)
    x = layers.GlobalAveragePooling2D()(coarse(inputs))
    model = keras.Model(inputs, layers.Dense(2)(x))
    assert explain.grad_cam(model, images, LABELS, coarse).shape == (3, 6, 8)


def test_grad_cam_refuses_a_layer_without_places(convolutional, images):
    with pytest.raises(ValueError, match=r"maps .* take one before the pooling"):
        explain.grad_cam(convolutional, images, LABELS, convolutional.layers[-1])


def test_guided_backprop_drops_negative_gradients_at_every_rectifier(float32):
    """y = 3 relu(a) − 2 relu(b): what comes through b is negative, and is cut off."""
    inputs = keras.Input((1, 2, 1))
    x = layers.ReLU()(layers.Flatten()(inputs))
    model = keras.Model(inputs, layers.Dense(2, use_bias=False)(x))
    model.set_weights([np.array([[3.0, 0.0], [-2.0, 0.0]], np.float32)])
    image, label = np.ones((1, 1, 2, 1), np.float32), np.zeros(1, np.int32)
    np.testing.assert_allclose(explain.saliency(model, image, label), [[[3, 2]]])
    np.testing.assert_allclose(explain.guided_backprop(model, image, label), [[[3, 0]]])


def test_guided_backprop_also_reaches_rectifiers_inside_layers_and_capped_ones(float32):
    inputs = keras.Input((1, 2, 1))
    x = layers.ReLU(max_value=6)(layers.Flatten()(inputs))
    x = layers.Dense(2, activation="relu", use_bias=False)(x)
    model = keras.Model(inputs, layers.Dense(2, use_bias=False)(x))
    eye = np.eye(2, dtype=np.float32)
    model.set_weights([eye, np.array([[1.0, 0.0], [-1.0, 0.0]], np.float32)])
    image = np.array([[[[7.0], [1.0]]]], np.float32)  # the first is cut off at 6: no gradient
    label = np.zeros(1, np.int32)
    np.testing.assert_allclose(explain.saliency(model, image, label), [[[0, 1]]])
    np.testing.assert_allclose(explain.guided_backprop(model, image, label), [[[0, 0]]])


@pytest.fixture
def vit(float32):
    keras.utils.set_random_seed(0)
    return models.build_vit(
        (8, 8, 1), 3, patch_size=4, width=8, heads=2, blocks=2, mlp_width=8, shift=0.0
    )


def test_attention_weights_are_those_of_every_block_and_rows_sum_to_one(vit):
    x = np.random.default_rng(0).random((5, 8, 8, 1), dtype=np.float32)
    weights = explain.attention_weights(vit, x)
    assert weights.shape == (2, 5, 2, 5, 5)  # blocks, images, heads, tokens, tokens
    np.testing.assert_allclose(weights.sum(-1), 1, atol=1e-5)
    block = vit.get_layer("block_1")
    tokens = keras.Model(vit.input, block.input)(x)
    np.testing.assert_allclose(weights[1], block.attention_scores(tokens), atol=1e-6)


def test_a_model_without_attention_is_refused(linear, images):
    with pytest.raises(ValueError, match="no TransformerBlock"):
        explain.attention_weights(linear[0], images)


def test_rollout_of_uniform_attention_has_a_closed_form():
    tokens, blocks = 4, 3
    weights = np.full((blocks, 2, 1, tokens, tokens), 1 / tokens, np.float32)
    # (I/2 + U/2)³ = I/8 + 7/8 U, because U is a projection that I leaves alone.
    expected = np.eye(tokens) / 8 + 7 / 8 / tokens
    np.testing.assert_allclose(explain.attention_rollout(weights), [expected] * 2, atol=1e-6)


def test_rollout_multiplies_later_blocks_from_the_left():
    first, last = np.zeros((2, 3, 3), np.float32)
    first[:, 2] = 1  # everybody looks at token 2,
    last[:, 1] = 1  # then everybody at token 1
    rollout = explain.attention_rollout(np.stack([first, last])[:, None, None])[0]
    by_hand = (0.5 * last + 0.5 * np.eye(3)) @ (0.5 * first + 0.5 * np.eye(3))
    np.testing.assert_allclose(rollout, by_hand, atol=1e-6)
    assert rollout[0, 2] == pytest.approx(0.5)  # token 2 came in first, twice
    np.testing.assert_allclose(rollout.sum(-1), 1, atol=1e-6)


def test_a_token_map_keeps_the_order_of_the_patches():
    row = np.array([[1.0, 2.0, 3.0, 4.0]], np.float32)
    found = explain.token_map(row, (8, 8))[0]
    np.testing.assert_allclose([found[0, 0], found[0, 7], found[7, 0], found[7, 7]], [1, 2, 3, 4])
    with pytest.raises(ValueError, match="not 5"):
        explain.token_map(np.ones((1, 5)), (8, 8))


def test_the_pointing_game_counts_maxima_on_the_object():
    maps = np.zeros((3, 4, 5), np.float32)
    maps[0, 1, 2] = maps[1, 3, 4] = 1  # the third map is constant
    masks = np.zeros((3, 4, 5), bool)
    masks[:, 1, 2] = True
    masks[2] = True
    np.testing.assert_array_equal(explain.pointing_game(maps, masks), [True, False, False])


def test_blind_pointing_hits_as_often_as_the_mask_is_large():
    rng = np.random.default_rng(0)
    masks = np.zeros((4000, 6, 6), bool)
    masks[:, 2:5, 1:5] = True  # a third
    hits = explain.pointing_game(rng.random(masks.shape), masks)
    assert hits.mean() == pytest.approx(masks.mean(), abs=0.03)


def test_the_pointing_game_refuses_other_shapes():
    with pytest.raises(ValueError, match=r"\(count, height, width\), not \(2, 3, 3\)"):
        explain.pointing_game(np.zeros((2, 3, 3)), np.zeros((2, 3, 4), bool))


@pytest.mark.parametrize(("patch", "stride"), [(7, 1), (0, 1), (2, 3), (2, 0)])
def test_impossible_squares_are_refused(linear, images, patch, stride):
    with pytest.raises(ValueError, match=f"not patch {patch} and stride {stride}"):
        explain.occlusion(linear[0], images, LABELS, patch=patch, stride=stride)


def test_images_of_another_size_are_refused(linear):
    with pytest.raises(ValueError, match="explained inputs have shape"):
        explain.saliency(linear[0], np.zeros((3, 5, 8, 2), np.float32), LABELS)


def test_a_randomized_copy_changes_the_last_kernels_only_and_not_the_model(convolutional):
    before = [w.copy() for w in convolutional.get_weights()]
    copy = explain.randomized_copy(convolutional, 1)
    for old, new in zip(before, convolutional.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    first, last, bias = copy.get_weights()
    np.testing.assert_array_equal(first, before[0])
    np.testing.assert_array_equal(bias, before[2])
    assert np.abs(last - before[1]).min() > 0
    assert np.abs(explain.randomized_copy(convolutional, 2).get_weights()[0] - first).min() > 0
    with pytest.raises(ValueError, match="has 2 kernels, not 3"):
        explain.randomized_copy(convolutional, 3)


def test_explaining_changes_no_weight(convolutional, images):
    before = [w.copy() for w in convolutional.get_weights()]
    explain.guided_backprop(convolutional, images, LABELS)
    explain.integrated_gradients(convolutional, images, LABELS, steps=2)
    for old, new in zip(before, convolutional.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_a_network_that_was_never_told_where_points_to_the_garment(float32):
    scenes = datasets.scenes("test", 60, size=64, objects=(1, 1))
    network = checkpoints.load("scenes-resnet")
    last = [layer for layer in network.layers if len(layer.output.shape) == 4][-1]
    maps = explain.grad_cam(network, scenes.images, scenes.labels[:, 0], last)
    hits = explain.pointing_game(maps, scenes.masks > 0)
    assert hits.mean() >= 3 * (scenes.masks > 0).mean()


def test_the_shipped_classifier_of_scenes_reaches_what_its_card_says(float32):
    scenes = datasets.scenes("test", 200, size=64, objects=(1, 1))
    network, card = checkpoints.load("scenes-resnet"), checkpoints.card("scenes-resnet")
    accuracy = evaluation.accuracy(network, scenes.images, scenes.labels[:, 0])
    # The card's is of 1,000 scenes; three standard errors of the difference.
    assert accuracy == pytest.approx(card.metrics["test accuracy"], abs=0.1)
