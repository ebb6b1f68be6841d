"""Checkpoints: what is saved comes back, and what is damaged is refused in a sentence."""

import json
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers

from course_utils import checkpoints, models
from course_utils.checkpoints import CheckpointCard


def build_tiny(width=4, extra=False):
    inputs = keras.Input((3,))
    x = layers.BatchNormalization()(layers.Dense(width)(inputs))
    x = layers.Dense(width)(x) if extra else x
    return keras.Model(inputs, layers.Dense(2, dtype="float32")(x))


@pytest.fixture(autouse=True)
def _builder(monkeypatch, float32):
    monkeypatch.setattr(models, "build_tiny", build_tiny, raising=False)


@pytest.fixture
def tiny_card():
    return CheckpointCard(
        name="tiny",
        builder="build_tiny",
        arguments={"width": 4},
        command="python tools/train_tiny.py --seed 3",
        seed=3,
        data={"name": "mnist", "sha256": "0" * 64},
        metrics={"test accuracy": 0.991},
        seconds=1.5,
        machine="2 CPU cores",
    )


@pytest.fixture
def saved(tiny_card, tmp_path):
    """A model with no weight at its initial value, and the folder where it is saved."""
    model = build_tiny()
    generator = np.random.default_rng(0)
    model.set_weights([generator.random(w.shape) for w in model.get_weights()])
    checkpoints.save(model, tiny_card, tmp_path)
    return model, tmp_path


def change_card(folder, **values):
    path = folder / "tiny.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


