"""ResNet: every block adds a correction to its input instead of replacing it.

He et al. 2016, "Deep Residual Learning for Image Recognition", arXiv:1512.03385. With the
shortcut, a block that has nothing to say only has to say zero, and the gradient reaches the
first layer unharmed; without it (``residual=False``), the same layers stacked deep cannot be
trained. Small images get the paper's plain blocks of two 3×3 convolutions (section 4.2),
ImageNet the bottlenecks of three (section 4.1).
"""

import keras
from keras import layers

from course_utils.models.inputs import check_image_classifier

# For 224×224×3 pixels and 1,000 classes: 25,636,712 parameters. As in Keras Applications, a
# bottleneck's stride is on its first convolution, which is also where the paper has it.
RESNET50 = {
    "blocks": (3, 4, 6, 3),
    "widths": (64, 128, 256, 512),
    "bottleneck": True,
    "imagenet_stem": True,
    "epsilon": 1.001e-5,
    "momentum": 0.99,
    "use_bias": True,
}


def build_resnet(
    input_shape: tuple[int, int, int] = (28, 28, 1),
    num_classes: int = 10,
    *,
    blocks: tuple[int, ...] = (2, 2, 2),
    widths: tuple[int, ...] = (8, 20, 40),
    residual: bool = True,
    batch_norm: bool = True,
    bottleneck: bool = False,
    imagenet_stem: bool = False,
    epsilon: float = 1e-3,
    momentum: float = 0.9,
    use_bias: bool = False,
) -> keras.Model:
    """Images ``(batch, height, width, channels)`` to logits ``(batch, classes)``.

    Args:
        input_shape: height, width and channels.
        num_classes: number of logits.
        blocks: blocks of each stage; every stage but the first halves both sides.
        widths: channels of each stage (a bottleneck's output has four times as many).
        residual: with shortcuts; False gives the paper's plain network.
        batch_norm: normalize after every convolution.
        bottleneck: blocks of 1×1, 3×3 and 1×1 convolutions instead of two 3×3.
        imagenet_stem: begin with a 7×7 convolution and a pooling, reducing both sides
            fourfold; else with one 3×3 convolution.
        epsilon: batch normalization's.
        momentum: batch normalization's.
        use_bias: give every convolution a bias, which batch normalization makes idle.

    Raises:
        ValueError: sizes that do not make a classifier of images, or not one width a stage.
    """
    if len(blocks) != len(widths):
        raise ValueError(f"blocks and widths need one number a stage, not {blocks} and {widths}.")
    reduction = (4 if imagenet_stem else 1) * 2 ** (len(blocks) - 1)
    check_image_classifier(input_shape, num_classes, smallest=reduction)

    def normalized(x, width, kernel, strides=1, padding="same"):
        bias = use_bias or not batch_norm
        x = layers.Conv2D(width, kernel, strides, padding=padding, use_bias=bias)(x)
        if batch_norm:
            x = layers.BatchNormalization(epsilon=epsilon, momentum=momentum)(x)
        return x

    def block(x, width, strides):
        out = 4 * width if bottleneck else width
        shortcut = x
        if residual and (x.shape[-1] != out or strides > 1):
            shortcut = normalized(x, out, 1, strides)  # a projection where the shapes differ
        if bottleneck:
            x = layers.ReLU()(normalized(x, width, 1, strides))
            x = layers.ReLU()(normalized(x, width, 3))
            x = normalized(x, out, 1)
        else:
            x = layers.ReLU()(normalized(x, width, 3, strides))
            x = normalized(x, out, 3)
        if residual:
            x = layers.Add()([shortcut, x])
        return layers.ReLU()(x)

    inputs = keras.Input(input_shape)
    if imagenet_stem:
        x = layers.ZeroPadding2D(3)(inputs)
        x = layers.ReLU()(normalized(x, widths[0], 7, strides=2, padding="valid"))
        x = layers.ZeroPadding2D(1)(x)
        x = layers.MaxPooling2D(3, strides=2)(x)
    else:
        x = layers.ReLU()(normalized(inputs, widths[0], 3))
    for stage, (count, width) in enumerate(zip(blocks, widths, strict=True)):
        for i in range(count):
            x = block(x, width, strides=2 if stage > 0 and i == 0 else 1)
    x = layers.GlobalAveragePooling2D()(x)
    logits = layers.Dense(num_classes, dtype="float32")(x)
    return keras.Model(inputs, logits, name="resnet" if residual else "plain")
