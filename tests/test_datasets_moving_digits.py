"""Moving MNIST: shapes, seeds, walls, and that the frames are where the corners say."""

import numpy as np
import pytest

from course_utils.datasets import moving_digits as moving
from course_utils.datasets.moving_digits import _render


def test_shape_dtype_and_range_are_as_documented():
    clips, corners = moving("validation", 3, frames=5, size=32, digits=2, corners=True)
    assert clips.shape == (3, 5, 32, 32, 1)
    assert clips.dtype == np.float32
    assert corners.shape == (3, 5, 2, 2)
    assert corners.dtype == np.float32
    assert clips.min() == 0
    assert 0.5 < clips.max() <= 1


def test_a_clip_does_not_depend_on_how_many_are_asked_for():
    np.testing.assert_array_equal(moving("test", 2, frames=4), moving("test", 4, frames=4)[:2])


def test_seeds_and_splits_make_other_clips():
    first = moving("train", 1, frames=3)
    np.testing.assert_array_equal(first, moving("train", 1, frames=3))
    assert (first != moving("train", 1, frames=3, seed=1)).any()
    assert (first != moving("test", 1, frames=3)).any()


def test_a_frame_is_the_digit_at_its_corner_and_nothing_else():
    clips, corners = moving("train", 2, frames=6, digits=1, corners=True)
    for clip, path in zip(clips[..., 0], corners[:, :, 0].astype(int), strict=True):
        cut = [frame[y : y + 28, x : x + 28] for frame, (x, y) in zip(clip, path, strict=True)]
        assert cut[0].sum() > 10
        for frame, digit in zip(clip, cut, strict=True):
            np.testing.assert_array_equal(digit, cut[0])
            assert digit.sum() == pytest.approx(frame.sum())


def test_where_digits_overlap_the_brighter_pixel_is_seen():
    glyphs = np.stack([np.full((28, 28), 0.25), np.full((28, 28), 0.75)]).astype(np.float32)
    path = np.array([[[0, 0], [10, 0]]])
    frame = _render(glyphs, path)[0]
    assert (frame[0, :10] == 0.25).all()
    assert (frame[0, 10:38] == 0.75).all()
    assert not frame[0, 38:].any()
    assert not frame[28:].any()


def test_digits_bounce_and_stay_inside_with_a_constant_speed():
    _, corners = moving("train", 20, frames=60, digits=1, corners=True)
    assert corners.min() >= 0
    assert corners.max() <= 64 - 28
    steps = np.diff(corners[:, :, 0], axis=1)
    assert (np.abs(steps).max((0, 1)) <= 0.1 * 36 + 1).all()
    turned = (np.sign(steps[:, 1:]) * np.sign(steps[:, :-1]) < 0).any(1)
    assert turned.mean() > 0.5
    # Before the first wall, half the way in half the time.
    x = corners[:, :3, 0]
    inside = ((x > 8) & (x < 28)).all((1, 2))
    middle = (x[inside, 0] + x[inside, 2]) / 2
    assert inside.any()
    assert np.abs(middle - x[inside, 1]).max() <= 1


def test_smaller_frames_are_block_means_of_the_large_ones():
    large, places = moving("test", 2, frames=3, corners=True)
    small, smaller_places = moving("test", 2, frames=3, size=32, corners=True)
    means = large.reshape(2, 3, 32, 2, 32, 2, 1).mean((3, 5))
    np.testing.assert_allclose(small, means, atol=1e-6)
    np.testing.assert_allclose(smaller_places * 2, places)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"split": "holdout"}, "split must be one of train, validation, test"),
        ({"size": 40}, "size must be one of 16, 32, 64, not 40"),
        ({"count": 0}, "at least 1"),
        ({"frames": 0}, "at least 1"),
        ({"digits": 0}, "at least 1"),
    ],
)
def test_bad_arguments_are_refused_in_a_sentence(change, said):
    arguments = {"split": "train", "count": 1} | change
    with pytest.raises(ValueError, match=said):
        moving(**arguments)