def test_a_saved_model_comes_back_with_equal_outputs(saved):
    model, folder = saved
    loaded = checkpoints.load("tiny", folder)
    x = np.random.default_rng(1).random((5, 3), dtype=np.float32)
    np.testing.assert_array_equal(loaded.predict(x, verbose=0), model.predict(x, verbose=0))
    for one, other in zip(model.get_weights(), loaded.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_card_comes_back_with_hash_and_versions(saved, tiny_card):
    import hashlib

    _, folder = saved
    found = checkpoints.card("tiny", folder)
    assert found.sha256 == hashlib.sha256((folder / "tiny.npz").read_bytes()).hexdigest()
    assert found.versions["keras"] == keras.__version__
    assert found.metrics == tiny_card.metrics
    assert (found.command, found.seed, found.data) == (
        tiny_card.command,
        tiny_card.seed,
        tiny_card.data,
    )


def test_saving_leaves_two_files_and_nothing_else(saved):
    assert sorted(path.name for path in saved[1].iterdir()) == ["tiny.json", "tiny.npz"]


def test_an_order_of_more_than_ten_arrays_is_kept(tiny_card, tmp_path, monkeypatch):
    def build_deep():
        inputs = keras.Input((2,))
        x = inputs
        for _ in range(8):
            x = layers.Dense(2)(x)
        return keras.Model(inputs, x)

    monkeypatch.setattr(models, "build_tiny", lambda width: build_deep())
    model = build_deep()
    checkpoints.save(model, tiny_card, tmp_path)
    x = np.ones((1, 2), np.float32)
    loaded = checkpoints.load("tiny", tmp_path)
    np.testing.assert_array_equal(loaded.predict(x, verbose=0), model.predict(x, verbose=0))


def test_weights_load_under_mixed_precision_too(saved):
    model, folder = saved
    keras.config.set_dtype_policy("mixed_bfloat16")
    loaded = checkpoints.load("tiny", folder)
    for one, other in zip(model.get_weights(), loaded.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_kernels_are_halved_to_16_bits_and_vectors_are_not(tiny_card, tmp_path):
    model = build_tiny()
    generator = np.random.default_rng(0)
    weights = [generator.random(w.shape).astype(np.float32) for w in model.get_weights()]
    weights[5] += 1e6  # a variance that 16 bits cannot hold
    model.set_weights(weights)
    path = checkpoints.save(model, tiny_card, tmp_path, half=True)
    with np.load(path) as stored:
        kinds = {stored[key].ndim: stored[key].dtype for key in stored.files}
    assert kinds == {1: np.float32, 2: np.float16}
    for now, then in zip(checkpoints.load("tiny", tmp_path).get_weights(), weights, strict=True):
        assert now.dtype == np.float32
        wanted = then.astype(np.float16) if then.ndim == 2 else then
        np.testing.assert_array_equal(now, wanted.astype(np.float32))


@pytest.mark.parametrize("value", [7e4, np.inf, np.nan])
def test_a_kernel_that_16_bits_cannot_hold_is_refused(tiny_card, tmp_path, value):
    model = build_tiny()
    model.set_weights([np.full(w.shape, value, np.float32) for w in model.get_weights()])
    with pytest.raises(ValueError, match=r"kernel of shape \(3, 4\) .* save without half=True"):
        checkpoints.save(model, tiny_card, tmp_path, half=True)
    assert list(tmp_path.iterdir()) == []


def test_what_is_measured_are_the_weights_as_they_are_stored(tiny_card, tmp_path):
    model = build_tiny()
    kernel = model.get_weights()[0]
    assert (kernel != kernel.astype(np.float16)).any()

    def measure(stored):
        loaded = stored.get_weights()[0]
        np.testing.assert_array_equal(loaded, kernel.astype(np.float16).astype(np.float32))
        return {"largest": float(loaded.max())}

    checkpoints.save_measured(model, tiny_card, measure, tmp_path)
    metrics = checkpoints.card("tiny", tmp_path).metrics
    assert metrics == {"test accuracy": 0.991, "largest": float(kernel.astype(np.float16).max())}


# --- refused -------------------------------------------------------------------------------


def refused(message, folder):
    with pytest.raises(ValueError, match=message) as caught:
        checkpoints.load("tiny", folder)
    assert "\n" not in str(caught.value)


def test_an_unknown_name_is_refused_with_the_known_ones(saved):
    with pytest.raises(ValueError, match=r"no checkpoint 'tinny'; known checkpoints: tiny\."):
        checkpoints.load("tinny", saved[1])


def test_an_empty_folder_has_no_checkpoints(tmp_path):
    with pytest.raises(ValueError, match=r"no checkpoint 'tiny'; known checkpoints: none\."):
        checkpoints.card("tiny", tmp_path)


def test_a_damaged_file_is_refused(saved):
    path = saved[1] / "tiny.npz"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    refused(r"tiny\.npz should have sha256 \w{12}…, found \w{12}…: install course_utils", saved[1])


def test_a_truncated_file_is_refused(saved):
    path = saved[1] / "tiny.npz"
    path.write_bytes(path.read_bytes()[:-20])
    refused(r"tiny\.npz should have sha256", saved[1])


def test_a_missing_file_is_refused(saved):
    (saved[1] / "tiny.npz").unlink()
    refused(r"tiny\.npz should have sha256 .* found no file", saved[1])


@pytest.mark.parametrize("other", [0, 2, None, "1"])
def test_another_format_is_refused(saved, other):
    change_card(saved[1], format=other)
    refused(rf"'tiny' has format {other}, but this course_utils reads format 1", saved[1])


@pytest.mark.parametrize("text", ["", "{", "[]", "3"])
def test_a_damaged_card_is_refused(saved, text):
    (saved[1] / "tiny.json").write_text(text)
    refused("card of checkpoint 'tiny' is damaged", saved[1])


def test_a_card_with_fields_of_another_version_is_refused(saved):
    change_card(saved[1], colour="blue")
    refused(r"card of checkpoint 'tiny' .* \(it differs in colour\)", saved[1])


def test_a_card_without_a_field_is_refused(saved):
    path = saved[1] / "tiny.json"
    values = json.loads(path.read_text())
    del values["command"]
    path.write_text(json.dumps(values))
    refused(r"card of checkpoint 'tiny' .* \(it differs in command\)", saved[1])


@pytest.mark.parametrize("arguments", [{"width": 5}, {"width": 4, "extra": True}])
def test_weights_that_do_not_fit_are_refused(saved, arguments):
    change_card(saved[1], arguments=arguments)
    refused("'tiny' holds 8 arrays that do not fit .* of build_tiny: .* another version", saved[1])


def test_a_builder_of_another_version_is_refused(saved):
    change_card(saved[1], builder="build_nothing")
    refused("'tiny' .* build_nothing, which this course_utils does not have", saved[1])


def test_arguments_of_another_version_are_refused(saved):
    change_card(saved[1], arguments={"depth": 4})
    refused("'tiny' comes from another version .* 'depth'", saved[1])


# --- a failure while saving -----------------------------------------------------------------


@pytest.mark.parametrize("broken", ["savez_compressed", "dumps"])
def test_a_failed_save_leaves_the_old_checkpoint_whole(saved, tiny_card, monkeypatch, broken):
    model, folder = saved
    before = {path.name: path.read_bytes() for path in folder.iterdir()}

    def fail(*arguments, **_):
        if broken == "savez_compressed":
            Path(arguments[0]).write_bytes(b"half")
        raise OSError("disk full")

    monkeypatch.setattr(np if broken == "savez_compressed" else json, broken, fail)
    model.set_weights([w + 1 for w in model.get_weights()])
    with pytest.raises(OSError, match="disk full"):
        checkpoints.save(model, tiny_card, folder)
    monkeypatch.undo()
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
