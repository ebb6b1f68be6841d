"""What frames say one by one: the baselines that a video network has to beat.

A two-dimensional network looks at the middle frame, or at every frame, after which the scores
are averaged; Karpathy et al. 2014, "Large-scale Video Classification with Convolutional Neural
Networks", doi:10.1109/CVPR.2014.223, call the first the single-frame network, and found it
hard to beat: on a million sports videos its best answer was right for 59.3 % of them, that of
their best network for 60.9 % (Table 1). The third baseline looks at differences: |next frame
- this frame|, whose average over time is the same when the clip runs backwards.
"""

import keras
from keras import layers, ops

FRAMES = ("middle", "average")


@keras.saving.register_keras_serializable(package="course_utils")
class MiddleFrame(layers.Layer):
    """``(batch, frames, height, width, channels)`` to its frame number ``frames // 2``."""

    def call(self, clips):
        return clips[:, clips.shape[1] // 2]


@keras.saving.register_keras_serializable(package="course_utils")
class FrameDifferences(layers.Layer):
    """``|next frame − this frame|``: ``(batch, frames, ...)`` to ``(batch, frames - 1, ...)``."""

    def call(self, clips):
        return ops.abs(clips[:, 1:] - clips[:, :-1])


def build_frame_network(
    input_shape: tuple[int, int, int],
    widths: tuple[int, ...] = (16, 32, 48),
    *,
    pool: bool = True,
    name: str = "frame_network",
) -> keras.Model:
    """One frame ``(batch, height, width, channels)`` to features ``(batch, features)``.

    Args:
        input_shape: height, width and channels of a frame.
        widths: channels of the convolutions; each halves both sides.
        pool: average the last maps over the picture; False keeps what stands where.
        name: of the network.
    """
    frame = keras.Input(input_shape)
    x = frame
    for i, width in enumerate(widths):
        x = layers.Conv2D(width, 3 if i else 5, 2, padding="same", use_bias=False)(x)
        x = layers.BatchNormalization(momentum=0.9)(x)
        x = layers.ReLU()(x)  # (batch, height / 2, width / 2, channels), then / 4, / 8
    x = layers.GlobalAveragePooling2D()(x) if pool else layers.Flatten()(x)
    return keras.Model(frame, x, name=name)


def build_frame_classifier(
    input_shape: tuple[int, int, int, int] = (16, 32, 32, 1),
    num_classes: int = 10,
    *,
    frames: str = "middle",
    widths: tuple[int, ...] = (16, 32, 48),
) -> keras.Model:
    """Clips ``(batch, frames, height, width, channels)`` to logits ``(batch, classes)``.

    Args:
        input_shape: frames, height, width and channels.
        num_classes: number of logits.
        frames: ``"middle"`` classifies the middle frame, ``"average"`` every frame, and
            averages the logits.
        widths: channels of the convolutions.

    Raises:
        ValueError: sizes that do not make a classifier of clips, or another word for frames.
    """
    check_video_classifier(input_shape, num_classes, smallest=2 ** len(widths))
    if frames not in FRAMES:
        raise ValueError(f"frames must be middle or average, not {frames!r}.")
    clips = keras.Input(input_shape)
    network = build_frame_network(input_shape[1:], widths)
    decide = layers.Dense(num_classes, dtype="float32")
    if frames == "middle":
        logits = decide(network(MiddleFrame()(clips)))
    else:
        x = layers.TimeDistributed(network)(clips)  # (batch, frames, features)
        logits = layers.GlobalAveragePooling1D(dtype="float32")(decide(x))
    return keras.Model(clips, logits, name=f"{frames}_frame")


def build_difference_classifier(
    input_shape: tuple[int, int, int, int] = (16, 32, 32, 1),
    num_classes: int = 10,
    *,
    widths: tuple[int, ...] = (16, 32, 48),
) -> keras.Model:
    """Clips to logits, from the averaged features of ``|next frame − this frame|``.

    Args:
        input_shape: frames, height, width and channels.
        num_classes: number of logits.
        widths: channels of the convolutions.

    Raises:
        ValueError: sizes that do not make a classifier of clips, or a clip of one frame.
    """
    check_video_classifier(input_shape, num_classes, smallest=2 ** len(widths))
    if input_shape[0] < 2:
        raise ValueError("Differences need at least 2 frames, not 1.")
    clips = keras.Input(input_shape)
    x = FrameDifferences()(clips)  # (batch, frames - 1, height, width, channels)
    network = build_frame_network(input_shape[1:], widths, pool=False)
    x = layers.TimeDistributed(network)(x)  # (batch, frames - 1, features)
    x = layers.GlobalAveragePooling1D()(x)  # (batch, features)
    x = layers.Dropout(0.3)(x)
    x = layers.Dense(64, activation="relu")(x)
    logits = layers.Dense(num_classes, dtype="float32")(x)
    return keras.Model(clips, logits, name="frame_difference")


def check_video_classifier(
    input_shape: tuple[int, ...], num_classes: int, *, smallest: int = 1
) -> None:
    """Refuse sizes that a network of clips cannot mean.

    Args:
        input_shape: (frames, height, width, channels).
        num_classes: number of logits.
        smallest: pixels of the shortest side that leave something to look at.

    Raises:
        ValueError: not four positive numbers, a side below ``smallest``, or fewer than two
            classes.
    """
    if len(input_shape) != 4 or None in input_shape or min(input_shape) < 1:
        raise ValueError(
            f"input_shape must be (frames, height, width, channels), not {tuple(input_shape)}."
        )
    if min(input_shape[1:3]) < smallest:
        raise ValueError(
            f"This network halves its frames until little is left: they need at least "
            f"{smallest}×{smallest} pixels, not {input_shape[1]}×{input_shape[2]}."
        )
    if num_classes < 2:
        raise ValueError(f"num_classes must be at least 2, not {num_classes}.")
