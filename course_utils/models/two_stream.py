"""Two streams: one network sees a frame, the other only how pixels move.

Simonyan and Zisserman 2014, "Two-Stream Convolutional Networks for Action Recognition in
Videos", arXiv:1406.2199: the optical flow of successive frames is stacked into the channels of
one picture, a 2-D network reads it, and the class probabilities of the two streams are averaged
(section 2). There the streams are trained one by one, here together.
"""

import keras
from keras import layers, ops

from course_utils.models.frames import build_frame_network, check_video_classifier


@keras.saving.register_keras_serializable(package="course_utils")
class GreyFrame(layers.Layer):
    """The middle frame without its flow: ``(batch, height, width, 1)``."""

    def call(self, clips):
        return clips[:, clips.shape[1] // 2, ..., :1]


@keras.saving.register_keras_serializable(package="course_utils")
class StackedFlow(layers.Layer):
    """All flow of a clip as one picture.

    ``(batch, frames, height, width, 3)``, grey and flow, to
    ``(batch, height, width, 2 (frames - 1))``: the last frame has no flow.
    """

    def call(self, clips):
        _, frames, height, width, _ = clips.shape
        flow = ops.transpose(clips[:, :-1, ..., 1:], (0, 2, 3, 1, 4))
        return ops.reshape(flow, (-1, height, width, 2 * (frames - 1)))


@keras.saving.register_keras_serializable(package="course_utils")
class AverageProbabilities(layers.Layer):
    """Two sets of logits to the logarithm of their mean probabilities, which are logits too."""

    def call(self, logits):
        first, second = (ops.log_softmax(one, axis=-1) for one in logits)
        return ops.logaddexp(first, second) - ops.log(2.0)


def build_two_stream(
    input_shape: tuple[int, int, int, int] = (16, 32, 32, 3),
    num_classes: int = 10,
    *,
    widths: tuple[int, ...] = (16, 32, 48),
    dense_width: int = 64,
    dropout: float = 0.3,
) -> keras.Model:
    """Clips with flow ``(batch, frames, height, width, 3)`` to logits ``(batch, classes)``.

    Args:
        input_shape: frames, height, width and 3: the grey value, the motion to the right and
            the motion down, in pixels a frame (`with_flow` of the data sets makes them).
        num_classes: number of logits.
        widths: channels of the convolutions of each stream.
        dense_width: neurons of the dense layer of the temporal stream.
        dropout: fraction dropped before it in training.

    Raises:
        ValueError: sizes that do not make a classifier of clips with flow.
    """
    check_video_classifier(input_shape, num_classes, smallest=2 ** len(widths))
    if input_shape[-1] != 3 or input_shape[0] < 2:
        raise ValueError(
            "Two streams need at least 2 frames of 3 channels (grey, flow right, flow down), "
            f"not input_shape {input_shape}: the function with_flow makes them."
        )
    clips = keras.Input(input_shape)
    frame = GreyFrame()(clips)  # (batch, height, width, 1)
    x = build_frame_network(frame.shape[1:], widths, name="spatial_network")(frame)
    spatial = layers.Dense(num_classes, dtype="float32", name="spatial")(x)

    flow = StackedFlow()(clips)  # (batch, height, width, 2 (frames - 1))
    network = build_frame_network(flow.shape[1:], widths, pool=False, name="temporal_network")
    x = network(flow)
    x = layers.Dropout(dropout)(x)
    x = layers.Dense(dense_width, activation="relu")(x)
    temporal = layers.Dense(num_classes, dtype="float32", name="temporal")(x)
    logits = AverageProbabilities(dtype="float32", name="logits")([spatial, temporal])
    return keras.Model(clips, logits, name="two_stream")
