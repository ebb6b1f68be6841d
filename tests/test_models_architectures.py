"""The networks of practice/architectures: equal to Keras Applications', and to the papers."""

import keras
import numpy as np
import pytest

from course_utils import models

BUILDERS = {
    "alexnet": models.build_alexnet,
    "vgg": models.build_vgg,
    "googlenet": models.build_googlenet,
    "resnet": models.build_resnet,
    "densenet": models.build_densenet,
    "xception": models.build_xception,
    "mobilenet": models.build_mobilenet,
}
APPLICATIONS = {
    "VGG16": (models.build_vgg, models.VGG16, 224),
    "ResNet50": (models.build_resnet, models.RESNET50, 224),
    "DenseNet121": (models.build_densenet, models.DENSENET121, 224),
    "Xception": (models.build_xception, models.XCEPTION, 299),
}


def lively(weight: keras.Variable, rng: np.random.Generator) -> np.ndarray:
    """Another value for a weight: fresh ones of 0 and 1 would hide a batch norm left out."""
    if weight.path.endswith(("gamma", "variance")):
        return rng.uniform(0.5, 1.5, weight.shape)
    return rng.normal(0, 0.1, weight.shape) if len(weight.shape) == 1 else weight.numpy()


@pytest.mark.parametrize("name", APPLICATIONS)
def test_full_size_equals_keras_applications_with_its_weights(name):
    build, sizes, side = APPLICATIONS[name]
    reference = getattr(keras.applications, name)(weights=None, classifier_activation=None)
    model = build((side, side, 3), 1000, **sizes)
    assert model.count_params() == reference.count_params()
    rng = np.random.default_rng(0)
    values = [lively(weight, rng) for weight in reference.weights]
    reference.set_weights(values)
    model.set_weights(values)
    image = rng.uniform(-1, 1, (1, side, side, 3)).astype(np.float32)
    expected = np.asarray(reference(image, training=False))
    assert expected.std() > 1e-3
    np.testing.assert_allclose(np.asarray(model(image, training=False)), expected, atol=1e-4)


def test_alexnet_has_the_parameters_of_the_paper():
    # Five convolutions in two groups and three dense layers, as in Krizhevsky et al. 2012.
    assert models.build_alexnet((227, 227, 3), 1000, **models.ALEXNET).count_params() == 60_965_224


def test_googlenet_has_the_modules_of_the_papers_table_1():
    widths = [module.width for stage in models.GOOGLENET["stages"] for module in stage]
    assert widths == [256, 480, 512, 512, 512, 528, 832, 832, 1024]
    # The table's "params" column, in units of 1,024. It is not quite consistent with the
    # table's own widths: the largest difference is 7.5 %, of module 4c.
    published = [159, 380, 364, 437, 463, 580, 840, 1072, 1388]
    found, channels = [], 192
    for stage in models.GOOGLENET["stages"]:
        for one, three_reduce, three, five_reduce, five, projection in stage:
            kernels = channels * (one + three_reduce + five_reduce + projection)
            kernels += 9 * three_reduce * three + 25 * five_reduce * five
            found.append(kernels / 1024)
            channels = one + three + five + projection
    np.testing.assert_allclose(found, published, rtol=0.08)
    built = models.build_googlenet((224, 224, 3), 1000, **models.GOOGLENET)
    kernels = [w.numpy().size for w in built.weights if len(w.shape) == 4]
    stem = 7 * 7 * 3 * 64 + 64 * 64 + 9 * 64 * 192
    assert sum(kernels) == stem + round(1024 * sum(found))


def test_resnet_without_shortcuts_has_none_and_as_many_layers():
    residual, plain = models.build_resnet(), models.build_resnet(residual=False)
    assert not any(isinstance(layer, keras.layers.Add) for layer in plain.layers)
    threes = [
        sum(isinstance(x, keras.layers.Conv2D) and x.kernel_size == (3, 3) for x in model.layers)
        for model in (residual, plain)
    ]
    assert threes == [13, 13]


@pytest.mark.parametrize("name", BUILDERS)
def test_small_model_gives_logits_and_survives_saving(name, tmp_path):
    model = BUILDERS[name]((32, 40, 3), 7)
    images = np.random.default_rng(0).random((2, 32, 40, 3), dtype=np.float32)
    logits = model.predict(images, verbose=0)
    assert logits.shape == (2, 7)
    assert logits.min() < 0  # not probabilities
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(again.predict(images, verbose=0), logits, atol=1e-6)


@pytest.mark.parametrize("name", BUILDERS)
def test_small_models_have_a_comparable_cost(name):
    from course_utils.profiling import cost

    assert 4.5e6 < cost(BUILDERS[name]()).multiply_adds < 9e6


@pytest.mark.parametrize("name", BUILDERS)
@pytest.mark.parametrize(
    ("shape", "classes", "message"),
    [
        ((28, 28), 10, r"\(height, width, channels\), not \(28, 28\)"),
        ((2, 28, 1), 10, "pixels, not 2×28"),
        ((28, 28, 1), 1, "at least 2, not 1"),
    ],
)
def test_bad_sizes_are_refused_in_one_sentence(name, shape, classes, message):
    with pytest.raises(ValueError, match=message) as raised:
        BUILDERS[name](shape, classes)
    assert "\n" not in str(raised.value)


def test_resnet_refuses_blocks_without_a_width():
    with pytest.raises(ValueError, match="one number a stage"):
        models.build_resnet(blocks=(2, 2), widths=(8, 16, 32))
