"""ConvLSTM: an LSTM whose state is a picture, and whose products are convolutions.

Shi et al. 2015, "Convolutional LSTM Network: A Machine Learning Approach for Precipitation
Nowcasting", arXiv:1506.04214. The gates of equation 3 look at a neighbourhood of every place
instead of at everything, so what moves over the state moves by the same weights wherever it is.
Left out is the paper's peephole (the terms with a C inside a gate), as Keras's ConvLSTM2D does.

The forecaster first reads frames, then its own predictions, like the conditional decoder of
Srivastava et al. 2015 (arXiv:1502.04681). Other than in Shi et al., both halves share their
weights, so that every frame read is one more to predict; and the readout sees the newest frame
beside the states, so that copying need not be learned.
"""

from collections.abc import Sequence

import keras
import numpy as np
from keras import layers, ops


@keras.saving.register_keras_serializable(package="course_utils")
class ConvLSTMCell(layers.Layer):
    """One step of a ConvLSTM: a picture and two states to two states.

    The weights have the shapes and the order (input, forget, candidate, output) of
    ``keras.layers.ConvLSTM2D``. They and the states are float32 under every precision policy:
    a state that is rounded to 8 bits at every step drifts.

    Args:
        filters: channels of the states.
        kernel_size: side of both kernels.
    """

    def __init__(self, filters: int, kernel_size: int = 3, **kwargs):
        super().__init__(**{"dtype": "float32"} | kwargs)
        self.filters = filters
        self.kernel_size = kernel_size

    def build(self, x_shape, *_):
        kernel = (self.kernel_size, self.kernel_size)
        gates = 4 * self.filters
        self.kernel = self.add_weight(shape=(*kernel, x_shape[-1], gates), name="kernel")
        self.recurrent_kernel = self.add_weight(
            shape=(*kernel, self.filters, gates), initializer="orthogonal", name="recurrent_kernel"
        )
        # A forget gate that is open at first lets the gradient reach the early frames.
        start = np.repeat(np.float32([0, 1, 0, 0]), self.filters)
        self.bias = self.add_weight(
            shape=(gates,), initializer=lambda *_, **__: ops.convert_to_tensor(start), name="bias"
        )

    def call(self, x, h, c):
        """``(batch, rows, columns, ·)`` each: the input, the hidden state and the cell state."""
        z = (
            ops.conv(x, self.kernel, padding="same")
            + ops.conv(h, self.recurrent_kernel, padding="same")
            + self.bias
        )  # (batch, rows, columns, 4 · filters)
        i, f, g, o = ops.split(z, 4, axis=-1)
        c = ops.sigmoid(f) * c + ops.sigmoid(i) * ops.tanh(g)
        return ops.sigmoid(o) * ops.tanh(c), c

    def get_config(self):
        own = {"filters": self.filters, "kernel_size": self.kernel_size}
        return super().get_config() | own


