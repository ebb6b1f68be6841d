"""The masked autoencoder: it sees what it may see, and its loss counts what it could not see."""

import keras
import numpy as np
import pytest

from course_utils import masking
from course_utils.models import build_mae, mae_classifier, mae_encoder
from course_utils.models.mae import FillWithMaskTokens, GridPositions, Take

pytestmark = pytest.mark.usefixtures("seeded")
RNG = np.random.default_rng(0)
SIZES = {
    "patch_size": 2,
    "width": 8,
    "heads": 2,
    "blocks": 2,
    "mlp_width": 12,
    "decoder_width": 4,
}


def tiny(**changes):
    return build_mae((8, 8, 1), **(SIZES | {"visible": 4} | changes))


def images(count=3):
    return RNG.random((count, 8, 8, 1)).astype(np.float32)


def predict(mae, x, order):
    return np.asarray(mae({"images": x, "order": order}))


def test_hidden_pixels_do_not_reach_the_prediction_and_visible_ones_do():
    mae, x, order = tiny(), images(), masking.hide(3, 16)
    patches = masking.cut(x, 2)
    for places, reaches in ((order[:, 4:], False), (order[:, :4], True)):
        changed = patches.copy()
        np.put_along_axis(changed, places[..., None], 0.5, axis=1)
        other = predict(mae, masking.paste(changed, x.shape, 2), order)
        assert np.allclose(other, predict(mae, x, order), atol=1e-6) != reaches


def test_the_order_within_the_visible_and_within_the_hidden_patches_does_not_matter():
    mae, x, order = tiny(), images(), masking.hide(3, 16)
    other = np.concatenate([order[:, 3::-1], order[:, :3:-1]], axis=1)
    np.testing.assert_allclose(predict(mae, x, other), predict(mae, x, order), atol=1e-5)


def test_mask_tokens_fill_exactly_the_hidden_places():
    layer, order = FillWithMaskTokens(), masking.hide(3, 6, seed=1)
    visible = RNG.random((3, 2, 5)).astype(np.float32)
    filled = np.asarray(layer(visible, order))
    for row in range(3):
        wanted = np.tile(np.asarray(layer.token)[0], (6, 1))
        wanted[order[row, :2]] = visible[row]
        np.testing.assert_array_equal(filled[row], wanted)


def test_take_is_numpys_take_along_axis():
    x, places = RNG.random((2, 5, 3)).astype(np.float32), np.array([[4, 0], [2, 2]])
    np.testing.assert_array_equal(
        Take()(x, places), np.take_along_axis(x, places[..., None], axis=1)
    )


def test_positions_tell_every_patch_of_the_grid_apart_and_share_rows_and_columns():
    table = np.asarray(GridPositions(7)(np.zeros((1, 49, 16), np.float32)))[0]
    assert len(np.unique(table.round(6), axis=0)) == 49
    grid = table.reshape(7, 7, 16)
    np.testing.assert_array_equal(grid[2, :, :8], np.tile(grid[2, 0, :8], (7, 1)))
    np.testing.assert_array_equal(grid[:, 3, 8:], np.tile(grid[0, 3, 8:], (7, 1)))


def test_the_encoder_is_the_autoencoders_when_nothing_is_hidden():
    mae = tiny(visible=16)
    x = images()
    order = np.tile(np.arange(16, dtype=np.int32), (3, 1))
    tokens = keras.Model(mae.input, mae.get_layer("norm").output)
    wanted = np.asarray(tokens({"images": x, "order": order})).mean(axis=1)
    np.testing.assert_allclose(mae_encoder(mae)(x), wanted, atol=1e-5)


def test_weights_do_not_depend_on_how_much_is_hidden():
    one, other = tiny(visible=4), tiny(visible=12)
    other.set_weights(one.get_weights())
    x = images()
    np.testing.assert_allclose(mae_encoder(other)(x), mae_encoder(one)(x), atol=1e-6)


