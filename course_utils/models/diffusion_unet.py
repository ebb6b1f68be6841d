"""A U-Net that looks at a noisy image, is told how noisy it is, and says what the noise was.

Ho, Jain and Abbeel 2020, "Denoising diffusion probabilistic models", arXiv:2006.11239, Appendix B:
residual blocks with group normalization, self-attention at the smallest size, a sinusoidal
embedding of the time step in every block. The embedding scales and shifts the normalized maps
(Nichol and Dhariwal 2021, arXiv:2102.09672), and the class is added to it; one more class, the
*null class*, stands for "none given" (Ho and Salimans 2022, arXiv:2207.12598).

What the network adds to its input is not the noise itself. The last layer computes the noise as a
mixture of the noisy image and of what the network found, so that the image follows from it without
a division by the little that is left of it (the v of Salimans and Ho 2022, arXiv:2202.00512).

Small enough for a CPU: a first convolution of stride 2 halves the image before anything dear
happens, so 28 × 28 pixels are worked on at 14 × 14 and 7 × 7.
"""

import keras
from keras import layers, ops

from course_utils.diffusion import cosine_schedule
from course_utils.models.attention import sinusoids


@keras.saving.register_keras_serializable(package="course_utils")
class TimeEmbedding(layers.Layer):
    """Time steps ``(batch,)``, integers in 0 .. steps − 1, to fixed waves ``(batch, width)``.

    Row t is what `sinusoids` says of position t: Ho et al. take the Transformer's positions.
    """

    def __init__(self, steps: int, width: int, **kwargs):
        super().__init__(**kwargs)
        self.steps, self.width = steps, width
        self.table = sinusoids(steps, width)

    def call(self, t):
        return ops.take(ops.cast(self.table, self.compute_dtype), t, axis=0)

    def get_config(self):
        return super().get_config() | {"steps": self.steps, "width": self.width}


@keras.saving.register_keras_serializable(package="course_utils")
class NoiseFromVelocity(layers.Layer):
    """``[x_t, t, v]`` to the noise √(1 − ᾱ) · x_t + √ᾱ · v, ᾱ from the cosine schedule.

    Salimans and Ho, Appendix D: v = √ᾱ · noise − √(1 − ᾱ) · image. At the end, where nothing is
    left of the image, the noise is what is seen; an error of v is never enlarged.
    """

    def __init__(self, steps: int, **kwargs):
        super().__init__(**kwargs)
        self.steps = steps
        self.left = cosine_schedule(steps).astype("float32")

    def call(self, inputs):
        x, t, v = inputs
        left = ops.reshape(ops.take(self.left, t, axis=0), (-1, 1, 1, 1))
        return ops.sqrt(1 - left) * x + ops.sqrt(left) * v

    def get_config(self):
        return super().get_config() | {"steps": self.steps}


