"""Data-parallel training in a loop of one's own: one program for a device, several, or workers.

``python -m course_utils.data_parallel --output FOLDER`` runs alone, on logical devices
(``--devices 2``), as a worker of TF_CONFIG, or as a task of SLURM; the loop is the same. Worker i
writes FOLDER/i.npz: the weights, the seconds of each step, the examples that it saw.
"""

import argparse
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from course_utils import cluster, runtime

if TYPE_CHECKING:
    import keras
    import tensorflow as tf


def build_network() -> "keras.Model":
    """A small convolutional network without batch normalization: ``(28, 28, 1)`` to 10 logits."""
    import keras
    from keras import layers

    inputs = keras.Input((28, 28, 1))
    x = layers.Conv2D(16, 5, activation="relu")(inputs)
    x = layers.Conv2D(32, 3, activation="relu")(layers.MaxPooling2D()(x))
    x = layers.Flatten()(layers.MaxPooling2D()(x))
    return keras.Model(inputs, layers.Dense(10, dtype=keras.config.floatx())(x))


def share(
    arrays: tuple[np.ndarray, ...], batch_size: int, context: "tf.distribute.InputContext"
) -> "tf.data.Dataset":
    """The part of every global batch that this worker's replicas get, in the order of the arrays.

    Of n workers the i-th reads the examples i, i + n, i + 2n, ...: so k of its batches hold the
    same examples as k global batches do together with the others', and none twice.
    """
    import tensorflow as tf

    dataset = tf.data.Dataset.from_tensor_slices(arrays)
    dataset = dataset.shard(context.num_input_pipelines, context.input_pipeline_id)
    return dataset.batch(context.get_per_replica_batch_size(batch_size)).prefetch(2)


def train(
    model: "keras.Model",
    optimizer: "keras.optimizers.Optimizer",
    x: np.ndarray,
    y: np.ndarray,
    *,
    batch_size: int,
    epochs: int,
) -> Iterator[dict[str, Any]]:
    """Train under the strategy in force, step by step.

    The loss of a replica is the *sum* over its examples, over the *global* batch size: since the
    optimizer adds the replicas' gradients (an all-reduce), the result is the gradient of the mean
    over the global batch.

    Args:
        model: maps ``x`` to logits; made under the strategy, as is the optimizer.
        optimizer: a Keras optimizer.
        x: inputs ``(examples, ...)``.
        y: integer labels ``(examples,)``.
        batch_size: examples a step over all replicas together.
        epochs: passes over the data, each in a new order, the same for every worker.

    Yields:
        for every step: ``loss``, ``seconds``, ``examples`` (indices that this process saw).

    Raises:
        ValueError: batches that the replicas or the examples cannot be divided into.
    """
    import keras
    import tensorflow as tf

    strategy = tf.distribute.get_strategy()
    replicas = strategy.num_replicas_in_sync
    if batch_size % replicas or len(x) % batch_size:
        raise ValueError(
            f"A global batch must divide by the {replicas} replicas and the {len(x)} examples by "
            f"the batch, but batch_size is {batch_size}: choose another."
        )
    losses = keras.losses.SparseCategoricalCrossentropy(from_logits=True, reduction=None)
    optimizer.build(model.trainable_variables)

    def replica_step(images: Any, labels: Any) -> Any:
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(losses(labels, model(images, training=True))) / batch_size
        gradients = tape.gradient(loss, model.trainable_variables)
        optimizer.apply(gradients, model.trainable_variables)  # adds them over the replicas first
        return loss

    @tf.function
    def step(images: Any, labels: Any) -> Any:
        return strategy.reduce("SUM", strategy.run(replica_step, (images, labels)), axis=None)

    for epoch in range(epochs):
        order = np.random.default_rng(epoch).permutation(len(x))
        arrays = (x[order], y[order], order)
        batches = strategy.distribute_datasets_from_function(
            lambda context, arrays=arrays: share(arrays, batch_size, context)
        )
        for images, labels, examples in batches:
            begin = time.perf_counter()
            loss = float(step(images, labels))
            seconds = time.perf_counter() - begin
            local = strategy.experimental_local_results(examples)
            yield {"loss": loss, "seconds": seconds, "examples": np.concatenate(local)}


def main() -> None:
    """The command line; a wrong environment or argument ends it with one sentence."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, required=True, help="folder of the results")
    parser.add_argument("--devices", type=int, default=1, help="logical CPU devices")
    parser.add_argument("--batch-size", type=int, default=256, help="over all replicas")
    parser.add_argument("--examples", type=int, default=2048)
    parser.add_argument("--epochs", type=int, default=1)
    # In float64, rounding is too small to tip a ReLU: so equality can be proved to many digits.
    parser.add_argument("--dtype", choices=("float32", "float64"), default="float32")
    arguments = parser.parse_args()
    try:
        _run(arguments)
    except ValueError as error:
        raise SystemExit(str(error)) from None


def _run(arguments: argparse.Namespace) -> None:
    import course_utils as cu

    cluster.configure_from_slurm()
    found = runtime.cluster_from_environment()
    index = int(found["task"]["index"]) if found else 0
    if found:
        cluster.check_port(_own_address(found))
    names = _logical_devices(arguments.devices) if arguments.devices > 1 else None
    cu.setup(seed=0, precision="float32", devices=names)
    import keras

    keras.config.set_floatx(arguments.dtype)
    keras.config.set_dtype_policy(arguments.dtype)
    x, y = (array[: arguments.examples] for array in cu.datasets.load("mnist").train)
    x = x.astype(arguments.dtype)
    model, optimizer = build_network(), keras.optimizers.SGD(0.05, momentum=0.9)
    options = {"batch_size": arguments.batch_size, "epochs": arguments.epochs}
    steps = list(train(model, optimizer, x, y, **options))
    arguments.output.mkdir(parents=True, exist_ok=True)
    np.savez(
        arguments.output / f"{index}.npz",
        *model.get_weights(),
        loss=[step["loss"] for step in steps],
        seconds=[step["seconds"] for step in steps],
        examples=np.concatenate([step["examples"] for step in steps]),
    )


def _own_address(config: dict[str, Any]) -> str:
    """The address that TF_CONFIG gives this worker."""
    kind, index = config["task"]["type"], int(config["task"]["index"])
    addresses = config["cluster"].get(kind, [])
    if not 0 <= index < len(addresses):
        raise ValueError(
            f"TF_CONFIG says that this is {kind} {index}, but it has addresses of "
            f"{len(addresses)}: count from 0."
        )
    return addresses[index]


def _logical_devices(count: int) -> list[str]:
    """Split the CPU into ``count`` devices, before TensorFlow starts it; their names."""
    runtime.silence()
    import tensorflow as tf

    parts = [tf.config.LogicalDeviceConfiguration()] * count
    tf.config.set_logical_device_configuration(tf.config.list_physical_devices("CPU")[0], parts)
    return [f"CPU:{i}" for i in range(count)]


if __name__ == "__main__":
    main()
