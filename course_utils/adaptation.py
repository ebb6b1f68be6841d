"""Few labels, one trained network: teach all of it, its last layer, or adapters of low rank."""

import time
from typing import TYPE_CHECKING

import numpy as np

from course_utils import results

if TYPE_CHECKING:
    import keras

BASE = "fashion-vit"
METHODS = ("last layer", "rank 1", "rank 2", "rank 4", "rank 8", "all weights")


def adapted(method: str, num_classes: int = 10, base: str = BASE) -> "keras.Model":
    """A checkpoint's network with a new last layer, ready to be taught in one of three ways.

    Args:
        method: ``"last layer"``: nothing else learns; ``"rank 4"`` or another rank: with it
            learn adapters of the queries and values (`models.add_lora`); ``"all weights"``.
        num_classes: logits of the new layer, which starts at zero.
        base: name of a checkpoint with a Transformer.

    Raises:
        ValueError: another method.
    """
    import keras

    from course_utils import checkpoints, models

    kind, _, rank = method.partition(" ")
    if method not in ("last layer", "all weights") and not (kind == "rank" and rank.isdecimal()):
        raise ValueError(f"method must be one of {', '.join(METHODS)}, not {method!r}.")
    network = checkpoints.load(base)
    features = network.layers[-2].output
    logits = keras.layers.Dense(
        num_classes, kernel_initializer="zeros", dtype="float32", name="answer"
    )(features)
    model = keras.Model(network.input, logits, name="adapted")
    if method == "last layer":
        for layer in model.layers[:-1]:
            layer.trainable = False
    elif kind == "rank":
        models.add_lora(model, int(rank))
    return model


def teach(
    model: "keras.Model",
    x: np.ndarray,
    y: np.ndarray,
    rate: float,
    *,
    steps: int = 300,
    batch_size: int = 32,
) -> float:
    """Adam with a cosine decay, for a fixed number of steps: with few labels, no early stopping.

    Args:
        model: as `adapted` returns it.
        x: images.
        y: integer labels.
        rate: learning rate of the first step.
        steps: how many batches are drawn.
        batch_size: examples of a batch.

    Returns:
        Seconds a step, the median.
    """
    import keras
    import tensorflow as tf

    model.compile(
        optimizer=keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(rate, steps)),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    batches = tf.data.Dataset.from_tensor_slices((x, y)).shuffle(len(x), seed=0).repeat()
    batches = batches.batch(batch_size)
    ends: list[float] = []
    clock = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: ends.append(time.perf_counter())
    )
    model.fit(batches, steps_per_epoch=steps, epochs=1, shuffle=False, verbose=0, callbacks=[clock])
    return float(np.median(np.diff(ends)))


def learnt(model: "keras.Model") -> int:
    """How many numbers a model learns."""
    return sum(int(np.prod(weight.shape)) for weight in model.trainable_variables)


def optimizer_bytes(model: "keras.Model") -> int:
    """Memory of Adam's two averages, one number each for every number that is learnt."""
    return sum(
        np.asarray(variable).nbytes
        for variable in model.optimizer.variables
        if variable.path.endswith(("_momentum", "_velocity"))
    )


def measured() -> dict[str, list[float]]:
    """Test accuracies by method, one a seed, that benchmarks/adaptation.py stored."""
    found: dict[str, list[float]] = {method: [] for method in METHODS}
    for method, _, accuracy, _ in results.stored("adaptation")["runs"]:
        found[method].append(accuracy)
    return found


def best_rate(method: str) -> float:
    """The learning rate that was best on validation images; all ranks use that of rank 4."""
    method = "rank 4" if method.startswith("rank") else method
    rows = [row for row in results.stored("adaptation")["validation"] if row[0] == method]
    return max(rows, key=lambda row: row[2])[1]
