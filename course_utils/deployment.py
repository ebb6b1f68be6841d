"""From a Keras model to one file that runs without Keras: LiteRT or ONNX, in 32, 16 or 8 bits.

A converter writes the forward pass as a graph with its weights: dropout and augmentation are
gone, and a batch normalization is multiplied into the convolution before it. LiteRT (formerly
TensorFlow Lite) runs the one kind of file, ONNX Runtime the other; `runner` treats both, and
a Keras model, alike. Eight bits: Jacob et al. 2018, "Quantization and Training of Neural
Networks for Efficient Integer-Arithmetic-Only Inference", doi:10.1109/CVPR.2018.00286.

The ONNX half needs the extra ``deploy``: ``pip install "course-utils[deploy]"``.
"""

import contextlib
import logging
import os
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

if TYPE_CHECKING:
    import keras

WEIGHTS = ("float32", "float16", "int8")
# Of ONNX's operators: every runtime since 2021 knows version 15.
_OPSET = 15
_ONNX_PACKAGES = ("onnx", "onnxruntime", "tf2onnx")


def has_onnx() -> bool:
    """Whether the packages of the extra ``deploy`` are installed."""
    return all(find_spec(name) is not None for name in _ONNX_PACKAGES)


# --- writing -------------------------------------------------------------------------------


def export_litert(
    model: "keras.Model", weights: Literal["float32", "float16", "int8"] = "float32"
) -> bytes:
    """The model's forward pass as a LiteRT file (``.tflite``).

    Args:
        model: a functional model with one input of fixed size and one output.
        weights: how the kernels are stored. Inputs, outputs and sums stay in 32 bits; with
            ``"int8"`` the inputs of the large layers are rounded to 8 bits while it runs
            ("dynamic range"), by the range that each of them happens to have.

    Raises:
        ValueError: another kind of weights, or a model of another form.
    """
    if weights not in WEIGHTS:
        raise ValueError(f"weights must be one of {', '.join(WEIGHTS)}, not {weights!r}.")
    import tensorflow as tf

    def options(converter: Any) -> None:
        if weights != "float32":
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
        if weights == "float16":
            converter.target_spec.supported_types = [tf.float16]

    return _convert(model, options)


def quantize_int8(model: "keras.Model", images: np.ndarray) -> bytes:
    """A LiteRT file that computes in whole numbers: weights, inputs and outputs in 8 bits.

    This is post-training quantization: the model runs once over ``images``, and the range of
    every intermediate result is noted, which gives its scale and zero point. Nothing is learnt.

    Args:
        model: a functional model with one input of fixed size and one output.
        images: ``(N, ...)`` typical inputs, from the training split; a hundred are enough.

    Raises:
        ValueError: no images, or such as the model does not take.
    """
    images = np.asarray(images, np.float32)
    if images.shape[1:] != tuple(model.input_shape[1:]) or not len(images):
        raise ValueError(
            f"Quantization needs images (N, {', '.join(map(str, model.input_shape[1:]))}) to see "
            f"the ranges, not {images.shape}."
        )
    import tensorflow as tf

    def options(converter: Any) -> None:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = lambda: ([image[None]] for image in images)
        # Without this an operation that has no 8-bit form would silently stay in 32 bits.
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = converter.inference_output_type = tf.int8

    return _convert(model, options)


def export_onnx(model: "keras.Model") -> bytes:
    """The model's forward pass as an ONNX file, in 32 bits.

    Args:
        model: a functional model with one input of fixed size and one output.

    Raises:
        ImportError: the extra ``deploy`` is not installed.
        ValueError: a model of another form.
    """
    _need_onnx()
    forward, signature = _forward(model)
    with _quiet():
        import tf2onnx

        proto, _ = tf2onnx.convert.from_function(forward, [signature], opset=_OPSET)
    return proto.SerializeToString()


