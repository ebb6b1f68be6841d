"""Optical flow against known shifts, and shot boundaries against known cuts."""

import cv2
import numpy as np
import pytest
from scipy.ndimage import shift as shifted

from course_utils import video


@pytest.fixture(scope="module")
def texture():
    """A grey picture with structure in all directions, smooth enough for gradients."""
    noise = np.random.default_rng(0).random((120, 160))
    blurred = cv2.GaussianBlur(noise, (0, 0), 2)
    scaled = (blurred - blurred.min()) / np.ptp(blurred)
    return np.round(255 * scaled).astype(np.uint8)


@pytest.mark.parametrize(("right", "down"), [(3.0, 0.0), (0.0, -2.0), (1.5, 2.5)])
def test_flow_of_a_shift_is_the_shift(texture, right, down):
    """The signs, too: to the right and down are positive, and x comes first."""
    moved = shifted(texture.astype(float), (down, right), order=3, mode="reflect")
    second = np.clip(np.round(moved), 0, 255).astype(np.uint8)
    flow = video.optical_flow(texture, second)
    assert flow.shape == (120, 160, 2)
    inside = np.zeros((120, 160), bool)
    inside[12:-12, 12:-12] = True
    assert video.end_point_error(flow, (right, down), inside) < 0.25
    colored = np.repeat(texture[..., None], 3, axis=-1)
    in_color = video.optical_flow(colored, np.repeat(second[..., None], 3, axis=-1))
    np.testing.assert_allclose(in_color, flow, atol=0.05)


def test_flow_refuses_what_it_cannot_compare(texture):
    with pytest.raises(ValueError, match=r"must be uint8 .* but it is float64 \(120, 160\)"):
        video.optical_flow(texture / 255, texture)
    with pytest.raises(ValueError, match=r"uint8 \(120, 160, 4\)"):
        video.optical_flow(np.repeat(texture[..., None], 4, axis=-1), texture)
    with pytest.raises(ValueError, match="Two frames of one size"):
        video.optical_flow(texture, texture[:-1])
    with pytest.raises(ValueError, match="at least 16 pixels"):
        video.optical_flow(texture[:8], texture[:8])


def test_end_point_error_is_a_mean_distance():
    flow = np.zeros((2, 2, 2))
    flow[0, 0] = (3, 4)
    assert video.end_point_error(flow, np.zeros((2, 2, 2))) == pytest.approx(5 / 4)
    assert video.end_point_error(flow, (0, 0), flow[..., 0] > 0) == pytest.approx(5)
    with pytest.raises(ValueError, match="leaves no pixel"):
        video.end_point_error(flow, (0, 0), np.zeros((2, 2), bool))


def test_flow_colors_tell_direction_and_speed():
    flow = np.array([[[0, 0], [2, 0], [-2, 0], [1, 0]]], np.float32)
    still, right, left, slow = video.flow_colors(flow)[0]
    np.testing.assert_array_equal(still, (255, 255, 255))
    np.testing.assert_array_equal(right, (255, 0, 0))
    np.testing.assert_array_equal(left, (0, 255, 255))
    np.testing.assert_allclose(slow, (255, 127, 127), atol=1)
    np.testing.assert_array_equal(video.flow_colors(flow, largest=1.0)[0, 3], (255, 0, 0))
    assert (video.flow_colors(np.zeros((3, 3, 2))) == 255).all()
    with pytest.raises(ValueError, match="largest must be above 0, but it is 0"):
        video.flow_colors(flow, largest=0)


def test_histogram_difference_is_0_for_the_same_colors_and_1_for_none_in_common():
    random = np.random.default_rng(0)
    picture = random.integers(0, 100, (20, 30, 3), np.uint8)
    mixed = random.permutation(picture.reshape(-1, 3)).reshape(picture.shape)
    bright = picture + np.uint8(128)
    differences = video.histogram_differences([picture, mixed, bright])
    np.testing.assert_allclose(differences, [0, 1], atol=1e-12)


def test_histogram_difference_is_that_of_numpy_histograms():
    frames = np.random.default_rng(1).integers(0, 256, (2, 16, 16, 3), np.uint8)
    counts = [
        np.histogramdd(frame.reshape(-1, 3), bins=[4] * 3, range=[(0, 256)] * 3)[0] / 256
        for frame in frames
    ]
    expected = 0.5 * np.abs(counts[0] - counts[1]).sum()
    np.testing.assert_allclose(video.histogram_differences(frames, bins=4), [expected])
    with pytest.raises(ValueError, match=r"must be uint8 \(height, width, 3\).* float64"):
        video.histogram_differences(frames / 255)


def test_a_boundary_is_a_peak_above_the_threshold():
    differences = np.array([0, 0.9, 0, 0, 0.3, 0.5, 0.4, 0, 0.2, 0.6, 0.6])
    # Index i compares frames i and i + 1: the new shot begins at i + 1; of equal ones the first.
    assert video.shot_boundaries(differences, 0.25) == [2, 6, 10]
    assert video.shot_boundaries(differences, 0.95) == []


def test_boundaries_are_matched_once():
    matched = video.match_boundaries([10, 11, 50], [10, 30])
    assert matched.precision == pytest.approx(1 / 3)
    assert matched.recall == pytest.approx(1 / 2)
    assert matched.f1 == pytest.approx(0.4)
    assert video.match_boundaries([], [3]) == (1.0, 0.0, 0.0)
    assert video.match_boundaries([], []) == (1.0, 1.0, 1.0)
    assert video.match_boundaries([12], [10], tolerance=2).f1 == 1
    assert video.match_boundaries([12], [10]).f1 == 0


def test_an_edited_film_has_its_boundaries_where_it_says():
    from course_utils import datasets

    film = datasets.edited_film(0, shots=12)
    assert film.frames.dtype == np.uint8
    assert film.frames.shape[1:] == (96, 128, 3)
    assert len(film.boundaries) == len(film.kinds) == 11
    assert set(film.kinds) <= {"cut", "same source", "dissolve"}
    change = np.abs(np.diff(film.frames.astype(int), axis=0)).mean(axis=(1, 2, 3))
    inside = np.delete(change, np.concatenate([film.boundaries + k for k in range(-6, 5)]))
    for boundary, kind in zip(film.boundaries, film.kinds, strict=True):
        if kind == "cut":
            assert change[boundary - 1] > np.median(inside)
            assert change[boundary - 1] == change[boundary - 3 : boundary + 2].max()
    np.testing.assert_array_equal(film.frames, datasets.edited_film(0, shots=12).frames)
    with pytest.raises(ValueError, match=r"at least 2 shots .* not 1"):
        datasets.edited_film(0, shots=1)
