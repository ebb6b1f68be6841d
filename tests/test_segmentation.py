"""Segmentation: losses against closed forms, masks of any size, IoU against independent counts."""

import keras
import numpy as np
import pytest
from scipy.special import log_softmax, softmax

from course_utils import segmentation
from course_utils.segmentation import SegmentationLoss

pytestmark = pytest.mark.usefixtures("float32")


@pytest.fixture
def masks_and_logits():
    rng = np.random.default_rng(0)
    masks = rng.integers(0, 4, (3, 6, 5)).astype(np.uint8)
    return masks, rng.normal(size=(3, 6, 5, 4)).astype(np.float32)


def cross_entropy_of(masks, logits):
    return -np.take_along_axis(log_softmax(logits, -1), masks[..., None].astype(int), -1).mean()


def dice_of(masks, logits):
    shares, truth = softmax(logits, -1), np.eye(logits.shape[-1])[masks]
    overlap = 2 * np.einsum("nhwc,nhwc->c", shares, truth)
    return np.mean(1 - overlap / (shares.sum((0, 1, 2)) + truth.sum((0, 1, 2))))


@pytest.mark.parametrize(("a", "b"), [(1, 0), (0, 1), (1, 1), (0.5, 2)])
def test_loss_is_the_weighted_sum_of_cross_entropy_and_dice(masks_and_logits, a, b):
    expected = a * cross_entropy_of(*masks_and_logits) + b * dice_of(*masks_and_logits)
    measured = SegmentationLoss(a, b)(*masks_and_logits)
    np.testing.assert_allclose(measured, expected, rtol=1e-5)


def test_dice_loss_is_0_for_a_certain_right_mask_and_1_for_a_certain_wrong_one():
    masks = np.array([[[0, 1], [2, 2]]])
    for predicted, expected in ((masks, 0.0), ((masks + 1) % 3, 1.0)):
        logits = 100.0 * np.eye(3, dtype=np.float32)[predicted]
        np.testing.assert_allclose(SegmentationLoss(0, 1)(masks, logits), expected, atol=1e-6)


def test_dice_weighs_a_rare_class_like_a_frequent_one_and_cross_entropy_does_not():
    """Of 100 pixels one is of class 1: missing it costs Dice a half, accuracy a hundredth."""
    masks = np.zeros((1, 10, 10), int)
    masks[0, 3, 3] = 1
    logits = 20.0 * np.eye(2, dtype=np.float32)[np.zeros_like(masks)]
    np.testing.assert_allclose(
        SegmentationLoss(0, 1)(masks, logits), (1 - 2 * 99 / 199 + 1) / 2, atol=1e-5
    )
    np.testing.assert_allclose(SegmentationLoss(1, 0)(masks, logits), 20 / 100, atol=1e-5)


def test_both_parts_of_the_loss_send_a_gradient(masks_and_logits):
    import tensorflow as tf

    masks, logits = masks_and_logits
    for weights in ((1, 0), (0, 1)):
        variable = tf.Variable(logits)
        with tf.GradientTape() as tape:
            loss = SegmentationLoss(*weights)(masks, variable)
        assert np.abs(tape.gradient(loss, variable)).min() > 0


def test_loss_survives_saving(tmp_path, masks_and_logits):
    loss = SegmentationLoss(0.3, 0.7)
    same = keras.losses.deserialize(keras.losses.serialize(loss))
    np.testing.assert_array_equal(same(*masks_and_logits), loss(*masks_and_logits))


@pytest.mark.parametrize("weights", [(-1, 1), (0, 0)])
def test_senseless_weights_are_refused(weights):
    with pytest.raises(ValueError, match=f"one of them positive, not {weights[0]} and"):
        SegmentationLoss(*weights)


