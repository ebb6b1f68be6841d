"""Camera motion: that the picture moves as the class says, and that one frame cannot tell."""

from itertools import pairwise

import numpy as np
import pytest
from skimage.registration import phase_cross_correlation

from course_utils import datasets
from course_utils.datasets.camera_motion import (
    _render,
    _window,
    motion_path,
    weakest_slope,
)

CLASSES = datasets.CAMERA_MOTIONS


def path(name, seed=0, frames=9):
    return motion_path(CLASSES.index(name), frames, np.random.default_rng(seed))


@pytest.fixture(scope="module")
def moving():
    """The training clips number 0 to 19, twice each class."""
    return datasets.camera_motion("train", 20, frames=5, size=48)


def test_shape_dtype_range_and_labels_are_as_documented(moving):
    clips, labels = moving
    assert clips.shape == (20, 5, 48, 48, 1)
    assert clips.dtype == np.float32
    assert clips.min() >= 0
    assert clips.max() <= 1
    assert labels.dtype == np.int32
    assert labels.tolist() == [*range(10)] * 2


def test_no_photograph_is_in_two_splits():
    names = [name for split in datasets.CAMERA_PHOTOGRAPHS.values() for name in split]
    assert len(names) == len(set(names))
    assert set(names) <= set(datasets.PHOTOGRAPHS)


def test_a_clip_does_not_depend_on_how_many_are_asked_for_but_on_seed_and_split():
    few, many = (datasets.camera_motion("test", n, frames=3, size=16)[0] for n in (2, 4))
    np.testing.assert_array_equal(few, many[:2])
    other = datasets.camera_motion("test", 2, frames=3, size=16, seed=1)[0]
    assert np.abs(few - other).max() > 0.1


def test_a_clip_shows_the_same_at_another_size(moving):
    large = datasets.camera_motion("train", 20, frames=5, size=96)[0]
    means = large.reshape(20, 5, 48, 2, 48, 2, 1).mean((3, 5))
    # Both carry noise, and the larger window was resampled finer; other clips are far away.
    difference = np.abs(means - moving[0]).mean((1, 2, 3, 4))
    others = np.abs(means - np.roll(moving[0], 1, axis=0)).mean((1, 2, 3, 4))
    assert (difference < 0.5 * others).all()
    assert difference.mean() < 0.04


@pytest.mark.parametrize(
    ("name", "down", "right"),
    # What the camera sees moves against it; tilting up lowers the picture.
    [("pan left", 0, 1), ("pan right", 0, -1), ("tilt up", 1, 0), ("tilt down", -1, 0)],
)
def test_pans_and_tilts_move_the_picture_against_the_camera(moving, name, down, right):
    for clip in moving[0][CLASSES.index(name) :: 10, ..., 0]:
        # How to shift a frame so that it lies on the one before: back.
        steps = [
            -phase_cross_correlation(now, later, upsample_factor=4)[0]
            for now, later in pairwise(clip)
        ]
        travel = np.sum(steps, axis=0)
        assert 0.1 * 48 < travel @ (down, right) < 0.6 * 48
        # The photograph may lie up to 15° askew, the window does not.
        assert abs(travel @ (right, -down)) < 2


def test_zooming_in_enlarges_and_rolling_turns_the_window():
    assert path("zoom in")[-1, 3] < 0 < path("zoom in")[0, 3]
    assert path("roll clockwise")[-1, 2] > 0 > path("roll clockwise")[0, 2]


def test_a_roll_clockwise_turns_the_picture_counter_clockwise():
    picture = np.zeros((100, 100), np.float32)
    picture[10:50, 48:52] = 1  # a hand that points up
    turned = _window(picture, np.array([49.5, 49.5]), 90, np.radians(45), 30)
    upper_left, upper_right = turned[:15, :15].sum(), turned[:15, 15:].sum()
    assert upper_left > 10 * upper_right


def test_a_window_at_scale_one_is_the_picture_itself():
    picture = np.random.default_rng(0).random((40, 40)).astype(np.float32)
    window = _window(picture, np.array([19.5, 19.5]), 20, 0.0, 10)
    expected = picture[10:30, 10:30].reshape(10, 2, 10, 2).mean((1, 3))
    np.testing.assert_allclose(window, expected, atol=1e-5)


def test_backwards_every_motion_is_the_one_that_the_table_says():
    for label, backwards in enumerate(datasets.REVERSED_MOTION):
        assert datasets.REVERSED_MOTION[backwards] == label
        if label == CLASSES.index("shake"):
            continue
        forth = motion_path(label, 9, np.random.default_rng(5))
        back = motion_path(backwards, 9, np.random.default_rng(5))
        np.testing.assert_allclose(forth[::-1], back, atol=1e-12)


def test_the_middle_frame_is_the_same_whatever_the_motion():
    for name in CLASSES:
        if name != "shake":
            np.testing.assert_array_equal(path(name)[4], 0)
    picture = np.random.default_rng(0).random((256, 256)).astype(np.float32)
    middles = [
        _render(picture, path(name, frames=3), 16, np.random.default_rng(1))[1]
        for name in CLASSES
        if name != "shake"
    ]
    for middle in middles[1:]:
        np.testing.assert_array_equal(middle, middles[0])


def test_the_weakest_slope_is_that_along_the_stripes():
    y, x = np.mgrid[:32, :32]
    assert weakest_slope(0.1 * x) == pytest.approx(0, abs=1e-6)
    stripes, cross = np.sin(x / 2), np.sin(x / 2) + 0.1 * np.sin(y / 2)
    assert weakest_slope(stripes) < 1e-6
    along = np.gradient(0.1 * np.sin(y / 2), axis=0).std()
    assert weakest_slope(cross) == pytest.approx(along, rel=0.05)


def test_windows_are_drawn_again_until_they_show_how_they_move():
    # Plain on the left, rich on the right: nine in ten windows of a blind draw would show nothing.
    picture = np.full((256, 2560), 0.5, np.float32)
    picture[:, 2200:] = np.random.default_rng(0).random((256, 360)) > 0.5
    still = np.zeros((1, 4))
    for seed in range(5):
        frame = _render(picture, still, 32, np.random.default_rng(seed))[0]
        assert weakest_slope(frame) > 0.01


def test_only_noise_changes_in_a_static_clip(moving):
    still = moving[0][CLASSES.index("static")]
    assert 0.01 < np.diff(still, axis=0).std() < 0.04


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"split": "holdout"}, "split must be one of train, validation, test"),
        ({"count": 0}, "count must be at least 1"),
        ({"frames": 1}, "frames at least 2"),
        ({"size": 4}, "size at least 8"),
    ],
)
def test_bad_arguments_are_refused_in_a_sentence(change, said):
    with pytest.raises(ValueError, match=said):
        datasets.camera_motion(**{"split": "train", "count": 1} | change)
