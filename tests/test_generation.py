"""Measures of generators against closed forms and SciPy."""

import subprocess
import sys

import numpy as np
import pytest
from scipy.linalg import sqrtm

from course_utils import generation


def spread(rng, dimensions):
    root = rng.normal(size=(dimensions, dimensions))
    return root @ root.T


def test_distance_in_one_dimension_is_the_closed_form():
    """(μ_a − μ_b)² + (σ_a − σ_b)²."""
    found = generation.gaussian_frechet_distance(
        np.array([1.0]), np.array([[4.0]]), np.array([-2.0]), np.array([[25.0]])
    )
    assert found == pytest.approx(9 + 9)


def test_distance_of_commuting_covariances_is_the_closed_form():
    a, b = np.array([1.0, 4.0, 9.0]), np.array([16.0, 1.0, 0.0])
    found = generation.gaussian_frechet_distance(np.zeros(3), np.diag(a), np.ones(3), np.diag(b))
    assert found == pytest.approx(3 + ((np.sqrt(a) - np.sqrt(b)) ** 2).sum())


def test_distance_equals_scipys_matrix_square_root():
    rng = np.random.default_rng(0)
    a, b = spread(rng, 5), spread(rng, 5)
    mean = rng.normal(size=5)
    expected = mean @ mean + np.trace(a + b - 2 * sqrtm(a @ b).real)
    found = generation.gaussian_frechet_distance(mean, a, np.zeros(5), b)
    assert found == pytest.approx(expected, rel=1e-9)


def test_distance_of_samples_approaches_that_of_their_gaussians():
    rng = np.random.default_rng(1)
    a = rng.normal(size=(200_000, 3))
    b = 2 * rng.normal(size=(200_000, 3)) + 1
    assert generation.frechet_distance(a, b) == pytest.approx(3 + 3, rel=0.02)


def test_distance_is_symmetric_and_zero_for_the_same_sample():
    rng = np.random.default_rng(2)
    a, b = rng.normal(size=(100, 4)), rng.normal(size=(80, 4)) + 1
    distance = generation.frechet_distance
    assert distance(a, b) == pytest.approx(distance(b, a))
    assert distance(a, a) == pytest.approx(0, abs=1e-9)


def test_distance_survives_more_dimensions_than_examples():
    rng = np.random.default_rng(3)
    found = generation.frechet_distance(rng.normal(size=(10, 40)), rng.normal(size=(10, 40)))
    assert np.isfinite(found)
    assert found > 0


def test_kernel_distance_is_the_mean_over_all_pairs_of_different_examples():
    rng = np.random.default_rng(5)
    a, b = rng.normal(size=(4, 3)), rng.normal(size=(3, 3)) + 1

    def kernel(x, y):
        return (sum(x * y) / 3 + 1) ** 3

    within = [
        np.mean([kernel(x, y) for i, x in enumerate(v) for j, y in enumerate(v) if i != j])
        for v in (a, b)
    ]
    across = np.mean([kernel(x, y) for x in a for y in b])
    found = generation.kernel_distance(a, b)
    assert found == pytest.approx(sum(within) - 2 * across)


def test_kernel_distance_has_no_bias_where_the_frechet_distance_has():
    """Twenty examples each of one distribution: the first is around 0, the second never is."""
    draws = np.random.default_rng(6).normal(size=(400, 2, 20, 5))
    kernel = [generation.kernel_distance(a, b) for a, b in draws]
    frechet = [generation.frechet_distance(a, b) for a, b in draws[:20]]
    error = np.std(kernel) / 20  # of a mean over 400
    assert abs(np.mean(kernel)) < 3 * error
    assert min(frechet) > 5 * abs(np.mean(kernel))
    apart = [generation.kernel_distance(a, b + 1) for a, b in draws[:20]]
    assert np.mean(apart) > 10 * error


@pytest.mark.parametrize("distance", [generation.frechet_distance, generation.kernel_distance])
@pytest.mark.parametrize(
    ("a", "b", "message"),
    [
        (np.zeros((5, 3)), np.zeros((5, 4)), r"equal dimensions.*not \(5, 3\) and \(5, 4\)"),
        (np.zeros((1, 3)), np.zeros((5, 3)), "at least two examples"),
        (np.zeros(5), np.zeros(5), "two samples"),
        (np.full((5, 3), np.nan), np.zeros((5, 3)), "NaN"),
    ],
)
def test_distances_refuse_what_they_cannot_mean(distance, a, b, message):
    with pytest.raises(ValueError, match=message):
        distance(a, b)