@keras.saving.register_keras_serializable(package="course_utils")
class EncoderForecaster(layers.Layer):
    """Reads frames ``(batch, seen, height, width, channels)`` in [0, 1], then its own.

    Returns logits ``(batch, seen - 1 + horizon, ...)``, each of the frame after the one that was
    read: number 0 is of the second frame, the last ``horizon`` are of those after the last.

    Args:
        horizon: frames to predict after the last one.
        patch: the states have a place for every square of ``patch`` by ``patch`` pixels.
        filters: channels of each layer's states.
        kernel_size: side of the kernels, in places.
    """

    def __init__(
        self, horizon: int, patch: int, filters: Sequence[int], kernel_size: int, **kwargs
    ):
        super().__init__(**{"dtype": "float32"} | kwargs)
        self.horizon, self.patch = horizon, patch
        self.filters, self.kernel_size = tuple(filters), kernel_size
        self.cells = [ConvLSTMCell(n, kernel_size) for n in self.filters]

    def build(self, frames_shape):
        channels = self.patch**2 * frames_shape[-1]
        # Most pixels are dark: logit -2.5 is 8 % of white.
        dark = keras.initializers.Constant(-2.5)
        self.readout = layers.Dense(channels, bias_initializer=dark, dtype="float32")
        self.readout.build((None, sum(self.filters) + channels))
        for cell, width in zip(self.cells, (channels, *self.filters), strict=False):
            cell.build((None, None, None, width))

    def call(self, frames):
        _, seen, height, width, channels = frames.shape
        rows, columns, size = height // self.patch, width // self.patch, self.patch
        x = ops.reshape(frames, (-1, seen, rows, size, columns, size, channels))
        x = ops.transpose(x, (0, 1, 2, 4, 3, 5, 6))
        patches = ops.reshape(x, (-1, seen, rows, columns, size * size * channels))
        batch = ops.shape(patches)[0]
        empty = [ops.zeros((batch, rows, columns, n)) for n in self.filters]
        states = list(zip(empty, empty, strict=True))
        logits = []
        for t in range(seen - 1 + self.horizon):
            newest = patches[:, t] if t < seen else ops.sigmoid(logits[-1])
            x = newest
            for layer, cell in enumerate(self.cells):
                states[layer] = cell(x, *states[layer])
                x = states[layer][0]  # the hidden state feeds the layer above
            hidden = [h for h, _ in states]
            logits.append(self.readout(ops.concatenate([*hidden, newest], axis=-1)))
        x = ops.stack(logits, axis=1)  # (batch, time, rows, columns, size · size · channels)
        x = ops.reshape(x, (-1, len(logits), rows, columns, size, size, channels))
        x = ops.transpose(x, (0, 1, 2, 4, 3, 5, 6))
        return ops.reshape(x, (-1, len(logits), height, width, channels))

    def get_config(self):
        names = ("horizon", "patch", "filters", "kernel_size")
        return super().get_config() | {name: getattr(self, name) for name in names}


def build_convlstm_forecaster(
    input_shape: tuple[int, int, int, int] = (10, 32, 32, 1),
    horizon: int = 10,
    *,
    patch: int = 4,
    filters: Sequence[int] = (48, 48),
    kernel_size: int = 3,
) -> keras.Model:
    """Frames in [0, 1] to the logits of every next frame; see `EncoderForecaster`.

    The weights fit every ``input_shape[0]`` and ``horizon``. With one patch as large as the
    frame and ``kernel_size=1`` nothing is left of space: that is a fully connected LSTM.

    Args:
        input_shape: frames seen, height, width and channels.
        horizon: frames to predict after the last one seen.
        patch: pixels of a patch's side.
        filters: channels of each layer's states.
        kernel_size: side of the kernels, in patches; odd.

    Raises:
        ValueError: not four positive sizes, sides that no patches fill, or a size below 1.
    """
    if len(input_shape) != 4 or None in input_shape or min(input_shape) < 1:
        raise ValueError(
            f"input_shape must be (frames, height, width, channels), not {input_shape}."
        )
    if min(horizon, patch, kernel_size, len(filters), *filters) < 1:
        raise ValueError(
            "horizon, patch, kernel_size and every layer's filters must be at least 1, not "
            f"{horizon}, {patch}, {kernel_size} and {tuple(filters)}."
        )
    if input_shape[1] % patch or input_shape[2] % patch:
        raise ValueError(
            f"Patches of {patch}×{patch} pixels do not fill {input_shape[1]}×{input_shape[2]}."
        )
    frames = keras.Input(input_shape)
    logits = EncoderForecaster(horizon, patch, filters, kernel_size)(frames)
    return keras.Model(frames, logits, name="convlstm_forecaster")


def forecast(model: keras.Model, frames: np.ndarray) -> np.ndarray:
    """The frames after ``frames``, float32 ``(count, horizon, height, width, channels)`` in [0, 1].

    Args:
        model: one that `build_convlstm_forecaster` made.
        frames: ``(count, seen, height, width, channels)`` in [0, 1].

    Raises:
        ValueError: frames of another shape than the model reads.
    """
    expected = ", ".join(map(str, model.input_shape[1:]))
    if frames.shape[1:] != model.input_shape[1:]:
        raise ValueError(f"frames must be (count, {expected}), not {frames.shape}.")
    horizon = model.output_shape[1] - model.input_shape[1] + 1
    logits = model.predict(frames, batch_size=50, verbose=0)[:, -horizon:]
    return 1 / (1 + np.exp(-logits))