def test_augmented_masks_move_with_their_pictures():
    """Pictures whose brightness is their mask: whatever happens to colours, the order stays."""
    rng = np.random.default_rng(0)
    masks = rng.integers(0, 5, (40, 6, 7)).astype(np.uint8)
    pictures = np.repeat((0.1 + 0.2 * masks[..., None]).astype(np.float32), 3, axis=-1)
    new, moved = segmentation.augment(pictures, masks, rng)
    assert (new.dtype, moved.dtype, new.shape) == (np.float32, np.uint8, pictures.shape)
    mirrored = [not np.array_equal(a, b) for a, b in zip(moved, masks, strict=True)]
    assert 8 < sum(mirrored) < 32
    for picture, mask, before, turned in zip(new, moved, masks, mirrored, strict=True):
        np.testing.assert_array_equal(mask, before[:, ::-1] if turned else before)
        for channel in np.moveaxis(picture, -1, 0):
            shades = [channel[mask == c] for c in np.unique(mask)]
            assert all(np.ptp(shade) < 1e-6 for shade in shades)
            assert np.all(np.diff([shade[0] for shade in shades]) > 0)


def test_augmentation_gives_grey_pictures_a_colour():
    grey = np.full((8, 4, 4, 3), 0.5, np.float32)
    new, _ = segmentation.augment(grey, np.zeros((8, 4, 4), np.uint8), np.random.default_rng(0))
    assert np.all(np.ptp(new[:, 0, 0], axis=-1) > 0.02)
    assert new.min() > 0
    assert new.max() < 1


def test_augmentation_exchanges_the_channels():
    red = np.zeros((60, 2, 2, 3), np.float32)
    red[..., 0] = 0.5
    new, _ = segmentation.augment(red, np.zeros((60, 2, 2), np.uint8), np.random.default_rng(0))
    assert set(new[:, 0, 0].argmax(-1)) == {0, 1, 2}


@pytest.fixture
def painter():
    """Logits that are the pixels themselves, and a halving that only multiples of 8 survive."""
    inputs = keras.Input((None, None, 3))
    x = keras.layers.AveragePooling2D(8)(inputs)
    x = keras.layers.UpSampling2D(8)(x)
    return keras.Model(inputs, keras.layers.Add()([inputs, keras.layers.Rescaling(0.0)(x)]))


@pytest.mark.parametrize("size", [(16, 24), (17, 23), (9, 31)])
def test_logits_of_any_size_lie_over_their_pixels(painter, size):
    pictures = np.random.default_rng(0).random((2, *size, 3), dtype=np.float32)
    np.testing.assert_array_equal(segmentation.segment(painter, pictures), pictures)


def test_grey_bytes_and_transparent_pictures_are_taken(painter):
    grey = np.random.default_rng(0).integers(0, 256, (2, 10, 12), dtype=np.uint8)
    expected = np.repeat(grey[..., None] / 255, 3, axis=-1)
    np.testing.assert_allclose(segmentation.segment(painter, grey), expected, atol=1e-6)
    np.testing.assert_allclose(segmentation.segment(painter, grey[..., None]), expected, atol=1e-6)
    coloured = np.random.default_rng(0).random((1, 8, 8, 4), dtype=np.float32)
    np.testing.assert_array_equal(segmentation.segment(painter, coloured), coloured[..., :3])


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (np.zeros((8, 8)), r"0, 1, 3 or 4 channels, not \(8, 8\)"),
        (np.zeros((1, 8, 8, 2)), r"0, 1, 3 or 4 channels, not \(1, 8, 8, 2\)"),
        (np.full((1, 8, 8, 3), 255.0), r"in \[0, 1\], but they span 255..255"),
        (np.full((1, 8, 8, 3), np.nan), r"in \[0, 1\]"),
    ],
)
def test_pictures_that_mean_nothing_are_refused(painter, images, message):
    with pytest.raises(ValueError, match=message):
        segmentation.segment(painter, images)


def test_a_model_of_another_size_is_refused():
    model = keras.Sequential([keras.Input((16, 16, 3)), keras.layers.Conv2D(2, 1)])
    with pytest.raises(ValueError, match="takes pictures of 16×16 pixels, not 24×16"):
        segmentation.segment(model, np.zeros((1, 20, 16, 3)))


