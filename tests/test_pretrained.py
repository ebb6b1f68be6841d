"""Networks that others trained: loaded by name without a network connection, and taught anew."""

import json
import sys
import types

import keras
import numpy as np
import pytest
from conftest import ROOT
from keras import layers

import course_utils as cu
from course_utils import checkpoints, models, pretrained

pytestmark = pytest.mark.usefixtures("float32")


def random_images(shape):
    return np.random.default_rng(0).random(shape, dtype=np.float32)


@pytest.fixture
def tiny_network():
    """Images of 8 × 8 to 4 features, with a batch normalization in a model inside the model."""
    keras.utils.set_random_seed(0)
    inside = keras.Sequential([keras.Input((8, 8, 3)), layers.BatchNormalization(name="inner")])
    inputs = keras.Input((8, 8, 3))
    x = layers.BatchNormalization(name="outer")(layers.Conv2D(4, 3, name="conv")(inside(inputs)))
    return keras.Model(inputs, layers.GlobalAveragePooling2D()(x))


# --- loading --------------------------------------------------------------------------------


def test_it_is_a_public_name_of_the_package():
    assert cu.pretrained is pretrained


def test_images_of_any_size_meet_the_shipped_weights_less_those_of_the_last_layer():
    model = pretrained.load(input_shape=(32, 32, 3))
    assert model.output_shape == (None, 1280)
    with np.load(checkpoints.folder() / "efficientnet-lite0.npz") as stored:
        arrays = [stored[key] for key in sorted(stored.files)]
    assert [a.shape for a in arrays[-2:]] == [(1280, 1000), (1000,)]
    for weight, array in zip(model.get_weights(), arrays[:-2], strict=True):
        np.testing.assert_array_equal(weight, array.astype(np.float32))


def test_without_weights_they_are_random():
    model = pretrained.load(input_shape=(32, 32, 3), weights=None)
    with np.load(checkpoints.folder() / "efficientnet-lite0.npz") as stored:
        assert np.abs(model.get_weights()[0] - stored["000"]).max() > 0.1


@pytest.mark.parametrize(
    ("name", "module"),
    [
        ("EfficientNetV2B0", "efficientnet_v2"),
        ("MobileNetV2", "mobilenet_v2"),
        ("ResNet50V2", "resnet_v2"),
        ("Xception", "xception"),
    ],
)
def test_each_network_of_keras_gets_the_pixels_that_it_was_trained_on(name, module, monkeypatch):
    asked = {}

    def stand_in(**arguments):
        asked.update(arguments)
        return layers.Identity()

    monkeypatch.setattr(keras.applications, name, stand_in)
    x = random_images((2, 8, 8, 3))
    seen = pretrained.load(name, input_shape=(8, 8, 3))(x)
    wanted = getattr(keras.applications, module).preprocess_input(x * 255.0)
    np.testing.assert_allclose(seen, wanted.mean(axis=(1, 2)), rtol=1e-4, atol=1e-5)
    assert asked == {"include_top": False, "weights": "imagenet", "input_shape": (8, 8, 3)}
    assert name in pretrained.APPLICATIONS


def test_a_network_of_keras_is_built_without_a_connection():
    model = pretrained.load("MobileNetV2", input_shape=(32, 32, 3), weights=None)
    assert model(random_images((2, 32, 32, 3))).shape == (2, 1280)


def test_features_are_float32_also_in_mixed_precision():
    keras.config.set_dtype_policy("mixed_bfloat16")
    for name in ("efficientnet-lite0", "MobileNetV2"):
        model = pretrained.load(name, input_shape=(32, 32, 3), weights=None)
        assert (model.layers[1].compute_dtype, model.output.dtype) == ("bfloat16", "float32")


def test_an_unknown_name_is_refused_with_the_known_ones():
    with pytest.raises(ValueError, match=r"'ResNet51'; known: efficientnet-lite0, .*PRESET"):
        pretrained.load("ResNet51")


def test_a_preset_of_kerashub_needs_kerashub(monkeypatch):
    monkeypatch.setitem(sys.modules, "keras_hub", None)
    with pytest.raises(ImportError, match="pip install keras-hub"):
        pretrained.load("kerashub:tiny", input_shape=(8, 8, 3))


