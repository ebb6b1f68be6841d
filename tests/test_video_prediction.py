"""Predictions without learning, and the two errors by step."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from course_utils.video import prediction


def blob(x, y, size=32):
    picture = np.zeros((size, size))
    picture[size // 2, size // 2] = 1
    picture = gaussian_filter(picture, 2.5)
    picture = np.roll(picture / picture.max(), (y - size // 2, x - size // 2), axis=(0, 1))
    return picture[..., None].astype(np.float32)


def test_repeating_the_last_and_the_mean():
    frames = np.random.default_rng(0).random((2, 3, 4, 4, 1))
    last, mean = prediction.repeat_last(frames, 2), prediction.repeat_mean(frames, 2)
    assert last.shape == mean.shape == (2, 2, 4, 4, 1)
    np.testing.assert_array_equal(last[:, 1], frames[:, 2])
    np.testing.assert_allclose(mean[:, 1], frames.mean(1))


def test_a_steady_blob_goes_on_as_it_went():
    clip = np.stack([blob(10 + t, 20 - t) for t in range(6)])[None]
    predicted = prediction.follow_flow(clip[:, :3], 3)
    assert predicted.shape == (1, 3, 32, 32, 1)
    assert predicted.dtype == np.float32
    copied = prediction.repeat_last(clip[:, :3], 3)
    error = prediction.squared_error(clip[:, 3:], predicted)
    assert (error < prediction.squared_error(clip[:, 3:], copied) / 5).all()


def test_pixels_are_carried_right_and_down_and_their_light_is_shared():
    frame = np.zeros((4, 5))
    frame[1, 1] = 0.8
    way = np.zeros((4, 5, 2))
    way[..., 0], way[..., 1] = 2, 1.5
    moved = prediction._moved(frame, way)
    expected = np.zeros((4, 5))
    expected[2:4, 3] = 0.4
    np.testing.assert_allclose(moved, expected, atol=1e-12)


def test_light_that_leaves_the_frame_is_lost():
    way = np.full((3, 3, 2), -1.0)
    assert prediction._moved(np.eye(3), way).sum() == 2


def test_squared_error_is_by_step_and_a_pixel():
    truth = np.zeros((2, 3, 4, 4, 1))
    predicted = truth + np.array([0.0, 1.0, 2.0])[None, :, None, None, None]
    np.testing.assert_allclose(prediction.squared_error(truth, predicted), [0, 1, 4])


def test_similarity_is_one_for_equal_frames_and_falls_with_noise():
    rng = np.random.default_rng(1)
    truth = rng.random((2, 3, 16, 16, 1))
    noise = rng.normal(size=truth.shape) * np.array([0.0, 0.1, 0.5])[None, :, None, None, None]
    values = prediction.similarity(truth, truth + noise)
    assert values.shape == (3,)
    assert values[0] == pytest.approx(1)
    assert values[0] > values[1] > values[2]


def test_bad_frames_are_refused_in_a_sentence():
    frames = np.zeros((1, 1, 32, 32, 1), np.float32)
    with pytest.raises(ValueError, match=r"2 or more, height, width, 1\), not \(1, 1, 32, 32, 1\)"):
        prediction.follow_flow(frames, 2)
    for measure in (prediction.squared_error, prediction.similarity):
        with pytest.raises(ValueError, match="one shape"):
            measure(frames, frames[:, :, :16])
