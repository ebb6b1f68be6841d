"""EfficientNet-Lite0: MobileNetV2's blocks, in numbers that a search chose.

Tan and Le 2019, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks",
arXiv:1905.11946: grow depth, width and image size together, by one coefficient, from a base
network found by search. The Lite variant (Liu 2020, TensorFlow's TPU repository) is for
telephones: no squeeze-and-excitation, ReLU6 instead of swish.
"""

import keras
from keras import layers

from course_utils.models.inputs import check_image_classifier

# One row a stage: channels, blocks, stride of the first block, kernel, expansion.
EFFICIENTNET_LITE0 = (
    (16, 1, 1, 3, 1),
    (24, 2, 2, 3, 6),
    (40, 2, 2, 5, 6),
    (80, 3, 2, 3, 6),
    (112, 3, 1, 5, 6),
    (192, 4, 2, 5, 6),
    (320, 1, 1, 3, 6),
)


def build_efficientnet_lite0(
    input_shape: tuple[int, int, int] = (224, 224, 3),
    num_classes: int = 1000,
    *,
    include_top: bool = True,
    dropout: float = 0.2,
) -> keras.Model:
    """Images ``(batch, height, width, 3)`` in [0, 1] to logits ``(batch, classes)``.

    Layers are named after their places: ``stem``, ``stage1`` to ``stage7``, ``head`` and
    ``features`` are the outputs of the parts, to be read with ``model.get_layer(name).output``.

    Args:
        input_shape: height, width and 3 channels; ImageNet's weights were trained at 224 × 224.
        num_classes: number of logits.
        include_top: without it, the network ends with its 1,280 pooled features.
        dropout: share of the features dropped before the last layer in training.

    Raises:
        ValueError: sizes that do not make a classifier of colour images.
    """
    check_image_classifier(input_shape, num_classes, smallest=32)
    if input_shape[2] != 3:
        raise ValueError(
            f"EfficientNet-Lite0 sees colour, 3 channels, not {input_shape[2]}: "
            "repeat a grey image three times."
        )

    def normalized(x, name):
        return layers.BatchNormalization(momentum=0.9, epsilon=1e-3, name=f"{name}_bn")(x)

    def convolution(x, width, kernel, strides, name):
        x = layers.Conv2D(
            width, kernel, strides, padding="same", use_bias=False, name=f"{name}_conv"
        )(x)
        return normalized(x, name)

    def block(x, width, strides, kernel, expansion, name):
        inside = x
        if expansion > 1:
            inside = convolution(x, expansion * x.shape[-1], 1, 1, f"{name}_expand")
            inside = layers.ReLU(max_value=6, name=f"{name}_expand")(inside)
        inside = layers.DepthwiseConv2D(
            kernel, strides, padding="same", use_bias=False, name=f"{name}_look_conv"
        )(inside)
        inside = layers.ReLU(max_value=6, name=f"{name}_look")(normalized(inside, f"{name}_look"))
        out = convolution(inside, width, 1, 1, f"{name}_project")  # linear: no rectifier
        same = strides == 1 and x.shape[-1] == width
        return layers.Add(name=f"{name}_add")([out, x]) if same else out

    inputs = keras.Input(input_shape)
    x = layers.Rescaling(255 / 128, -127 / 128, name="rescale")(inputs)  # (pixel − 127) / 128
    x = layers.ReLU(max_value=6, name="stem")(convolution(x, 32, 3, 2, "stem"))
    for stage, (width, count, stride, kernel, expansion) in enumerate(EFFICIENTNET_LITE0, 1):
        for i in range(count):
            strides = stride if i == 0 else 1
            x = block(x, width, strides, kernel, expansion, f"stage{stage}_block{i + 1}")
        x = layers.Identity(name=f"stage{stage}")(x)
    x = layers.ReLU(max_value=6, name="head")(convolution(x, 1280, 1, 1, "head"))
    x = layers.GlobalAveragePooling2D(name="features", dtype="float32")(x)  # (batch, 1280)
    if include_top:
        x = layers.Dropout(dropout, name="dropout")(x)
        x = layers.Dense(num_classes, dtype="float32", name="logits")(x)
    return keras.Model(inputs, x, name="efficientnet_lite0")