def test_a_preset_of_kerashub_goes_through_its_own_converter(monkeypatch):
    asked = []

    def backbone(preset, load_weights):
        asked.append((preset, load_weights))
        return layers.Rescaling(2.0)

    def converter(preset, image_size):
        asked.append((preset, image_size))
        return layers.Rescaling(1.0, offset=-100.0)  # a converter is given pixels up to 255

    stand_in = types.SimpleNamespace(
        layers=types.SimpleNamespace(ImageConverter=types.SimpleNamespace(from_preset=converter)),
        models=types.SimpleNamespace(Backbone=types.SimpleNamespace(from_preset=backbone)),
    )
    monkeypatch.setitem(sys.modules, "keras_hub", stand_in)
    model = pretrained.load("kerashub:tiny", input_shape=(8, 8, 3), weights=None)
    x = random_images((2, 8, 8, 3))
    wanted = 2 * (255 * x - 100).mean(axis=(1, 2))
    np.testing.assert_allclose(model(x), wanted, rtol=1e-4)
    assert asked == [("tiny", (8, 8)), ("tiny", False)]


# --- images and labels ----------------------------------------------------------------------


@pytest.mark.parametrize("channels", [(), (1,), (3,), (4,)])
def test_images_of_every_kind_become_square_and_coloured(channels):
    images = np.random.default_rng(0).integers(0, 256, (2, 30, 40, *channels), dtype=np.uint8)
    x = pretrained.prepare(images, 16)
    assert x.shape == (2, 16, 16, 3)
    assert x.dtype == np.float32
    assert 0 <= x.min() <= x.max() <= 1
    if channels in ((), (1,)):
        np.testing.assert_array_equal(x[..., 0], x[..., 2])


def test_the_middle_is_kept_and_bytes_are_scaled():
    wide = np.zeros((1, 10, 30, 3), np.uint8)
    wide[:, :, 10:20] = 255  # what a crop of the middle holds
    np.testing.assert_array_equal(pretrained.prepare(wide, 10), 1.0)
    np.testing.assert_array_equal(pretrained.prepare(wide.swapaxes(1, 2), 10), 1.0)


def test_shrinking_averages_instead_of_skipping():
    stripes = np.tile(np.array([0.0, 1.0], np.float32), (1, 64, 32))
    np.testing.assert_allclose(pretrained.prepare(stripes, 8)[0, 2:-2, 2:-2], 0.5, atol=0.05)


@pytest.mark.parametrize(
    "bad", [np.zeros((3, 3)), np.zeros((1, 5, 5, 2)), np.full((1, 5, 5, 1), 255.0)]
)
def test_what_is_no_image_is_refused(bad):
    with pytest.raises(ValueError, match=r"must (be|lie)"):
        pretrained.prepare(bad, 32)


def test_few_examples_are_drawn_by_class_and_seed():
    labels = np.repeat([0, 1, 2], 20)
    np.random.default_rng(0).shuffle(labels)
    drawn = pretrained.few(labels, 5, seed=1)
    assert np.bincount(labels[drawn]).tolist() == [5, 5, 5]
    assert len(set(drawn)) == 15
    np.testing.assert_array_equal(drawn, pretrained.few(labels, 5, seed=1))
    assert set(drawn) != set(pretrained.few(labels, 5, seed=2))
    with pytest.raises(ValueError, match="only 20 examples, not 21"):
        pretrained.few(labels, 21, seed=0)


def test_the_likeliest_classes_come_first_with_their_softmax():
    logits = np.zeros(1000)
    logits[[967, 285]] = [1000 + np.log(3), 1000]  # a softmax that is not shifted overflows here
    (first, share), (second, rest) = pretrained.top(logits, 2)
    assert (first, second) == ("espresso", pretrained.class_names()[285])
    assert (share, rest) == (pytest.approx(0.75), pytest.approx(0.25))
    assert len(pretrained.class_names()) == 1000


# --- a probe, and a classifier --------------------------------------------------------------


def test_a_probe_separates_what_a_plane_separates_in_any_unit():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(200, 5)), rng.integers(0, 2, 200)
    x[:, 3] += 6 * y
    probe = pretrained.linear_probe(x[:100], y[:100])
    assert probe.score(x[100:], y[100:]) > 0.95
    units = np.array([1e-3, 1, 1e3, 1e-3, 1])
    other = pretrained.linear_probe(x[:100] * units, y[:100])
    np.testing.assert_array_equal(probe.predict(x[100:]), other.predict(x[100:] * units))


def test_a_classifier_starts_undecided_and_shares_the_networks_weights(tiny_network):
    model = pretrained.classifier(tiny_network, 3)
    np.testing.assert_array_equal(model(random_images((2, 8, 8, 3))), np.zeros((2, 3)))
    assert tiny_network.get_layer("conv").kernel is model.trainable_weights[0]


