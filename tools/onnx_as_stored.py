"""ONNX files whose kernels keep the 16 bits in which the course stores them.

A converter multiplies each batch normalization into the convolution before it. The products need
32 bits again: either the file doubles, or its answers move. Here the kernels stay what the
checkpoint holds, in 16 bits with a Cast behind them, and the runtime does the multiplying when
it has loaded the file. Half the bytes travel, and the numbers are Keras's up to rounding.
"""

import keras
import numpy as np
import onnx
from keras import layers
from onnx import TensorProto, helper, numpy_helper

# Every runtime since 2021 knows version 15 of ONNX's operators.
OPSET, IR_VERSION = 15, 8
# Shorter arrays stay in 32 bits: there is nothing to gain.
SHORT = 1000


def halved(file: bytes) -> bytes:
    """The same ONNX file with every long array in 16 bits that loses nothing by it."""
    proto = onnx.load_from_string(file)
    casts = []
    for tensor in proto.graph.initializer:
        name, array = tensor.name, numpy_helper.to_array(tensor)
        if array.dtype != np.float32 or array.size < SHORT:
            continue
        with np.errstate(over="ignore"):
            half = array.astype(np.float16)
        if np.array_equal(half, array):
            tensor.CopyFrom(numpy_helper.from_array(half, f"{name}_16"))
            casts.append(helper.make_node("Cast", [f"{name}_16"], [name], to=TensorProto.FLOAT))
    nodes = [*casts, *proto.graph.node]
    del proto.graph.node[:]
    proto.graph.node.extend(nodes)
    onnx.checker.check_model(proto)
    return proto.SerializeToString()


def export_maps(model: keras.Model) -> bytes:
    """The convolutional part of EfficientNet-Lite as ONNX, its kernels in 16 bits.

    Args:
        model: images ``(batch, height, width, channels)`` to maps ``(batch, rows, columns,
            channels)``; input and output of the file are the same.

    Raises:
        ValueError: a layer that EfficientNet-Lite does not have.
    """
    weights: dict[str, np.ndarray] = {}
    names = {id(model.input): "channels_first"}
    nodes = [helper.make_node("Transpose", ["images"], ["channels_first"], perm=[0, 3, 1, 2])]
    for layer in model.layers[1:]:
        given = layer.input if isinstance(layer.input, list) else [layer.input]
        nodes.append(_node(layer, [names[id(tensor)] for tensor in given], weights))
        names[id(layer.output)] = nodes[-1].output[0]
    last = names[id(model.output)]
    nodes.append(helper.make_node("Transpose", [last], ["maps"], perm=[0, 2, 3, 1]))
    ends = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, [None, *shape[1:]])
        for name, shape in (("images", model.input_shape), ("maps", model.output_shape))
    ]
    tensors = [numpy_helper.from_array(array, name) for name, array in weights.items()]
    graph = helper.make_graph(nodes, model.name, ends[:1], ends[1:], tensors)
    opset = helper.make_opsetid("", OPSET)
    proto = helper.make_model(graph, opset_imports=[opset], ir_version=IR_VERSION)
    return halved(proto.SerializeToString())


def _node(layer: layers.Layer, given: list[str], weights: dict[str, np.ndarray]) -> onnx.NodeProto:
    """The layer as one ONNX operator; its weights are added to ``weights``."""

    def weight(name: str, value: np.ndarray) -> str:
        weights[f"{layer.name}_{name}"] = np.ascontiguousarray(value, np.float32)
        return f"{layer.name}_{name}"

    def node(operator: str, *more: str, **attributes: object) -> onnx.NodeProto:
        return helper.make_node(operator, [*given, *more], [f"{layer.name}_out"], **attributes)

    def convolution(kernel: np.ndarray, group: int) -> onnx.NodeProto:
        # SAME_UPPER: where the padding is odd, its larger part is at the end, as in TensorFlow.
        same, strides = "SAME_UPPER", list(layer.strides)
        return node("Conv", weight("kernel", kernel), group=group, strides=strides, auto_pad=same)

    match layer:
        case layers.DepthwiseConv2D(use_bias=False, padding="same"):
            kernel = layer.kernel.numpy().transpose(2, 3, 0, 1)  # (channels, 1, rows, columns)
            return convolution(kernel, group=len(kernel))
        case layers.Conv2D(use_bias=False, padding="same"):
            kernel = layer.kernel.numpy().transpose(3, 2, 0, 1)  # (out, in, rows, columns)
            return convolution(kernel, group=1)
        case layers.BatchNormalization():
            parts = "gamma", "beta", "moving_mean", "moving_variance"
            vectors = [weight(part, getattr(layer, part).numpy()) for part in parts]
            return node("BatchNormalization", *vectors, epsilon=layer.epsilon)
        case layers.ReLU(max_value=float() | int() as largest):
            return node("Clip", weight("least", 0), weight("largest", largest))
        case layers.Rescaling():
            # scale · x + offset is a normalization with mean 0 and variance 1.
            ones = np.ones(layer.output.shape[-1])
            parts = {"gamma": layer.scale * ones, "beta": layer.offset * ones}
            parts |= {"mean": 0 * ones, "variance": ones}
            vectors = [weight(part, vector) for part, vector in parts.items()]
            return node("BatchNormalization", *vectors, epsilon=0.0)
        case layers.Add():
            return node("Add")
        case layers.Identity():
            return node("Identity")
    raise ValueError(
        f"Only the layers of EfficientNet-Lite are written here, not {layer.name!r}, a "
        f"{type(layer).__name__}: add its operator to tools/onnx_as_stored.py."
    )
