"""Convolutional networks that listen: to the spectrogram, an image, or to the samples.

`build_spectrogram_cnn` treats time and frequency alike until the end, where it averages over
time only: a word may come earlier, but not higher. `build_waveform_cnn` is the M5 of Dai et al.
2017, "Very Deep Convolutional Neural Networks for Raw Waveforms", arXiv:1610.00087, made
narrower: a long first kernel learns its own filters, pooling by 4 shortens what they hear.
"""

import keras
from keras import layers, ops

from course_utils.models.inputs import check_image_classifier


@keras.saving.register_keras_serializable("course_utils")
class SpectrogramMasking(layers.Layer):
    """In training, one stripe of time and one of frequency become black.

    The two masks of SpecAugment (Park et al. 2019, arXiv:1904.08779); its time warping, which
    brought them least, is left out.

    Args:
        time: largest share of the frames that is masked, 0 to 1.
        frequency: largest share of the frequencies.
        seed: of the draws.
    """

    def __init__(self, time: float, frequency: float, seed: int | None = None, **kwargs) -> None:
        super().__init__(**kwargs)
        if not (0 <= time <= 1 and 0 <= frequency <= 1):
            raise ValueError(f"time and frequency must lie in 0..1, not {time} and {frequency}.")
        self.time, self.frequency, self.seed = time, frequency, seed
        self.generator = keras.random.SeedGenerator(seed)

    def call(self, images, training=False):
        """``(batch, frames, frequencies, 1)`` to the same shape."""
        if not training:
            return images
        _, frames, frequencies, _ = ops.shape(images)
        kept_time = self._kept(images, frames, self.time)[:, :, None, None]
        kept_frequency = self._kept(images, frequencies, self.frequency)[:, None, :, None]
        return images * kept_time * kept_frequency

    def _kept(self, images, size, largest):
        """``(batch, size)``: 0 within a stripe of random width and place, 1 elsewhere."""
        shape = (ops.shape(images)[0], 1)
        width = keras.random.uniform(shape, 0, largest * size, seed=self.generator)
        start = keras.random.uniform(shape, seed=self.generator) * (size - width)
        at = ops.arange(size, dtype="float32")[None]
        masked = ops.logical_and(at >= start, at < start + width)
        return ops.cast(ops.logical_not(masked), images.dtype)

    def get_config(self):
        return super().get_config() | {
            "time": self.time,
            "frequency": self.frequency,
            "seed": self.seed,
        }


def build_spectrogram_cnn(
    input_shape: tuple[int, int, int] = (77, 32, 1),
    num_classes: int = 10,
    *,
    widths: tuple[int, ...] = (16, 32, 64),
    average: str = "time",
    masking: float = 0.0,
    dropout: float = 0.3,
) -> keras.Model:
    """Spectrograms ``(batch, frames, frequencies, 1)`` in [0, 1] to logits ``(batch, classes)``.

    Args:
        input_shape: frames, frequencies and 1.
        num_classes: number of logits.
        widths: output channels of each stage, a convolution and a pooling.
        average: before the logits over ``"time"``, or over ``"both"`` axes, as of photographs.
        masking: largest share of each axis that `SpectrogramMasking` masks in training.
        dropout: fraction of the features dropped in training.

    Raises:
        ValueError: sizes that are no spectrogram's, or another ``average``.
    """
    check_image_classifier(input_shape, num_classes, smallest=2 ** len(widths))
    if average not in ("time", "both"):
        raise ValueError(f"average must be 'time' or 'both', not {average!r}.")
    inputs = keras.Input(input_shape)
    x = SpectrogramMasking(masking, masking)(inputs) if masking else inputs
    for width in widths:
        x = layers.Conv2D(width, 3, padding="same", use_bias=False)(x)
        x = layers.BatchNormalization(momentum=0.9)(x)
        x = layers.ReLU()(x)
        x = layers.MaxPooling2D()(x)  # half the frames and frequencies
    if average == "time":
        x = layers.AveragePooling2D((x.shape[1], 1))(x)  # (batch, 1, frequencies, channels)
        x = layers.Flatten()(x)
    else:
        x = layers.GlobalAveragePooling2D()(x)
    x = layers.Dropout(dropout)(x)
    logits = layers.Dense(num_classes, dtype="float32")(x)
    return keras.Model(inputs, logits, name="spectrogram_cnn")


def build_waveform_cnn(
    samples: int = 6400,
    num_classes: int = 10,
    *,
    widths: tuple[int, ...] = (32, 32, 48, 64),
    kernel: int = 80,
    stride: int = 4,
    dropout: float = 0.3,
) -> keras.Model:
    """Samples ``(batch, samples, 1)`` to logits ``(batch, classes)``.

    Args:
        samples: length of the sounds.
        num_classes: number of logits.
        widths: channels of each stage, a convolution and a pooling by 4.
        kernel: samples that the first convolution sees; the others see 3.
        stride: of the first convolution.
        dropout: fraction of the features dropped in training.

    Raises:
        ValueError: too few samples for the stages.
    """
    smallest = stride * 4 ** len(widths)
    if samples < smallest:
        raise ValueError(f"{len(widths)} stages need at least {smallest} samples, not {samples}.")
    inputs = keras.Input((samples, 1))
    x = inputs
    for i, width in enumerate(widths):
        size, strides = (kernel, stride) if i == 0 else (3, 1)
        x = layers.Conv1D(width, size, strides, padding="same", use_bias=False)(x)
        x = layers.BatchNormalization(momentum=0.9)(x)
        x = layers.ReLU()(x)
        x = layers.MaxPooling1D(4)(x)  # a quarter of the length
    x = layers.GlobalAveragePooling1D()(x)
    x = layers.Dropout(dropout)(x)
    logits = layers.Dense(num_classes, dtype="float32")(x)
    return keras.Model(inputs, logits, name="waveform_cnn")