@pytest.mark.parametrize("freeze", [True, False])
def test_batch_normalizations_stay_if_frozen_also_those_inside(tiny_network, freeze):
    model = pretrained.classifier(tiny_network, 3, freeze_batch_norm=freeze)
    normal = [
        tiny_network.get_layer("outer"),
        *(layer for part in tiny_network.layers for layer in getattr(part, "layers", ())),
    ]
    assert [layer.name for layer in normal] == ["outer", "inner"]
    before = [layer.get_weights() for layer in normal]
    kernel = tiny_network.get_layer("conv").get_weights()[0]
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer=keras.optimizers.SGD(0.1), loss=loss)
    # Two epochs: the last layer starts at zero, so the first step changes nothing before it.
    model.fit(random_images((6, 8, 8, 3)), np.arange(6) % 3, batch_size=6, epochs=2, verbose=0)
    assert (tiny_network.get_layer("conv").get_weights()[0] != kernel).any()
    for layer, old in zip(normal, before, strict=True):
        for now, then in zip(layer.get_weights(), old, strict=True):
            assert np.array_equal(now, then) == freeze


def test_training_moves_the_images_and_evaluation_does_not(tiny_network):
    def outputs(training, **options):
        model = pretrained.classifier(tiny_network, 3, **options)
        model.layers[-1].set_weights([np.eye(4, 3), np.zeros(3)])
        x = np.repeat(random_images((1, 8, 8, 3)), 8, axis=0)
        return np.ptp(np.asarray(model(x, training=training)), axis=0).max(), model

    assert outputs(False)[0] < 1e-6
    assert outputs(True)[0] > 1e-4
    assert any(isinstance(layer, layers.RandomFlip) for layer in outputs(False)[1].layers)
    mirrored = outputs(False, flip=False)[1]
    assert not any(isinstance(layer, layers.RandomFlip) for layer in mirrored.layers)


def test_a_saved_classifier_comes_back(tiny_network, tmp_path):
    model = pretrained.classifier(tiny_network, 3)
    model.layers[-1].set_weights([np.eye(4, 3), np.ones(3)])
    keras.models.save_model(model, tmp_path / "m.keras")
    again = keras.models.load_model(tmp_path / "m.keras")
    x = random_images((2, 8, 8, 3))
    # Keras augments unless it is told not to, also outside of fit.
    outputs = [one(x, training=False) for one in (again, model)]
    np.testing.assert_allclose(*outputs, atol=1e-6)


def test_the_real_network_learns_only_its_kernels():
    network = models.build_efficientnet_lite0((32, 32, 3), include_top=False)
    model = pretrained.classifier(network, 3)
    paths = [weight.path for weight in model.trainable_weights]
    assert not [path for path in paths if "_bn" in path]
    # 1 + 16 × 3 + 1 convolutions, less the one expansion that the first block has not; a Dense.
    assert len(paths) == 1 + 16 * 3 - 1 + 1 + 2


# --- stored results -------------------------------------------------------------------------


def test_runs_are_found_by_task_and_method_in_the_order_of_sizes(tmp_path, monkeypatch):
    runs = [["a", "x", 10, 0, 0.5, 1], ["a", "x", 5, 0, 0.1, 1], ["a", "x", 5, 1, 0.2, 1]]
    (tmp_path / "results").mkdir()
    tried = [["x", 0.001, 0.3], ["x", 0.01, 0.4], ["y", 0.01, 0.9]]
    stored = json.dumps({"runs": [*runs, ["a", "y", 5, 0, 0.9, 1]], "validation": tried})
    (tmp_path / "results" / "transfer.json").write_text(stored)
    monkeypatch.setattr("course_utils.results.folder", lambda: tmp_path)
    assert list(pretrained.measured("a", "x").items()) == [(5, [0.1, 0.2]), (10, [0.5])]
    assert pretrained.measured("a", "z") == {}
    assert pretrained.validated("x") == {0.001: 0.3, 0.01: 0.4}


def test_no_run_that_the_page_shows_is_missing():
    for task in ("patches", "garments", "digits"):
        for method, seeds in {"probe": 3, "cnn": 3, "tuned": 2, "scratch": 3}.items():
            runs = pretrained.measured(task, method)
            assert {count: len(found) for count, found in runs.items()} == dict.fromkeys(
                (5, 10, 50), seeds
            ), (task, method)
    assert len(pretrained.measured("garments", "thawed")[10]) == 2


def test_the_readme_of_the_data_names_the_licences_of_what_others_made():
    readme = (ROOT / "data" / "README.md").read_text(encoding="utf-8")
    labels = json.loads((ROOT / "data" / "labels" / "imagenet.json").read_text(encoding="utf-8"))
    card = checkpoints.card("efficientnet-lite0")
    for said in (card.data["licence"], card.data["source"], labels["licence"], labels["source"]):
        assert said in readme