def test_the_classifier_starts_undecided_and_teaches_the_encoder_too():
    mae = tiny()
    classifier = mae_classifier(mae, 3)
    np.testing.assert_array_equal(classifier(images()), np.zeros((3, 3)))
    before = np.array(mae.get_layer("embedding").kernel)
    classifier.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    for _ in range(2):  # the first step moves the last layer only, as that is zero
        classifier.train_on_batch(images(), np.array([0, 1, 2]))
    assert not np.array_equal(before, mae.get_layer("embedding").kernel)


def test_targets_are_patches_without_brightness_and_contrast():
    x = images()
    patches = masking.cut(x, 2)
    wanted = patches - patches.mean(-1, keepdims=True)
    wanted /= np.sqrt(patches.var(-1, keepdims=True) + 1e-3)
    np.testing.assert_allclose(masking.patch_targets(x, 2), wanted, atol=1e-5)
    np.testing.assert_allclose(masking.patch_targets(np.ones((1, 8, 8, 1)), 2), 0, atol=1e-6)


def test_keras_loss_on_masked_batches_is_the_mean_over_the_hidden_patches():
    mae = tiny()
    mae.compile("sgd", loss="mse")
    inputs, targets, weights = next(iter(masking.masked_batches(images(5), mae, batch_size=5)))
    found = mae.evaluate(inputs, targets, sample_weight=weights, verbose=0)
    errors = np.square(np.asarray(mae(inputs)) - targets).mean(-1)
    hidden = np.asarray(inputs["order"])[:, 4:]
    wanted = np.take_along_axis(errors, hidden, axis=1).mean()
    assert found == pytest.approx(wanted, rel=1e-5)


def test_loss_is_that_of_the_hidden_patches():
    mae, x = tiny(), images(5)
    order = masking.hide(5, 16, seed=3)
    errors = np.square(predict(mae, x, order) - masking.patch_targets(x, 2)).mean(-1)
    wanted = np.mean([errors[i, order[i, 4:]].mean() for i in range(5)])
    assert masking.loss(mae, x, seed=3) == pytest.approx(wanted, rel=1e-5)


def test_reconstructions_keep_the_visible_pixels():
    mae, x, order = tiny(), images(), masking.hide(3, 16)
    before, after = masking.cut(x, 2), masking.cut(masking.reconstruct(mae, x, order), 2)
    same = np.isclose(before, after).all(axis=-1)
    shown = order.argsort(axis=1) < 4
    assert same[shown].all()
    assert not same[~shown].any()


def test_orders_are_permutations_that_differ_from_image_to_image():
    order = masking.hide(50, 16, seed=0)
    np.testing.assert_array_equal(np.sort(order, axis=1), np.tile(np.arange(16), (50, 1)))
    assert len(np.unique(order, axis=0)) == 50


def test_the_probe_takes_the_strength_that_validates_best(tiny_data):
    (x, y), (check, truth) = tiny_data.train, tiny_data.validation
    classifier, tried = masking.probe(x.reshape(96, -1), y, (check.reshape(33, -1), truth))
    assert set(tried) == set(masking.STRENGTHS)
    assert classifier.score(check.reshape(33, -1), truth) == max(tried.values())


def test_a_saved_autoencoder_gives_the_same_prediction(tmp_path):
    mae, x, order = tiny(), images(), masking.hide(3, 16)
    mae.save(tmp_path / "mae.keras")
    again = keras.models.load_model(tmp_path / "mae.keras")
    np.testing.assert_allclose(predict(again, x, order), predict(mae, x, order), atol=1e-6)
    classifier = mae_classifier(mae, 3)
    classifier.save(tmp_path / "classifier.keras")
    again = keras.models.load_model(tmp_path / "classifier.keras")
    np.testing.assert_allclose(again(x), classifier(x), atol=1e-6)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"visible": 0}, "visible must be between 1 and the 16 patches, not 0"),
        ({"visible": 17}, "visible must be between 1 and the 16 patches, not 17"),
        ({"patch_size": 3}, "divisible by 3"),
        ({"width": 9}, "width must be divisible by heads"),
        ({"decoder_width": 5}, "width must be divisible by heads"),
    ],
)
def test_sizes_that_cannot_be_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        tiny(**changes)
