"""Make what the demos on the playground load: models as ONNX, data as JSON, and the runtime.

Written is ``_build/demos/<demo>/``: gzip files, and ``manifest.json`` with their sizes. Each demo
is one function here, which returns its files by name. A demo is made again only when this file
or one of its inputs has changed, so a build that changes no model starts no TensorFlow.
``book/_ext/demos.py`` calls `stale` and, if anything is, runs this file; by hand:

    python tools/export_demos.py          # what has changed
    python tools/export_demos.py digit    # this demo, in any case
"""

import argparse
import gzip
import hashlib
import importlib.metadata
import json
import shutil
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import keras
    import numpy as np

ROOT = Path(__file__).resolve().parent.parent
OUT = ROOT / "_build" / "demos"
# ONNX Runtime Web, from npm. Its build for WebAssembly alone: no GPU is needed for small models.
RUNTIME_PACKAGE = Path(sys.prefix) / "web" / "node_modules" / "onnxruntime-web"
RUNTIME_FILES = ("ort.wasm.bundle.min.mjs", "ort-wasm-simd-threaded.wasm")

Files = dict[str, bytes]


@dataclass(frozen=True)
class Demo:
    """One demo of the playground.

    Attributes:
        title: what a screen reader calls the demo.
        export: makes its files, by name.
        inputs: patterns of the files, below the repository's root, that the export reads.
        runtime: whether it runs a model, and so needs ONNX Runtime.
    """

    title: str
    export: Callable[[], Files]
    inputs: tuple[str, ...]
    runtime: bool = True


# --- one function a demo ---------------------------------------------------------------------


def digit() -> Files:
    """The digit classifier, with what its convolutions answer, and ten examples."""
    import keras
    import numpy as np

    import course_utils as cu

    model = cu.checkpoints.load("mnist-cnn")
    data = cu.datasets.load("mnist")
    rectified = [layer.output for layer in model.layers if isinstance(layer, keras.layers.ReLU)]
    # Of each layer, the channels that answer most on the average: dead ones show nothing.
    answers = keras.Model(model.input, rectified).predict(data.validation[0][:500], verbose=0)
    loudest = [np.sort(np.argsort(-a.mean((0, 1, 2)))[:8]) for a in answers]
    shown = [
        keras.ops.take(layer, channels, axis=-1)
        for layer, channels in zip(rectified, loudest, strict=True)
    ]
    joined, parts = one_output(model, {"logits": model.output, **name_layers(shown)})
    for part, channels, answer in zip(parts[1:], loudest, answers, strict=True):
        part["channels"], part["of"] = channels.tolist(), answer.shape[-1]
        # What is drawn white; nearly the largest answer, so that one pixel does not dim all.
        part["white"] = round(float(np.quantile(answer[..., channels], 0.999)), 3)
    images, labels = first_of_each_class(*data.test)
    return {
        "model.onnx": cu.deployment.export_onnx(joined),
        "digit.json": as_json({"outputs": parts, "images": to_bytes(images), "labels": labels}),
    }


def latent() -> Files:
    """The conditional generator of garments; the class is the last number of its input."""
    import keras

    import course_utils as cu

    generator = cu.checkpoints.load("fashion-conditional-gan")
    size = generator.inputs[0].shape[-1]
    # The course's export takes models of one input.
    inputs = keras.Input((size + 1,), name="noise_and_class")
    label = keras.ops.cast(inputs[:, size], "int32")
    joined = keras.Model(inputs, generator([inputs[:, :size], label]))
    return {
        "model.onnx": cu.deployment.export_onnx(joined),
        "latent.json": as_json(
            {"size": size, "classes": cu.datasets.load("fashion_mnist").class_names}
        ),
    }


def epsilon() -> Files:
    """Two digit classifiers, ten test images, and the sign of each loss's gradient there."""
    import numpy as np

    import course_utils as cu

    images, labels = first_of_each_class(*cu.datasets.load("mnist").test)
    names = {"usual": "mnist-cnn", "hardened": "mnist-robust-cnn"}
    models = {kind: cu.checkpoints.load(name) for kind, name in names.items()}
    signs = {
        kind: gradient_signs(model, images, labels).reshape(len(images), -1).tolist()
        for kind, model in models.items()
    }
    noise = np.random.default_rng(0).choice([-1, 1], images.shape).reshape(len(images), -1)
    values = {"images": to_bytes(images), "labels": labels, "signs": signs}
    return {f"{kind}.onnx": cu.deployment.export_onnx(model) for kind, model in models.items()} | {
        "epsilon.json": as_json(values | {"noise": noise.tolist()})
    }


