"""`fit`: Keras's compile and fit with the course's defaults, after the data were checked."""

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import keras

    from course_utils.datasets import Dataset


@dataclass(frozen=True)
class History:
    """What a training run measured.

    Attributes:
        metrics: one list a metric, one number an epoch (``loss``, ``val_accuracy``, ...).
        seconds: wall time of the whole run, first-step compilation included.
        examples_per_second: training examples over the wall time after the first epoch
            (after the first step would need a clock in the graph); of the whole run when
            there was one epoch.
    """

    metrics: dict[str, list[float]]
    seconds: float
    examples_per_second: float

    @property
    def epochs(self) -> int:
        return len(next(iter(self.metrics.values()), []))


def fit(
    model: "keras.Model",
    data: "Dataset",
    *,
    epochs: int,
    batch_size: int = 128,
    learning_rate: float = 1e-3,
    loss: Any = None,
    callbacks: Sequence[Any] = (),
) -> History:
    """Train a classifier on ``data.train`` and watch ``data.validation``.

    Adam with a cosine decay to zero, after a linear warm-up over the first tenth of the
    steps (Loshchilov and Hutter 2017, arXiv:1608.03983). ``data.test`` is not read.

    Args:
        model: maps a batch of ``data``'s inputs to logits ``(batch, classes)``.
        data: inputs and integer labels.
        epochs: passes over the training split.
        batch_size: global batch size, split over the replicas of the strategy in force.
        learning_rate: the peak of the schedule.
        loss: a Keras loss; by default sparse categorical cross-entropy from logits.
        callbacks: Keras callbacks.

    Raises:
        ValueError: inputs or labels do not fit the model; said before training starts.
    """
    import keras

    check_inputs(model, *data.train, "training")
    check_inputs(model, *data.validation, "validation")
    if epochs < 1 or batch_size < 1:
        raise ValueError(
            f"epochs and batch_size must be at least 1, not {epochs} and {batch_size}."
        )
    x, y = data.train
    steps = epochs * -(-len(x) // batch_size)
    warmup_steps = max(1, steps // 10)
    schedule = keras.optimizers.schedules.CosineDecay(
        0.0, max(1, steps - warmup_steps), warmup_target=learning_rate, warmup_steps=warmup_steps
    )
    model.compile(
        optimizer=keras.optimizers.Adam(schedule),
        loss=loss or keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    _prepare_for_workers(model, x[:batch_size], y[:batch_size])
    clock = _epoch_clock(keras)
    history = model.fit(
        x,
        y,
        validation_data=data.validation,
        epochs=epochs,
        batch_size=batch_size,
        verbose="auto" if sys.stdout.isatty() else 0,
        callbacks=[clock, *callbacks],
    )
    seconds = clock.times[-1] - clock.times[0]
    counted = max(1, len(clock.epoch_seconds) - 1)
    return History(
        metrics={name: [float(v) for v in values] for name, values in history.history.items()},
        seconds=seconds,
        examples_per_second=counted * len(x) / sum(clock.epoch_seconds[-counted:]),
    )


def _prepare_for_workers(model: "keras.Model", x: np.ndarray, y: np.ndarray) -> None:
    """Let ``fit`` run on several workers, which Keras 3 alone does not manage yet.

    Before the first step it averages a batch over the workers, and after every step the
    scalar logs along a batch axis that they lack; both fail
    (https://github.com/keras-team/keras/issues/20585). So the model is built on a batch of
    this worker, and the steps return this worker's logs (metrics are summed over the workers
    where they are read). On one machine nothing is done.
    """
    import tensorflow as tf

    strategy = tf.distribute.get_strategy()
    if not isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy):
        return
    with strategy.scope():
        model._symbolic_build(data_batch=(tf.constant(x), tf.constant(y)))
    model._maybe_symbolic_build = lambda *_, **__: None

    def on_every_worker(step: Any) -> Any:
        @tf.function
        def run(iterator: Any) -> Any:
            logs = strategy.run(step, args=(next(iterator),))
            return {name: strategy.experimental_local_results(v)[0] for name, v in logs.items()}

        return run

    model.train_function = on_every_worker(model.train_step)
    model.test_function = on_every_worker(model.test_step)


def _epoch_clock(keras: Any) -> Any:
    """A callback that times the training part of each epoch, validation left out."""

    class EpochClock(keras.callbacks.Callback):
        def __init__(self) -> None:
            super().__init__()
            self.times: list[float] = []
            self.epoch_seconds: list[float] = []

        def on_train_begin(self, logs: Any = None) -> None:
            self.times.append(time.perf_counter())

        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            self._epoch_started = time.perf_counter()

        def on_test_begin(self, logs: Any = None) -> None:
            self._training_ended = time.perf_counter()

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            ended = getattr(self, "_training_ended", time.perf_counter())
            self.epoch_seconds.append(ended - self._epoch_started)

        def on_train_end(self, logs: Any = None) -> None:
            self.times.append(time.perf_counter())

    return EpochClock()


def check_inputs(model: "keras.Model", x: np.ndarray, y: np.ndarray, split: str) -> None:
    """Refuse data that the model cannot mean, in one sentence, before anything runs.

    Args:
        model: a built functional classifier.
        x: inputs ``(examples, ...)``; floats for images, integer ids for tokens.
        y: integer labels ``(examples,)``.
        split: the name used in the message.

    Raises:
        ValueError: a wrong rank, size or channel count, an empty or unequal split, labels
            that are not integers ``0 .. classes-1``, or a token id outside the embedding.
    """
    import keras

    x, y = np.asarray(x), np.asarray(y)
    expected = tuple(model.input_shape)
    if len(x) == 0 or len(x) != len(y):
        raise ValueError(
            f"The {split} split needs as many labels as inputs and at least one, "
            f"not {len(x)} inputs and {len(y)} labels."
        )
    fits = x.ndim == len(expected) and all(
        wanted in (None, found) for wanted, found in zip(expected[1:], x.shape[1:], strict=True)
    )
    if not fits:
        raise ValueError(
            f"The model expects inputs of shape {_shape(expected)}, "
            f"but the {split} inputs have shape {_shape((None, *x.shape[1:]))}."
        )
    num_classes = model.output_shape[-1]
    if y.ndim != 1 or not np.issubdtype(y.dtype, np.integer):
        raise ValueError(
            f"Labels must be integers of shape (examples,), but the {split} labels are "
            f"{y.dtype} of shape {y.shape}; turn one-hot rows into integers with argmax(-1)."
        )
    if y.min() < 0 or y.max() >= num_classes:
        raise ValueError(
            f"Labels must lie in 0..{num_classes - 1}, "
            f"but the {split} labels span {y.min()}..{y.max()}."
        )
    # Also those within blocks; the largest is that of the tokens, another may be of positions.
    sizes = [
        layer.input_dim
        for layer in model._flatten_layers(include_self=False)
        if isinstance(layer, keras.layers.Embedding)
    ]
    if not sizes or not np.issubdtype(x.dtype, np.integer):
        return
    if x.min() < 0 or x.max() >= max(sizes):
        raise ValueError(
            f"Token ids must lie in 0..{max(sizes) - 1}, "
            f"but the {split} ids span {x.min()}..{x.max()}."
        )


def _shape(shape: Sequence[int | None]) -> str:
    return "(" + ", ".join("any" if n is None else str(n) for n in shape) + ")"
