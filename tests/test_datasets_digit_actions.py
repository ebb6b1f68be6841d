"""Acting digits: that the digit does what the label says, whichever digit it is."""

import numpy as np
import pytest

from course_utils import datasets
from course_utils.datasets.digit_actions import _render, action_path

CLASSES = datasets.DIGIT_ACTIONS


@pytest.fixture(scope="module")
def acting():
    return datasets.digit_actions("validation", 40, frames=9)


def centres(clip):
    """Centre of brightness (x, y) of every frame, noise cut off: ``(frames, 2)``."""
    bright = np.where(clip[..., 0] > 0.1, clip[..., 0], 0)
    y, x = np.mgrid[: clip.shape[1], : clip.shape[2]]
    moments = np.stack([(bright * x).sum((1, 2)), (bright * y).sum((1, 2))], -1)
    return moments / bright.sum((1, 2))[:, None]


def test_shape_dtype_range_and_labels_are_as_documented(acting):
    clips, labels = acting
    assert clips.shape == (40, 9, 32, 32, 1)
    assert clips.dtype == np.float32
    assert clips.min() >= 0
    assert 0.5 < clips.max() <= 1
    assert labels.dtype == np.int32
    assert labels.tolist() == [*range(10)] * 4


def test_a_clip_does_not_depend_on_how_many_are_asked_for_but_on_seed_and_split():
    few, many = (datasets.digit_actions("test", n, frames=3)[0] for n in (2, 4))
    np.testing.assert_array_equal(few, many[:2])
    assert (few != datasets.digit_actions("test", 2, frames=3, seed=1)[0]).any()
    assert (few != datasets.digit_actions("train", 2, frames=3)[0]).any()


@pytest.mark.parametrize(
    ("name", "axis", "sign"),
    [("move left", 0, -1), ("move right", 0, 1), ("move up", 1, -1), ("move down", 1, 1)],
)
def test_moving_digits_go_where_their_action_says(acting, name, axis, sign):
    for clip in acting[0][CLASSES.index(name) :: 10]:
        way = centres(clip)
        travel = sign * (way[-1, axis] - way[0, axis])
        assert 0.15 * 32 < travel < 0.5 * 32
        assert np.abs(np.diff(way[:, 1 - axis])).max() < 0.5


@pytest.mark.parametrize(
    ("name", "sign"), [("circle clockwise", 1), ("circle counter-clockwise", -1)]
)
def test_circles_turn_as_a_clock_or_against_it(acting, name, sign):
    for clip in acting[0][CLASSES.index(name) :: 10]:
        steps = np.diff(centres(clip), axis=0)
        turns = steps[:-1, 0] * steps[1:, 1] - steps[:-1, 1] * steps[1:, 0]
        assert (sign * turns).sum() > 0  # y points down: a positive turn is clockwise


def test_growing_digits_get_more_ink_and_shrinking_ones_less(acting):
    ink = np.where(acting[0] > 0.1, acting[0], 0).sum((2, 3, 4))
    assert (ink[CLASSES.index("grow") :: 10, -1] > 1.5 * ink[CLASSES.index("grow") :: 10, 0]).all()
    shrinking = ink[CLASSES.index("shrink") :: 10]
    assert (shrinking[:, 0] > 1.5 * shrinking[:, -1]).all()


def test_backwards_every_action_is_the_one_that_the_table_says():
    for label, backwards in enumerate(datasets.REVERSED_ACTION):
        assert datasets.REVERSED_ACTION[backwards] == label
        if CLASSES[label] == "bounce":  # begins elsewhere on its parabola
            continue
        forth = action_path(label, 9, np.random.default_rng(5))
        back = action_path(backwards, 9, np.random.default_rng(5))
        np.testing.assert_allclose(forth[::-1], back, atol=1e-12)


def test_in_the_middle_of_the_clip_all_actions_are_at_the_same_place():
    for label in range(10):
        middle = action_path(label, 9, np.random.default_rng(label))[4]
        np.testing.assert_allclose(middle, 0, atol=1e-12)


def test_a_standing_digit_is_the_glyph_at_half_its_size():
    glyph = np.random.default_rng(0).random((28, 28)).astype(np.float32)
    frame = _render(glyph, np.array([0.5, 0.5]), 0.5, np.zeros((1, 3)), 28)[0]
    # 14 × 14 pixels in the middle, each the mean over 2 × 2 of the glyph, half a pixel aside.
    assert frame.sum() == pytest.approx(glyph.sum() / 4, rel=0.01)
    assert frame[8:20, 8:20].min() > 0
    assert frame[:6].max() == frame[:, 22:].max() == 0


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"split": "holdout"}, "split must be one of train, validation, test"),
        ({"count": 0}, "count must be at least 1"),
        ({"frames": 1}, "frames at least 2"),
        ({"size": 8}, "size at least 16"),
    ],
)
def test_bad_arguments_are_refused_in_a_sentence(change, said):
    with pytest.raises(ValueError, match=said):
        datasets.digit_actions(**{"split": "train", "count": 1} | change)