def quantize_onnx(file: bytes, images: np.ndarray) -> bytes:
    """An ONNX file in 8 bits from one in 32, by ONNX Runtime; one scale for every channel.

    Args:
        file: what `export_onnx` returned.
        images: ``(N, ...)`` typical inputs, from the training split.

    Raises:
        ImportError: the extra ``deploy`` is not installed.
        ValueError: no images, or such as the model does not take.
    """
    _need_onnx()
    name, shape = (run := _onnx_runner(file, 1)).input_name, run.input_shape
    images = np.asarray(images, np.float32)
    if images.shape[1:] != shape or not len(images):
        raise ValueError(
            f"Quantization needs images (N, {', '.join(map(str, shape))}) to see the ranges, "
            f"not {images.shape}."
        )
    with _quiet(), tempfile.TemporaryDirectory() as folder:
        from onnxruntime.quantization import CalibrationDataReader, quantize_static

        class Images(CalibrationDataReader):
            def __init__(self) -> None:
                self.left = iter(images)

            def get_next(self) -> dict[str, np.ndarray] | None:
                image = next(self.left, None)
                return None if image is None else {name: image[None]}

        before, after = Path(folder) / "before.onnx", Path(folder) / "after.onnx"
        before.write_bytes(file)
        quantize_static(before, after, Images(), per_channel=True)
        return after.read_bytes()


def _convert(model: "keras.Model", options: Callable[[Any], None]) -> bytes:
    import keras
    import tensorflow as tf

    forward, signature = _forward(model)
    archive = keras.export.ExportArchive()
    archive.track(model)
    archive.add_endpoint("serve", forward, [signature])
    # By way of a saved model, from which the converter takes the weights as constants.
    with _quiet(), tempfile.TemporaryDirectory() as folder:
        archive.write_out(folder, verbose=False)
        converter = tf.lite.TFLiteConverter.from_saved_model(folder)
        options(converter)
        return converter.convert()


def _forward(model: "keras.Model") -> tuple[Any, Any]:
    """The model in inference mode, as a function to be traced, and what it takes.

    ``model.export`` leaves the mode to the model's default; some versions of Keras so write
    augmentation and dropout into the file.
    """
    import tensorflow as tf

    shape = model.input_shape
    if isinstance(shape, list | dict) or None in shape[1:] or len(model.outputs) != 1:
        raise ValueError(
            f"Only a model with one input of fixed size and one output is exported, not {shape} "
            f"to {model.output_shape}."
        )
    signature = tf.TensorSpec((None, *shape[1:]), tf.float32, name="images")
    return tf.function(lambda images: model(images, training=False)), signature


