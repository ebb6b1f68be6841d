"""LRCN: a convolutional network sees each frame, an LSTM remembers what it saw.

Donahue et al. 2015, "Long-term Recurrent Convolutional Networks for Visual Recognition and
Description", arXiv:1411.4389, section 4: the same network turns every frame into a vector, an
LSTM reads the vectors in order and scores the classes after each of them, and the scores of all
steps are averaged (there the probabilities, here the logits).
"""

import keras
from keras import layers

from course_utils.models.frames import build_frame_network, check_video_classifier


def build_lrcn(
    input_shape: tuple[int, int, int, int] = (16, 32, 32, 1),
    num_classes: int = 10,
    *,
    widths: tuple[int, ...] = (16, 32, 32),
    features: int = 64,
    units: int = 64,
    dropout: float = 0.3,
) -> keras.Model:
    """Clips ``(batch, frames, height, width, channels)`` to logits ``(batch, classes)``.

    Args:
        input_shape: frames, height, width and channels.
        num_classes: number of logits.
        widths: channels of the convolutions; each halves both sides of the frames.
        features: numbers that stand for a frame.
        units: size of the LSTM's state.
        dropout: fraction of the frame's maps and of the state dropped in training.

    Raises:
        ValueError: sizes that do not make a classifier of clips.
    """
    check_video_classifier(input_shape, num_classes, smallest=2 ** len(widths))
    clips = keras.Input(input_shape)
    # Not pooled: where something stands in the frame is what changes from frame to frame.
    network = build_frame_network(input_shape[1:], widths, pool=False)
    x = layers.TimeDistributed(network)(clips)  # (batch, frames, maps)
    x = layers.Dropout(dropout)(x)
    x = layers.Dense(features, activation="relu")(x)  # (batch, frames, features)
    # In float32 as in rnn.py: a state that is rounded at every step drifts.
    x = layers.LSTM(units, return_sequences=True, dtype="float32")(x)  # (batch, frames, units)
    x = layers.Dropout(dropout, dtype="float32")(x)
    x = layers.Dense(num_classes, dtype="float32")(x)  # scores after each frame
    logits = layers.GlobalAveragePooling1D(dtype="float32")(x)
    return keras.Model(clips, logits, name="lrcn")