def test_class_iou_agrees_with_keras_and_with_counting_sets():
    rng = np.random.default_rng(0)
    masks, predicted = rng.integers(0, 4, (2, 3, 8, 9))
    measured = segmentation.class_iou(masks, predicted, 4)
    for c in range(4):
        a, b = (set(np.flatnonzero(m == c)) for m in (masks, predicted))
        assert measured[c] == pytest.approx(len(a & b) / len(a | b))
    metric = keras.metrics.MeanIoU(4)
    metric.update_state(masks, predicted)
    assert measured.mean() == pytest.approx(float(metric.result()), abs=1e-6)


def test_class_iou_does_not_average_over_pictures():
    """A picture that is all right must not hide many wrong pixels in another one."""
    masks, predicted = np.zeros((2, 1, 10), int), np.zeros((2, 1, 10), int)
    masks[0, 0, :1] = predicted[0, 0, :1] = 1
    masks[1, 0, :9] = 1
    assert segmentation.class_iou(masks, predicted, 2)[1] == pytest.approx(1 / 10)


def test_rim_is_the_frame_of_a_square():
    square = np.zeros((1, 12, 12), bool)
    square[0, 2:10, 2:10] = True
    expected = square.copy()
    expected[0, 4:8, 4:8] = False
    np.testing.assert_array_equal(segmentation.rim(square, 2), expected)
    assert segmentation.rim(np.ones((1, 6, 6), bool), 1).sum() == 36 - 16  # the picture's edge


def test_rim_does_not_look_into_the_next_picture():
    inside = np.zeros((3, 5, 5), bool)
    inside[1] = True
    np.testing.assert_array_equal(
        segmentation.rim(inside, 1)[1], segmentation.rim(inside[1:2], 1)[0]
    )


def test_boundary_iou_of_a_shifted_square_is_that_of_the_two_frames():
    masks, predicted = np.zeros((2, 1, 20, 20), int)
    masks[0, 4:14, 4:14] = 1
    predicted[0, 4:14, 5:15] = 1

    def frame(left):
        outer = {(r, c) for r in range(4, 14) for c in range(left, left + 10)}
        return outer - {(r, c) for r in range(6, 12) for c in range(left + 2, left + 8)}

    expected = len(frame(4) & frame(5)) / len(frame(4) | frame(5))
    measured = segmentation.boundary_iou(masks, predicted, 2, distance=2)
    assert measured == pytest.approx([expected])
    assert measured[0] < segmentation.class_iou(masks, predicted, 2)[1]


def test_masks_that_do_not_match_are_refused():
    for function in (segmentation.class_iou, segmentation.boundary_iou):
        with pytest.raises(ValueError, match=r"not \(1, 4, 4\) and \(1, 4, 5\)"):
            function(np.zeros((1, 4, 4), int), np.zeros((1, 4, 5), int), 2)
    with pytest.raises(ValueError, match="at least 1 pixel, not 0"):
        segmentation.boundary_iou(*np.zeros((2, 1, 4, 4), int), 2, distance=0)


def test_the_shipped_comparison_of_losses_has_every_class_of_every_run():
    stored = segmentation.measured_losses()
    assert set(stored["runs"]) == {"cross-entropy", "Dice", "both"}
    for run in stored["runs"].values():
        assert len(run["class IoU"]) == 6
        assert 0 <= min(run["class IoU"]) <= max(run["class IoU"]) <= 1


@pytest.mark.parametrize("name", ["scenes-unet", "scenes-unet-without-skips"])
def test_the_shipped_networks_segment_scenes_as_their_cards_say(name):
    import course_utils as cu

    scenes = cu.datasets.scenes("validation", 40)
    predicted = segmentation.segment(cu.checkpoints.load(name), scenes.images).argmax(-1)
    measured = segmentation.class_iou(scenes.masks, predicted, 6).mean()
    assert measured == pytest.approx(
        cu.checkpoints.card(name).metrics["validation mean IoU"], abs=0.1
    )
