"""Where did the model look? Maps over pixels, and ways to find out whether they are true.

All maps are float32 ``(count, height, width)``, one an image, and belong to one class: that of
``labels``. The models are functional, take images and return logits; nothing changes them. What
is differentiated is the logit: the softmax would mix in the other classes.
"""

import functools
from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from course_utils.batches import in_batches
from course_utils.models.attention import TransformerBlock
from course_utils.training import check_inputs

# How many images go through the model at a time.
BATCH = 64


def saliency(model: keras.Model, images: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """How strongly the class's logit reacts to a small change of each pixel.

    The gradient's magnitude, of the channel in which it is largest (Simonyan et al. 2014,
    arXiv:1312.6034, section 3.1).

    Args:
        model: images to logits.
        images: float32 ``(count, height, width, channels)``.
        labels: integers ``(count,)``: the classes asked for, not only the predicted ones.

    Returns:
        float32 ``(count, height, width)``, not negative.

    Raises:
        ValueError: images or labels that do not fit the model.
    """
    return np.abs(gradient(model, images, labels)).max(axis=-1)


def gradient(model: keras.Model, images: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """∂ logit of the class / ∂ pixels, with sign: float32 of the images' shape."""
    check_inputs(model, images, labels, "explained")
    return in_batches(lambda x, y: _gradient(model, x, y), images, labels, size=BATCH)


def smooth_grad(
    model: keras.Model,
    images: np.ndarray,
    labels: np.ndarray,
    *,
    noise: float = 0.1,
    samples: int = 16,
    seed: int = 0,
) -> np.ndarray:
    """`saliency` of the mean gradient over noisy copies of the image.

    Smilkov et al. 2017, arXiv:1706.03825: gradients of rectifier networks jump from pixel to
    pixel; what they have in common in a neighbourhood of the image stays.

    Args:
        model, images, labels: as for `saliency`.
        noise: standard deviation of the noise, on the scale of the pixels.
        samples: copies.
        seed: of the noise.
    """
    rng = np.random.default_rng(seed)
    total = np.zeros(images.shape, np.float32)
    for _ in range(samples):
        copy = images + noise * rng.standard_normal(images.shape, dtype=np.float32)
        total += gradient(model, copy, labels)
    return np.abs(total / samples).max(axis=-1)


def guided_backprop(model: keras.Model, images: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """`saliency` with rectifiers that also cut off negative gradients on the way down.

    Springenberg et al. 2015, arXiv:1412.6806, section 3.4. The result is no longer the gradient
    of anything, and hardly depends on the upper layers (Adebayo et al. 2018, arXiv:1810.03292).
    """
    copy = keras.models.clone_model(model, clone_function=_guided)
    copy.set_weights(model.get_weights())
    return saliency(copy, images, labels)


def integrated_gradients(
    model: keras.Model,
    images: np.ndarray,
    labels: np.ndarray,
    *,
    baseline: float | np.ndarray = 0.0,
    steps: int = 32,
) -> np.ndarray:
    """How much each value of the image adds to the logit on the way from a baseline.

    Sundararajan et al. 2017, arXiv:1703.01365, equation 1: ``(x − b)`` times the mean gradient
    along the straight line from b to x, here over the middles of ``steps`` equal pieces.

    Args:
        model, images, labels: as for `saliency`.
        baseline: b, an image that says nothing: a number, or an array that broadcasts to images.
        steps: gradients taken.

    Returns:
        float32 of the images' shape, with sign; the sum over an image is, up to the error of
        the mean, the logit of the image minus that of the baseline (see `completeness`).
    """
    baseline = np.broadcast_to(np.float32(baseline), images.shape)
    total = np.zeros(images.shape, np.float32)
    for step in range(steps):
        share = np.float32((step + 0.5) / steps)
        total += gradient(model, baseline + share * (images - baseline), labels)
    return (images - baseline) * total / steps


def completeness(
    model: keras.Model,
    attributions: np.ndarray,
    images: np.ndarray,
    labels: np.ndarray,
    *,
    baseline: float | np.ndarray = 0.0,
) -> tuple[np.ndarray, np.ndarray]:
    """The two sides of Sundararajan et al.'s proposition 1, which should be equal.

    Returns:
        The sums of the attributions, and logit(images) − logit(baseline): ``(count,)`` each.
    """
    baseline = np.broadcast_to(np.float32(baseline), images.shape)
    rise = _logits(model, images, labels) - _logits(model, baseline, labels)
    return attributions.sum(axis=tuple(range(1, attributions.ndim))), rise


def grad_cam(
    model: keras.Model, images: np.ndarray, labels: np.ndarray, layer: str | keras.layers.Layer
) -> np.ndarray:
    """Which places of a layer's feature maps speak for the class.

    Selvaraju et al. 2017, arXiv:1610.02391, equations 1 and 2: every map is weighted by its mean
    gradient, the maps are added, and what is negative is cut off. The result is enlarged to the
    size of the images (bilinear).

    Args:
        model, images, labels: as for `saliency`.
        layer: a layer (or its name) whose output is ``(batch, rows, columns, channels)``.

    Raises:
        ValueError: the layer's output has another rank, or images that do not fit the model.
    """
    check_inputs(model, images, labels, "explained")
    layer = model.get_layer(layer) if isinstance(layer, str) else layer
    if len(layer.output.shape) != 4:
        raise ValueError(
            "Grad-CAM needs a layer with maps (batch, rows, columns, channels), but the output of "
            f"{layer.name!r} is {tuple(layer.output.shape)}: take one before the pooling."
        )
    both = keras.Model(model.inputs, [layer.output, model.output])

    def cam(x: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape() as tape:
            maps, logits = both(x, training=False)
            score = tf.gather(logits, y, batch_dims=1)
        weights = tf.reduce_mean(tape.gradient(score, maps), axis=(1, 2), keepdims=True)
        weighted = tf.cast(tf.nn.relu(tf.reduce_sum(weights * maps, -1, keepdims=True)), tf.float32)
        return tf.image.resize(weighted, x.shape[1:3])[..., 0]

    return in_batches(cam, images, labels, size=BATCH)


def occlusion(
    model: keras.Model,
    images: np.ndarray,
    labels: np.ndarray,
    *,
    patch: int = 16,
    stride: int = 8,
    fill: float = 0.5,
) -> np.ndarray:
    """How much the class's logit falls when a square over a pixel is painted over.

    Zeiler and Fergus 2014, arXiv:1311.2901, section 4.2, with logits. It needs no gradient, only
    answers, one for every square.

    Args:
        model, images, labels: as for `saliency`.
        patch: side of the square in pixels.
        stride: pixels from one square to the next; the last one touches the edge.
        fill: value of the painted pixels.

    Returns:
        For every pixel the mean fall over all squares that cover it; negative where painting
        helps the class.

    Raises:
        ValueError: squares that are larger than the image, or that leave pixels uncovered.
    """
    check_inputs(model, images, labels, "explained")
    height, width = images.shape[1:3]
    if not 1 <= patch <= min(height, width) or not 1 <= stride <= patch:
        raise ValueError(
            f"Squares must fit the {height}×{width} image and touch one another (stride at most "
            f"patch), not patch {patch} and stride {stride}."
        )
    before = _logits(model, images, labels)
    falls = np.zeros(images.shape[:3], np.float32)
    covered = np.zeros((height, width), np.float32)
    lefts = _starts(width, patch, stride)
    for top in _starts(height, patch, stride):
        # All squares of a row at once: (squares, count, height, width, channels).
        row = np.repeat(images[None], len(lefts), axis=0)
        for painted, left in zip(row, lefts, strict=True):
            painted[:, top : top + patch, left : left + patch] = fill
        after = _logits(model, row.reshape(-1, *images.shape[1:]), np.tile(labels, len(lefts)))
        for fall, left in zip(before - after.reshape(len(lefts), -1), lefts, strict=True):
            square = np.s_[top : top + patch, left : left + patch]
            falls[:, *square] += fall[:, None, None]
            covered[square] += 1
    return falls / covered


def attention_weights(model: keras.Model, images: np.ndarray) -> np.ndarray:
    """Who looks at whom in every block: ``(blocks, count, heads, tokens, tokens)``.

    Args:
        model: a functional model with `TransformerBlock` layers.
        images: what it takes.

    Raises:
        ValueError: the model has no such layer.
    """
    blocks = [layer for layer in model.layers if isinstance(layer, TransformerBlock)]
    if not blocks:
        raise ValueError(f"Model {model.name!r} has no TransformerBlock, so no attention.")
    inner = keras.Model(model.inputs, [block.input for block in blocks])

    def weights(x: tf.Tensor) -> tf.Tensor:
        tokens = inner(x, training=False)
        tokens = tokens if isinstance(tokens, list) else [tokens]
        return tf.stack(
            [b.attention_scores(t) for b, t in zip(blocks, tokens, strict=True)], axis=1
        )

    return np.moveaxis(in_batches(weights, images, size=BATCH), 1, 0).astype(np.float32)


def attention_rollout(weights: np.ndarray) -> np.ndarray:
    """How much of every first token is in every last one, if attention were all that mixes.

    Abnar and Zuidema 2020, arXiv:2005.00928, equation 1: the heads' mean, half of it replaced by
    the identity for the residual connection, multiplied from block to block.

    Args:
        weights: ``(blocks, count, heads, tokens, tokens)``; rows sum to 1.

    Returns:
        ``(count, tokens, tokens)``; row = last token, column = first token; rows sum to 1.
    """
    tokens = weights.shape[-1]
    rollout = np.eye(tokens, dtype=np.float32)
    for block in weights.mean(axis=2):
        rollout = (0.5 * block + 0.5 * np.eye(tokens, dtype=np.float32)) @ rollout
    return rollout


def token_map(row: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Numbers of square patches, row by row, as maps of pixels (bilinear).

    Args:
        row: ``(count, patches)``, the patches of a square grid without the class token.
        size: height and width of the maps.

    Raises:
        ValueError: the number of patches is no square.
    """
    side = round(row.shape[-1] ** 0.5)
    if side**2 != row.shape[-1]:
        raise ValueError(f"The patches of a square grid number n², not {row.shape[-1]}.")
    grid = row.reshape(-1, side, side, 1)
    return tf.image.resize(grid, size).numpy()[..., 0]


def pointing_game(maps: np.ndarray, masks: np.ndarray) -> np.ndarray:
    """Does the brightest pixel of each map lie on the object?

    Zhang et al. 2018, arXiv:1608.00507, section 4.1, without their tolerance of 15 pixels, which
    would be a garment's half here. A constant map points nowhere and misses.

    Args:
        maps: ``(count, height, width)``.
        masks: bool of the same shape: where the object is.

    Returns:
        bool ``(count,)``: hits. Their mean is the score; that of ``masks`` is what a blind
        finger scores.

    Raises:
        ValueError: other shapes.
    """
    if maps.shape != masks.shape or maps.ndim != 3:
        raise ValueError(
            "Maps and masks should both be (count, height, width), "
            f"not {maps.shape} and {masks.shape}."
        )
    flat = maps.reshape(len(maps), -1)
    hit = masks.reshape(len(masks), -1)[np.arange(len(maps)), flat.argmax(axis=1)]
    return hit.astype(bool) & (flat.max(axis=1) > flat.min(axis=1))


def randomized_copy(model: keras.Model, count: int, seed: int = 0) -> keras.Model:
    """A copy whose last ``count`` layers with weights know nothing.

    The cascade of Adebayo et al. 2018, arXiv:1810.03292, section 3: the kernels of the layers
    nearest to the logits are drawn anew. A batch normalization keeps its statistics, so that the
    signal keeps its size.

    Args:
        model: a functional model.
        count: how many layers with a kernel are drawn anew, from the logits down.
        seed: of the new kernels.

    Raises:
        ValueError: the model has fewer layers with a kernel.
    """
    copy = keras.models.clone_model(model)
    copy.set_weights(model.get_weights())
    with_kernel = [w for w in copy.trainable_weights if w.path.endswith("kernel")]
    if not 0 <= count <= len(with_kernel):
        raise ValueError(f"Model {model.name!r} has {len(with_kernel)} kernels, not {count}.")
    rng = np.random.default_rng(seed)
    for kernel in with_kernel[len(with_kernel) - count :]:
        old = kernel.numpy()
        kernel.assign(rng.normal(old.mean(), old.std(), old.shape).astype(np.float32))
    return copy


def _gradient(model: keras.Model, x: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(x)
        # One logit an image; the gradient of their sum is each image's own.
        score = tf.gather(model(x, training=False), y, batch_dims=1)
    return tape.gradient(score, x)


def _logits(model: keras.Model, images: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """The logit of its label for every image: float32 ``(count,)``."""
    return in_batches(
        lambda x, y: tf.gather(model(x, training=False), y, batch_dims=1),
        images,
        labels,
        size=BATCH,
    )


def _starts(side: int, patch: int, stride: int) -> list[int]:
    """Where squares begin; the last one ends at the edge."""
    return sorted({*range(0, side - patch + 1, stride), side - patch})


def _guided(layer: keras.layers.Layer) -> keras.layers.Layer:
    """A copy of the layer; rectifiers become guided ones."""
    copy = layer.__class__.from_config(layer.get_config())
    if isinstance(copy, layers.ReLU):
        relu = functools.partial(_guided_relu, largest=copy.max_value)
        return layers.Activation(relu, name=layer.name)
    if getattr(copy, "activation", None) is keras.activations.relu:
        copy.activation = _guided_relu
    return copy


def _guided_relu(x: tf.Tensor, largest: float | None = None) -> tf.Tensor:
    @tf.custom_gradient
    def relu(x: tf.Tensor) -> tuple[tf.Tensor, Callable]:
        y = tf.nn.relu(x) if largest is None else tf.clip_by_value(x, 0, largest)
        passes = x > 0 if largest is None else (x > 0) & (x < largest)
        return y, lambda dy: tf.where(passes, tf.nn.relu(dy), tf.zeros_like(dy))

    return relu(x)
