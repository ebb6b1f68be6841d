"""Scaling: a pixel sees only earlier pixels, training is one pass, and fits find known laws."""

import keras
import numpy as np
import pytest

from course_utils import scaling
from course_utils.models import build_pixel_predictor

pytestmark = pytest.mark.usefixtures("seeded")
RNG = np.random.default_rng(0)
PICTURES = RNG.integers(0, 8, (3, 12, 14)).astype(np.uint8)


def test_levels_are_eighths_of_the_range():
    x = np.array([0, 0.124, 0.126, 0.99, 1.0], np.float32).reshape(1, 1, 5, 1)
    assert scaling.quantize(x).tolist() == [[[0, 0, 1, 7, 7]]]


def test_a_context_is_the_window_of_earlier_pixels():
    places = np.arange(PICTURES.size)
    x, y = scaling.contexts(PICTURES, places)
    np.testing.assert_array_equal(y, PICTURES.reshape(-1))

    def level(image, row, column):
        inside = 0 <= row < 12 and 0 <= column < 14
        return PICTURES[image, row, column] if inside else 0

    for place in (0, 5, 13, 14, 170, 335, 503):
        i, r, c = np.unravel_index(place, PICTURES.shape)
        window = [level(i, r - 6 + a, c - 5 + b) for a in range(6) for b in range(11)]
        window += [level(i, r, c - 5 + b) for b in range(5)]
        np.testing.assert_array_equal(x[place], [*window, r, c])


def test_neither_the_pixel_itself_nor_a_later_one_is_seen():
    place = 80
    changed = PICTURES.copy()
    changed.reshape(-1)[place:] = 7 - changed.reshape(-1)[place:]
    before, _ = scaling.contexts(PICTURES, np.array([place]))
    after, _ = scaling.contexts(changed, np.array([place]))
    np.testing.assert_array_equal(before, after)


def test_drawn_pixels_are_different_ones_and_the_same_for_a_seed():
    x, y = scaling.draw(PICTURES, PICTURES.size, seed=1)
    assert np.bincount(y).tolist() == np.bincount(PICTURES.reshape(-1)).tolist()
    np.testing.assert_array_equal(x, scaling.draw(PICTURES, PICTURES.size, seed=1)[0])
    with pytest.raises(ValueError, match="count must be between 1 and 504 pixels, not 505"):
        scaling.draw(PICTURES, 505, seed=0)


def test_cross_entropy_is_that_of_keras():
    model = build_pixel_predictor(4)
    x, y = scaling.draw(PICTURES, 100, seed=0)
    wanted = keras.losses.sparse_categorical_crossentropy(y, model(x), from_logits=True)
    assert scaling.cross_entropy(model, x, y) == pytest.approx(float(np.mean(wanted)), rel=1e-5)


def test_training_sees_every_example_once_and_lowers_the_loss():
    x = RNG.integers(0, 8, (2048, 73)).astype(np.uint8)
    y = x[:, 70]
    model = build_pixel_predictor(32)
    before = scaling.cross_entropy(model, x, y)
    curve = scaling.train(model, x, y, 1e-2, (x, y), epochs=3)
    assert [seen for seen, _ in curve] == [2048, 4096, 6144]
    assert curve[-1][1] < curve[0][1] < before


def test_a_curve_of_one_pass_ends_with_the_data():
    x, y = scaling.draw(np.tile(PICTURES, (10, 1, 1)), 4096, seed=0)
    curve = scaling.train(build_pixel_predictor(2), x, y, 1e-2, (x[:100], y[:100]))
    assert curve[-1][0] == 4096
    assert [seen for seen, _ in curve] == sorted({seen for seen, _ in curve})


def test_the_joint_fit_finds_the_law_that_made_the_data():
    n, d = (a.ravel() for a in np.meshgrid(np.geomspace(1e3, 1e6, 5), np.geomspace(1e4, 1e8, 5)))
    law = scaling.Law(0.5, (20.0, 0.4), (80.0, 0.3))
    found = scaling.fit_joint(n, d, law(n, d))
    assert found.floor == pytest.approx(0.5, rel=0.02)
    assert found.size[1] == pytest.approx(0.4, rel=0.03)
    assert found.data[1] == pytest.approx(0.3, rel=0.03)
    assert found(1e7, 1e9) == pytest.approx(law(1e7, 1e9), rel=0.01)


def test_the_single_fit_finds_the_law_that_made_the_data():
    x = np.geomspace(1e3, 1e7, 7)
    found = scaling.fit_single(x, 0.5 + 20 * x**-0.4)
    assert (found.floor, found.size[1]) == pytest.approx((0.5, 0.4), rel=1e-3)
    line = scaling.fit_single(x, 20 * x**-0.4, floor=0.0)
    assert (line.floor, *line.size) == pytest.approx((0.0, 20.0, 0.4), rel=1e-4)


def test_the_best_size_is_where_the_law_is_least_at_that_compute():
    law, compute = scaling.Law(0.5, (20.0, 0.4), (80.0, 0.3)), 1e12
    sizes = np.geomspace(1e2, 1e9, 20_001)
    best = sizes[np.argmin(law(sizes, compute / 6 / sizes))]
    assert law.best_size(compute) == pytest.approx(best, rel=1e-2)


def test_a_saved_predictor_gives_the_same_logits(tmp_path):
    model = build_pixel_predictor(4)
    x, _ = scaling.draw(PICTURES, 20, seed=0)
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(again(x), model(x), atol=1e-6)


@pytest.mark.parametrize("sizes", [{"width": 0}, {"width": 4, "levels": 1}])
def test_sizes_that_cannot_be_are_refused(sizes):
    with pytest.raises(ValueError, match="width must be at least 1 and levels at least 2"):
        build_pixel_predictor(**sizes)