def build_diffusion_unet(
    image_shape: tuple[int, int, int] = (28, 28, 1),
    num_classes: int = 10,
    *,
    widths: tuple[int, int] = (32, 64),
    steps: int = 1000,
    groups: int = 8,
    heads: int = 4,
) -> keras.Model:
    """``[x_t, t, label]`` to the predicted noise, of the shape of ``x_t``, in float32.

    The noise is that of `diffusion.cosine_schedule`.

    Inputs: noisy images ``(batch, height, width, channels)``, time steps ``(batch,)`` in
    0 .. steps − 1, labels ``(batch,)`` in 0 .. num_classes; the label ``num_classes`` is the null
    class.

    Args:
        image_shape: height and width are multiples of 4.
        num_classes: classes that can be asked for, the null class not counted.
        widths: channels at half and at a quarter of the image's size; multiples of ``groups``.
        steps: number of time steps.
        groups: groups of every group normalization.
        heads: attention heads at the smallest size.

    Raises:
        ValueError: a size that cannot be.
    """
    _check(image_shape, widths, groups, heads, num_classes, steps)
    narrow, wide = widths
    image = keras.Input(image_shape, name="image")
    time = keras.Input((), dtype="int32", name="time")
    label = keras.Input((), dtype="int32", name="label")
    told = layers.Dense(2 * wide, activation="silu")(TimeEmbedding(steps, wide)(time))
    # As loud as the time; Keras's ±0.05 would be overheard.
    loud = keras.initializers.RandomNormal(stddev=1.0)
    named = layers.Embedding(
        num_classes + 1, 2 * wide, embeddings_initializer=loud, name="classes"
    )(label)
    told = layers.Activation("silu")(layers.Add()([layers.Dense(2 * wide)(told), named]))

    x = layers.Conv2D(narrow, 4, strides=2, padding="same")(image)  # (batch, 14, 14, narrow)
    first = x
    x = high = _block(x, told, narrow, groups)
    x = layers.Conv2D(wide, 3, strides=2, padding="same")(x)  # (batch, 7, 7, wide)
    x = low = _block(x, told, wide, groups)
    x = _attention(x, groups, heads)
    x = _block(x, told, wide, groups)
    x = _block(layers.Concatenate()([x, low]), told, wide, groups)
    x = layers.UpSampling2D()(x)  # (batch, 14, 14, wide)
    x = _block(
        layers.Concatenate()([layers.Conv2D(narrow, 3, padding="same")(x), high]),
        told,
        narrow,
        groups,
    )
    x = _block(layers.Concatenate()([x, first]), told, narrow, groups)
    x = layers.Activation("silu")(layers.GroupNormalization(groups)(x))
    x = layers.Conv2DTranspose(narrow // 2, 4, strides=2, padding="same", activation="silu")(x)
    x = layers.Concatenate()([x, image])  # (batch, 28, 28, narrow / 2 + 1)
    v = layers.Conv2D(
        image_shape[-1], 3, padding="same", kernel_initializer="zeros", dtype="float32", name="v"
    )(x)
    noise = NoiseFromVelocity(steps, dtype="float32", name="noise")([image, time, v])
    return keras.Model([image, time, label], noise, name="diffusion_unet")


def _block(x, told, width: int, groups: int):
    """Two convolutions beside a shortcut; what was told scales and shifts between them."""
    shortcut = x if x.shape[-1] == width else layers.Conv2D(width, 1)(x)
    x = layers.Activation("silu")(layers.GroupNormalization(groups)(x))
    x = layers.Conv2D(width, 3, padding="same")(x)
    x = layers.GroupNormalization(groups, center=False, scale=False)(x)
    scale = layers.Dense(width, bias_initializer="ones")(told)
    shift = layers.Dense(width)(told)
    x = layers.Multiply()([x, layers.Reshape((1, 1, width))(scale)])
    x = layers.Add()([x, layers.Reshape((1, 1, width))(shift)])
    x = layers.Activation("silu")(x)
    # A block begins as its shortcut alone (Ho et al., their code).
    x = layers.Conv2D(width, 3, padding="same", kernel_initializer="zeros")(x)
    return layers.Add()([shortcut, x])


def _attention(x, groups: int, heads: int):
    """Every place looks at every other: ``(batch, h, w, c)`` as h·w tokens."""
    height, breadth, width = x.shape[1:]
    tokens = layers.Reshape((height * breadth, width))(layers.GroupNormalization(groups)(x))
    seen = layers.MultiHeadAttention(heads, width // heads)(tokens, tokens)
    return layers.Add()([x, layers.Reshape((height, breadth, width))(seen)])


def _check(image_shape, widths, groups, heads, num_classes, steps) -> None:
    if len(image_shape) != 3 or image_shape[0] % 4 or image_shape[1] % 4 or min(image_shape) < 1:
        raise ValueError(
            "image_shape should be (height, width, channels) with height and width multiples "
            f"of 4, not {tuple(image_shape)}."
        )
    if len(widths) != 2 or min(widths) < 1 or any(w % groups for w in widths) or widths[1] % heads:
        raise ValueError(
            f"widths should be two multiples of groups={groups}, the second of heads={heads} too, "
            f"not {tuple(widths)}."
        )
    if num_classes < 1 or steps < 2:
        raise ValueError(
            f"num_classes must be at least 1 and steps at least 2, not {num_classes} and {steps}."
        )