def _need_onnx() -> None:
    if not has_onnx():
        raise ImportError(
            f'ONNX needs {", ".join(_ONNX_PACKAGES)}: pip install "course-utils[deploy]".'
        )


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Hide the converters' notes to their own developers; what fails raises nevertheless.

    Some are written by C++ past Python's ``sys.stderr``, hence by the number of the file.
    """
    before, level = os.dup(2), logging.root.manager.disable
    logging.disable(logging.ERROR)
    try:
        with (
            open(os.devnull, "w") as nothing,
            contextlib.redirect_stdout(nothing),
            warnings.catch_warnings(),
        ):
            warnings.simplefilter("ignore")
            os.dup2(nothing.fileno(), 2)
            yield
    finally:
        os.dup2(before, 2)
        os.close(before)
        logging.disable(level)


# --- running -------------------------------------------------------------------------------


@dataclass(frozen=True)
class Runner:
    """A model that is ready to run; call it with images ``(batch, ...)`` for logits.

    Attributes:
        format: ``"Keras"``, ``"LiteRT"`` or ``"ONNX"``.
        input_shape: of one example, without the batch.
        input_name: how the file calls its input.
        compute: float32 ``(batch, *input_shape)`` to float32 ``(batch, ...)``.
    """

    format: str
    input_shape: tuple[int, ...]
    input_name: str
    compute: Callable[[np.ndarray], np.ndarray]

    def __call__(self, images: np.ndarray) -> np.ndarray:
        """Raises ValueError when the images are not ``(batch, *input_shape)``."""
        images = np.ascontiguousarray(images, np.float32)
        if images.shape[1:] != self.input_shape or not len(images):
            wanted = ", ".join(map(str, self.input_shape))
            raise ValueError(f"The model takes images (batch, {wanted}), not {images.shape}.")
        return self.compute(images)


def runner(model: "keras.Model | bytes | Path", threads: int | None = None) -> Runner:
    """Make a Keras model, a LiteRT file or an ONNX file ready to run.

    Args:
        model: the model, or the file or its content.
        threads: CPU threads of LiteRT and of ONNX Runtime; by default one a core. TensorFlow,
            which runs Keras models, has its own setting.

    Raises:
        ImportError: an ONNX file without ONNX Runtime.
        ValueError: a file that is neither, or damaged.
    """
    threads = threads or os.cpu_count() or 1
    if not isinstance(model, bytes | Path):
        return _keras_runner(model)
    content = model if isinstance(model, bytes) else model.read_bytes()
    if content[4:8] == b"TFL3":  # the identifier of its FlatBuffers schema
        return _litert_runner(content, threads)
    return _onnx_runner(content, threads)


def interpreter(file: bytes, threads: int = 1, batch_size: int = 1) -> Any:
    """LiteRT's interpreter of a file, ready for one size of batch, with its own methods.

    Raises:
        ValueError: a damaged file.
    """
    # TensorFlow has announced that its copy of the interpreter will go; the package
    # ai-edge-litert holds the same class.
    with _quiet():
        if find_spec("ai_edge_litert"):
            from ai_edge_litert.interpreter import Interpreter
        else:
            from tensorflow.lite.python.interpreter import Interpreter
        try:
            found = Interpreter(model_content=file, num_threads=threads)
            source = found.get_input_details()[0]
            found.resize_tensor_input(source["index"], [batch_size, *source["shape"][1:]])
            found.allocate_tensors()
        except (RuntimeError, ValueError) as error:
            raise ValueError(f"The LiteRT file is damaged: {_first_line(error)}") from None
    return found


def quantized(values: np.ndarray, scale: float, zero_point: int) -> np.ndarray:
    """Real numbers as int8: ``round(values / scale) + zero_point``, cut off at −128 and 127."""
    return np.clip(np.round(values / scale) + zero_point, -128, 127).astype(np.int8)


def dequantized(values: np.ndarray, scale: float, zero_point: int) -> np.ndarray:
    """int8 as the real numbers that they stand for: ``scale · (values − zero_point)``."""
    return np.float32(scale) * (values.astype(np.float32) - zero_point)


def latency(
    run: Callable[[np.ndarray], Any], images: np.ndarray, *, repeats: int = 20, warmup: int = 3
) -> float:
    """Seconds that one call takes: the median of ``repeats``, after ``warmup`` calls.

    The first calls reserve memory and compile; the median does not mind that another process
    had the processor in between, which an average does.

    Args:
        run: called as ``run(images)``; it must return when it is done.
        images: one batch.
        repeats: calls that are timed.
        warmup: calls before those.
    """
    seconds = []
    for i in range(warmup + repeats):
        begin = time.perf_counter()
        run(images)
        if i >= warmup:
            seconds.append(time.perf_counter() - begin)
    return float(np.median(seconds))


def _keras_runner(model: "keras.Model") -> Runner:
    forward, _ = _forward(model)
    return Runner(
        "Keras",
        tuple(model.input_shape[1:]),
        model.inputs[0].name,
        lambda images: np.asarray(forward(images), np.float32),
    )


def _litert_runner(content: bytes, threads: int) -> Runner:
    # An interpreter for the batch size in use: TensorFlow 2.18's crashes when one that computes
    # in "dynamic range" is resized to more than it was made for.
    inside = {1: interpreter(content, threads)}
    source, result = inside[1].get_input_details()[0], inside[1].get_output_details()[0]

    def compute(images: np.ndarray) -> np.ndarray:
        if len(images) not in inside:
            inside.clear()
            inside[len(images)] = interpreter(content, threads, len(images))
        run = inside[len(images)]
        if source["dtype"] == np.int8:
            images = quantized(images, *source["quantization"])
        run.set_tensor(source["index"], images)
        run.invoke()
        values = run.get_tensor(result["index"])
        if result["dtype"] == np.int8:
            values = dequantized(values, *result["quantization"])
        return values

    return Runner("LiteRT", tuple(map(int, source["shape"][1:])), source["name"], compute)


def _onnx_runner(content: bytes, threads: int) -> Runner:
    if find_spec("onnxruntime") is None:
        raise ImportError('An ONNX file needs onnxruntime: pip install "course-utils[deploy]".')
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3  # errors only
    try:
        session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime's exceptions have no common class of their own
        raise ValueError(
            f"The file is neither a LiteRT file nor a sound ONNX file: {_first_line(error)}"
        ) from None
    source, result = session.get_inputs()[0], session.get_outputs()[0]
    return Runner(
        "ONNX",
        tuple(source.shape[1:]),
        source.name,
        lambda images: session.run([result.name], {source.name: images})[0],
    )


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