def attention() -> Files:
    """The vision Transformer with its attention weights, and twelve garments to look at."""
    import numpy as np
    import onnx_as_stored

    import course_utils as cu

    model = cu.checkpoints.load("fashion-vit")
    blocks = [layer for layer in model.layers if hasattr(layer, "attention_scores")]
    scores = {layer.name: layer.attention_scores(layer.input) for layer in blocks}
    joined, parts = one_output(model, {"logits": model.output, **scores})
    data = cu.datasets.load("fashion_mnist")
    images, labels = data.test
    # The first of each class, and the first two that the network takes for something else.
    wrong = np.flatnonzero(model.predict(images[:100], verbose=0).argmax(-1) != labels[:100])[:2]
    _, first = np.unique(labels, return_index=True)
    chosen = [*first, *wrong]
    titles = [data.class_names[labels[i]] for i in first]
    titles += [f"{data.class_names[labels[i]]}, taken for something else" for i in wrong]
    pictures = [
        {"title": title, "pixels": pixels}
        for title, pixels in zip(titles, to_bytes(images[chosen]), strict=True)
    ]
    side = images.shape[1]
    values = {"side": side, "grid": side // model.get_layer("patches").size, "images": pictures}
    values |= {"heads": blocks[0].heads, "blocks": list(scores), "classes": data.class_names}
    return {
        "model.onnx": onnx_as_stored.halved(cu.deployment.export_onnx(joined)),
        "attention.json": as_json(values | {"outputs": parts}),
    }


def kernel() -> Files:
    """A small grey photograph."""
    import course_utils as cu

    side = 64
    camera = cu.pretrained.prepare(cu.datasets.photographs()["camera"][None], side)
    return {"photograph.json": as_json({"side": side, "pixels": to_bytes(camera[..., 0])[0]})}


def gradcam() -> Files:
    """EfficientNet-Lite0 up to its last maps, its last layer, and photographs."""
    import io

    import keras
    import numpy as np
    import onnx_as_stored
    from PIL import Image

    import course_utils as cu

    model = cu.checkpoints.load(cu.pretrained.SHIPPED)
    maps, last = model.get_layer("head").output, model.get_layer("logits")
    kernel, bias = (np.asarray(weight) for weight in last.get_weights())
    album = cu.datasets.photographs()
    files, samples = {}, []
    for name in ("chelsea", "dogs", "china", "astronaut"):
        photograph = Image.fromarray(album[name])
        photograph.thumbnail((400, 400))
        photograph.save(coded := io.BytesIO(), "JPEG", quality=85)
        files[f"{name}.jpg"] = coded.getvalue()
        about = cu.datasets.PHOTOGRAPHS[name]
        credit = f"{about.title}. {about.author}, {about.licence}."
        samples.append({"file": f"{name}.jpg", "title": about.title, "credit": credit})
    values = {"size": model.input_shape[1], "grid": maps.shape[1], "channels": maps.shape[-1]}
    values |= {"classes": cu.pretrained.class_names(), "samples": samples}
    return files | {
        "model.onnx": onnx_as_stored.export_maps(keras.Model(model.input, maps)),
        # The checkpoint holds this kernel in 16 bits, too: nothing is lost.
        "head.bin": kernel.astype(np.float16).tobytes() + bias.astype(np.float32).tobytes(),
        "gradcam.json": as_json(values),
    }


DEMOS = {
    "digit": Demo(
        "draw a digit and see the network's layers respond",
        digit,
        ("data/checkpoints/mnist-cnn.*", "data/mnist.*", "course_utils/models/cnn.py"),
    ),
    "latent": Demo(
        "walk through the latent space of a generator",
        latent,
        ("data/checkpoints/fashion-conditional-gan.*", "course_utils/models/dcgan.py"),
    ),
    "epsilon": Demo(
        "move epsilon until the prediction flips",
        epsilon,
        (
            "data/checkpoints/mnist-cnn.*",
            "data/checkpoints/mnist-robust-cnn.*",
            "data/mnist.*",
            "course_utils/models/cnn.py",
            "course_utils/attacks.py",
        ),
    ),
    "attention": Demo(
        "attention between the patches of a garment",
        attention,
        (
            "data/checkpoints/fashion-vit.*",
            "data/fashion_mnist.*",
            "course_utils/models/attention.py",
            "course_utils/models/vit.py",
            "tools/onnx_as_stored.py",
        ),
    ),
    "kernel": Demo(
        "drag a kernel over a photograph",
        kernel,
        ("course_utils/datasets/photographs.py", "course_utils/pretrained.py"),
        runtime=False,
    ),
    "gradcam": Demo(
        "Grad-CAM on your own photograph",
        gradcam,
        (
            "data/checkpoints/efficientnet-lite0.*",
            "data/labels/imagenet.json",
            "data/photographs/dogs.jpg",
            "course_utils/datasets/photographs.py",
            "course_utils/models/efficientnet.py",
            "tools/onnx_as_stored.py",
        ),
    ),
}


# --- what they share -------------------------------------------------------------------------


def one_output(
    model: "keras.Model", outputs: dict[str, Any]
) -> tuple["keras.Model", list[dict[str, Any]]]:
    """A model with one flat output that holds several, and where each of them lies in it.

    The course's export takes models of one output.

    Args:
        model: its input is used.
        outputs: Keras tensors of it, by name.

    Returns:
        The model, and for each output its name, its shape without the batch, and its offset.
    """
    import keras

    flat = [keras.layers.Flatten()(tensor) for tensor in outputs.values()]
    parts, offset = [], 0
    for (name, tensor), row in zip(outputs.items(), flat, strict=True):
        parts.append({"name": name, "shape": list(tensor.shape[1:]), "offset": offset})
        offset += row.shape[-1]
    return keras.Model(model.input, keras.layers.Concatenate(dtype="float32")(flat)), parts


def name_layers(tensors: Iterable[Any]) -> dict[str, Any]:
    return {f"layer {i}": tensor for i, tensor in enumerate(tensors, 1)}


def first_of_each_class(
    images: "np.ndarray", labels: "np.ndarray"
) -> tuple["np.ndarray", list[int]]:
    """The first image of every class, in the order of the classes: chosen by nobody's eye."""
    import numpy as np

    classes, first = np.unique(labels, return_index=True)
    return images[first], classes.tolist()


def gradient_signs(
    model: "keras.Model", images: "np.ndarray", labels: Iterable[int]
) -> "np.ndarray":
    """−1, 0 or 1 for every pixel: the direction in which `course_utils.attacks.fgsm` moves it."""
    import numpy as np
    import tensorflow as tf

    x = tf.constant(images)
    with tf.GradientTape() as tape:
        tape.watch(x)
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(
            np.asarray(labels), model(x, training=False)
        )
    return np.sign(tape.gradient(losses, x)).astype(int)


def to_bytes(images: "np.ndarray") -> list[list[int]]:
    """Grey images in [0, 1] as rows of whole numbers 0..255, as they were stored."""
    import numpy as np

    return np.round(images * 255).astype(int).reshape(len(images), -1).tolist()


def as_json(values: Any) -> bytes:
    return json.dumps(values, separators=(",", ":")).encode()


# --- making and keeping ----------------------------------------------------------------------


def key(name: str) -> str:
    """A hash of everything that a demo's files are made of."""
    digest = hashlib.sha256(Path(__file__).read_bytes())
    digest.update((ROOT / "course_utils" / "deployment.py").read_bytes())
    for pattern in DEMOS[name].inputs:
        found = sorted(ROOT.glob(pattern))
        if not found:
            raise ValueError(f"The demo {name!r} is made of {pattern}, but there is no such file.")
        for path in found:
            digest.update(path.read_bytes())
    return digest.hexdigest()


def manifest(name: str) -> dict[str, Any]:
    """Key and sizes of a demo's files as they were last made; empty where there are none."""
    path = OUT / name / "manifest.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}


def stale() -> list[str]:
    """The demos whose files are missing or made of something else."""
    return [name for name in DEMOS if manifest(name).get("key") != key(name)]


def make(name: str) -> None:
    """Write one demo's files; an interrupted run leaves the old ones."""
    files = {f"{file}.gz": gzip.compress(c, mtime=0) for file, c in DEMOS[name].export().items()}
    _write(name, key(name), files)


def make_runtime() -> None:
    """Lay ONNX Runtime Web ready, its 14 MB packed: not every web server packs them itself.

    Raises:
        FileNotFoundError: the npm package is not installed.
    """
    dist = RUNTIME_PACKAGE / "dist"
    if not all((dist / file).is_file() for file in RUNTIME_FILES):
        raise FileNotFoundError(
            "The demos need the npm package onnxruntime-web, which is not in "
            f"{RUNTIME_PACKAGE.parent}: run sh tools/make_venv.sh .venv"
        )
    version = json.loads((RUNTIME_PACKAGE / "package.json").read_text(encoding="utf-8"))["version"]
    made_of = f"{version} {hashlib.sha256(Path(__file__).read_bytes()).hexdigest()}"
    if manifest("onnxruntime").get("key") == made_of:
        return
    script, binary = RUNTIME_FILES
    files = {
        script: (dist / script).read_bytes(),
        f"{binary}.gz": gzip.compress((dist / binary).read_bytes(), mtime=0),
    }
    # The npm package names its licence, MIT; the same project's Python package holds the text.
    for path in importlib.metadata.files("onnxruntime") or ():
        if path.name in ("LICENSE", "ThirdPartyNotices.txt"):
            files[path.name] = Path(path.locate()).read_bytes()
    _write("onnxruntime", made_of, files)


def _write(name: str, made_of: str, files: Files) -> None:
    new = OUT / f".{name}.new"
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir(parents=True)
    for file, content in files.items():
        (new / file).write_bytes(content)
    sizes = {file: len(content) for file, content in files.items()}
    text = json.dumps({"key": made_of, "files": sizes}, indent=2) + "\n"
    (new / "manifest.json").write_text(text, encoding="utf-8")
    shutil.rmtree(OUT / name, ignore_errors=True)
    new.rename(OUT / name)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("demos", nargs="*", help="which; by default those that have changed")
    names = parser.parse_args().demos or stale()
    for unknown in sorted(set(names) - set(DEMOS)):
        parser.error(f"There is no demo {unknown!r}; known demos: {', '.join(DEMOS)}.")
    for name in names:
        make(name)
        sizes = manifest(name)["files"].items()
        print(f"{name}: " + ", ".join(f"{file} {size / 1000:.0f} kB" for file, size in sizes))


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    main()
