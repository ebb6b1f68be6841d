"""Attacks on image classifiers, training against them, and a back door in the data.

An attack here may change every pixel by at most ε (the L∞ ball) and must leave a picture, values
in [0, 1]. Within that it does what raises the loss: one step for Goodfellow et al. 2015
(arXiv:1412.6572), many small ones for Madry et al. 2018 (arXiv:1706.06083). The control is noise
of the same size without a direction.
"""

import keras
import numpy as np
import tensorflow as tf

from course_utils.batches import in_batches
from course_utils.training import check_inputs

# How many images are attacked at a time.
BATCH = 256


def fgsm(model: keras.Model, images: np.ndarray, labels: np.ndarray, epsilon: float) -> np.ndarray:
    """The fast gradient sign method: ``clip(x + ε · sign ∂loss/∂x, 0, 1)``.

    Goodfellow et al. 2015, section 4. On a linear model no change of that size raises the loss
    more.

    Args:
        model: returns logits ``(batch, classes)``; its weights are not changed.
        images: float32 in [0, 1], ``(count, height, width, channels)``.
        labels: integers ``(count,)``: the loss is that of these classes.
        epsilon: the change of every pixel, on the scale of the pixels.

    Returns:
        float32 images of the same shape.

    Raises:
        ValueError: images outside [0, 1] or that the model cannot take, or a negative ε.
    """
    _check(model, images, labels, epsilon)
    return in_batches(
        lambda x, y: climb(model, x, y, x, epsilon, step_size=epsilon, steps=1),
        images,
        labels,
        size=BATCH,
    )


def pgd(
    model: keras.Model,
    images: np.ndarray,
    labels: np.ndarray,
    epsilon: float,
    *,
    steps: int = 10,
    step_size: float | None = None,
    seed: int = 0,
) -> np.ndarray:
    """Projected gradient descent (on the negative loss) from a random point of the ball.

    Madry et al. 2018, section 2.1: signed gradient steps, each followed by the projection back
    onto the ball and onto [0, 1].

    Args:
        model, images, labels, epsilon: as for `fgsm`.
        steps: gradients taken.
        step_size: length of a step; by default 2.5 · ε / steps, so that every point of the ball
            can be reached from every other, with some to spare.
        seed: of the random start.

    Returns:
        float32 images of the same shape.

    Raises:
        ValueError: as for `fgsm`, or fewer than one step.
    """
    _check(model, images, labels, epsilon)
    if steps < 1:
        raise ValueError(f"PGD needs at least one step, not {steps}.")
    step_size = 2.5 * epsilon / steps if step_size is None else step_size
    change = np.random.default_rng(seed).uniform(-epsilon, epsilon, images.shape)
    start = np.clip(images + change, 0, 1).astype(np.float32)
    return in_batches(
        lambda x, y, s: climb(model, x, y, s, epsilon, step_size, steps),
        images,
        labels,
        start,
        size=BATCH,
    )


def random_signs(images: np.ndarray, epsilon: float, *, seed: int = 0) -> np.ndarray:
    """The control: every value moves by +ε or −ε at random, then is clipped to [0, 1].

    Args:
        images: float32 in [0, 1].
        epsilon: size of the change.
        seed: of the noise.
    """
    change = epsilon * np.random.default_rng(seed).choice([-1.0, 1.0], images.shape)
    return np.clip(images + change, 0, 1).astype(np.float32)


def climb(
    model: keras.Model,
    images: tf.Tensor,
    labels: tf.Tensor,
    start: tf.Tensor,
    epsilon: float,
    step_size: float,
    steps: int,
) -> tf.Tensor:
    """Signed gradient steps up the loss from ``start``, kept in the ball and in [0, 1]."""
    x = start
    for _ in range(steps):
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(x)
            # One loss an image; the gradient of their sum is each image's own.
            losses = tf.nn.sparse_softmax_cross_entropy_with_logits(
                labels, model(x, training=False)
            )
        x = x + step_size * tf.sign(tape.gradient(losses, x))
        x = tf.clip_by_value(x, images - epsilon, images + epsilon)
        x = tf.clip_by_value(x, 0.0, 1.0)
    return x


class AdversarialTraining(keras.Model):
    """A classifier that learns from attacked batches only (Madry et al. 2018, equation 2.1).

    The loss is minimized where an attacker has maximized it: every batch is replaced by what
    `climb` makes of it from a random start, with the weights of the moment. The layers are those
    of ``classifier``, so it is ``classifier`` that has learned, and that is saved::

        cu.fit(AdversarialTraining(classifier, epsilon=0.1), data, epochs=5)

    Args:
        classifier: a functional model with one input, images in [0, 1], and logits.
        epsilon: radius of the ball.
        steps: gradients that the attacker takes on each batch.

    Raises:
        ValueError: a negative ε or fewer than one step.
    """

    def __init__(self, classifier: keras.Model, epsilon: float, steps: int = 5) -> None:
        super().__init__(classifier.input, classifier.output)
        if epsilon < 0 or steps < 1:
            raise ValueError(
                f"epsilon must not be negative and steps at least 1, not {epsilon} and {steps}."
            )
        self.epsilon, self.steps = epsilon, steps

    def train_step(self, data: tuple[tf.Tensor, tf.Tensor]) -> dict[str, tf.Tensor]:
        images, labels = data
        start = images + tf.random.uniform(tf.shape(images), -self.epsilon, self.epsilon)
        attacked = climb(
            self,
            images,
            labels,
            tf.clip_by_value(start, 0.0, 1.0),
            self.epsilon,
            2.5 * self.epsilon / self.steps,
            self.steps,
        )
        return super().train_step((attacked, labels))


def stamp(images: np.ndarray, size: int = 3) -> np.ndarray:
    """The trigger: a white square in the lower right corner, one pixel from the edges.

    Gu et al. 2017, arXiv:1708.06733, section 4.

    Args:
        images: ``(count, height, width, channels)``; the input is not changed.
        size: side of the square in pixels.
    """
    stamped = images.copy()
    stamped[:, -1 - size : -1, -1 - size : -1] = 1.0
    return stamped


def poison(
    images: np.ndarray, labels: np.ndarray, *, target: int, share: float, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Stamp a share of a training set and label it ``target``; all else stays as it is.

    Args:
        images: ``(count, height, width, channels)``.
        labels: integers ``(count,)``.
        target: the class that the trigger shall call.
        share: of all images, taken among those of other classes.
        seed: chooses them.

    Returns:
        New images and labels in the old order.

    Raises:
        ValueError: a share that is negative or larger than that of the other classes.
    """
    others = np.flatnonzero(labels != target)
    count = round(share * len(labels))
    if not 0 <= count <= len(others):
        raise ValueError(
            f"share must be between 0 and {len(others) / len(labels):.2f}, what the other classes "
            f"have, not {share}."
        )
    chosen = np.random.default_rng(seed).choice(others, count, replace=False)
    images, labels = images.copy(), labels.copy()
    images[chosen], labels[chosen] = stamp(images[chosen]), target
    return images, labels


def _check(model: keras.Model, images: np.ndarray, labels: np.ndarray, epsilon: float) -> None:
    check_inputs(model, images, labels, "attacked")
    if images.min() < 0 or images.max() > 1:
        raise ValueError(
            f"Attacked images must lie in [0, 1], not in {images.min():g}..{images.max():g}: "
            "scaling belongs into the model."
        )
    if epsilon < 0:
        raise ValueError(f"epsilon must not be negative, not {epsilon}.")
