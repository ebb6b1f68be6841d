"""What a network costs: parameters and multiply–adds, counted and not estimated."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True)
class Cost:
    """What one forward pass over one example takes.

    Attributes:
        parameters: numbers that the model holds.
        multiply_adds: half of the floating-point operations that TensorFlow's profiler counts
            in the inference graph: a multiply–add is two. Papers on vision give this number.
    """

    parameters: int
    multiply_adds: int


def cost(model: "keras.Model") -> Cost:
    """Count a functional model's parameters and the multiply–adds of one example.

    The profiler reads the graph of the model, traced for one example; nothing is computed.

    Raises:
        ValueError: an input of unknown size, whose cost is unknown as well.
    """
    import tensorflow as tf

    shape = tuple(model.input_shape)
    if None in shape[1:]:
        raise ValueError(f"The cost needs a fixed input size, but the model takes {shape}.")
    signature = tf.TensorSpec((1, *shape[1:]), model.inputs[0].dtype)
    forward = tf.function(lambda x: model(x, training=False)).get_concrete_function(signature)
    options = tf.compat.v1.profiler.ProfileOptionBuilder.float_operation()
    options["output"] = "none"
    counted = tf.compat.v1.profiler.profile(forward.graph, options=options)
    return Cost(model.count_params(), counted.total_float_ops // 2)
