"""What a network costs: parameters and multiply–adds, counted, and the time of a step, measured."""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

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


@dataclass(frozen=True)
class StepTimes:
    """Where the time of a training step goes, on average.

    Attributes:
        waiting: seconds until the next batch is there.
        computing: seconds that the step takes with it.
    """

    waiting: float
    computing: float

    @property
    def waiting_share(self) -> float:
        return self.waiting / (self.waiting + self.computing)


def step_times(
    dataset: Iterable[tuple], step: Callable[..., Any], *, steps: int, warmup: int = 5
) -> StepTimes:
    """Split training steps into waiting for a batch and computing with it.

    Args:
        dataset: yields batches ``(inputs, labels)``, as a `tf.data.Dataset` does.
        step: called as ``step(inputs, labels)``; it must not return before it has computed.
            Keras's ``model.train_on_batch`` does not: it returns the loss as a number.
        steps: how many steps to average over.
        warmup: steps before those, which compile the graph and fill the buffers.

    Raises:
        ValueError: the data set has fewer batches than ``warmup + steps``.
    """
    batches, waiting, computing = iter(dataset), 0.0, 0.0
    for i in range(warmup + steps):
        begin = time.perf_counter()
        batch = next(batches, None)
        arrived = time.perf_counter()
        if batch is None:
            raise ValueError(
                f"{warmup + steps} batches are needed ({warmup} to warm up, {steps} to measure), "
                f"but the data set has {i}: add .repeat() or ask for fewer steps."
            )
        step(*batch)
        if i >= warmup:
            waiting += arrived - begin
            computing += time.perf_counter() - arrived
    return StepTimes(waiting / steps, computing / steps)