def test_nearest_finds_a_hidden_copy():
    rng = np.random.default_rng(4)
    images = rng.random((50, 6, 6, 1))
    queries = images[[7, 31]] + np.array([0.0, 0.01])[:, None, None, None]
    index, distance = generation.nearest(queries, images)
    assert index.tolist() == [7, 31]
    np.testing.assert_allclose(distance, [0, 0.06], atol=1e-6)


def test_nearest_refuses_other_shapes():
    with pytest.raises(ValueError, match=r"one shape, not \(4,\) and \(5,\)"):
        generation.nearest(np.zeros((2, 4)), np.zeros((2, 5)))


@pytest.fixture(scope="module")
def brightness_judge():
    """Class = the brighter half; features = the mean of each half."""
    import keras

    image = keras.Input((4, 4, 1))
    halves = keras.layers.AveragePooling2D((4, 2))(image)
    means = keras.layers.Flatten(name="features")(halves)
    return keras.Model(image, keras.layers.Activation("linear")(means))


def test_coverage_and_agreement_count_what_the_judge_says(brightness_judge):
    images = np.zeros((4, 4, 4, 1), np.float32)
    images[:3, :, :2] = 1  # three bright left, class 0
    images[3:, :, 2:] = 1
    judge = brightness_judge
    assert generation.class_coverage(judge, images).tolist() == [0.75, 0.25]
    assert generation.conditional_agreement(judge, images, np.array([0, 0, 1, 1])) == 0.75
    assert generation.features(judge, images).tolist() == [[1, 0]] * 3 + [[0, 1]]


def test_measures_refuse_images_of_another_shape(brightness_judge):
    with pytest.raises(ValueError, match=r"shape \(4, 4, 1\), not \(2, 5, 5, 1\)"):
        generation.class_coverage(brightness_judge, np.zeros((2, 5, 5, 1)))
    with pytest.raises(ValueError, match="at least one image"):
        generation.features(brightness_judge, np.zeros((0, 4, 4, 1)))
    with pytest.raises(ValueError, match="2 images need as many asked classes"):
        generation.conditional_agreement(brightness_judge, np.zeros((2, 4, 4, 1)), np.zeros(3))


def test_features_of_clip_are_its_directions_and_of_order_one():
    from course_utils import image_text, models

    clip = models.build_clip((8, 8, 3), 5, 4, embedding=16, image_widths=(4, 4))
    images = np.random.default_rng(0).random((3, 8, 8, 3), dtype=np.float32)
    found = generation.clip_features(clip, images)
    assert found.dtype == np.float64
    np.testing.assert_allclose((found**2).mean(axis=1), 1, rtol=1e-5)
    np.testing.assert_allclose(found / 4, image_text.embed_images(clip, images), rtol=1e-5)


def test_importing_the_measures_imports_no_tensorflow():
    code = "import sys, course_utils.generation; print('tensorflow' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_density_and_coverage_count_balls():
    """Real images on a line at 0, 1, 2, 10: with k = 1 the balls have radii 1, 1, 1 and 8."""
    real = np.array([[0.0], [1.0], [2.0], [10.0]])
    density, coverage = generation.density_and_coverage(real, np.array([[0.5], [-3.0]]), 1)
    assert density == 2 / 2  # 0.5 lies in the balls of 0 and 1, -3 in none
    assert coverage == 2 / 4


def test_density_and_coverage_tell_a_collapsed_generator():
    rng = np.random.default_rng(0)
    real, same, spread = rng.standard_normal((3, 400, 4))
    fine = generation.density_and_coverage(real, same)
    collapsed = generation.density_and_coverage(real, 0.1 * spread)
    assert fine[0] == pytest.approx(1, abs=0.1)
    assert fine[1] > 0.9
    assert collapsed[0] > 1
    assert collapsed[1] < 0.5


def test_density_and_coverage_refuse_too_few_images():
    with pytest.raises(ValueError, match="more real images than neighbours"):
        generation.density_and_coverage(np.zeros((5, 2)), np.zeros((3, 2)))
