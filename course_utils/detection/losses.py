"""The three losses of CenterNet, one a map (Zhou et al. 2019, equations 1 to 4).

Each is divided by the number of objects in the picture, so that a picture with many does not
weigh more; each returns one number a picture, of which Keras takes the mean.
"""

from collections.abc import Callable
from typing import Any

import keras
from keras import ops

# The paper's equation 4 weighs sizes in pixels by 0.1; here they are in cells of four pixels.
LOSS_WEIGHTS = {"heatmap": 1.0, "size": 0.4, "offset": 1.0}


@keras.saving.register_keras_serializable("course_utils")
def focal_loss(heatmap: Any, logits: Any, alpha: float = 2.0, beta: float = 4.0) -> Any:
    """Penalty-reduced focal loss on the heat map (equation 1).

    Where a middle lies (the target is 1): −(1 − p)^α log p. Everywhere else:
    −(1 − target)^β p^α log(1 − p). The powers of α quieten the cells that are right already,
    nearly all of them background; the power of β forgives cells next to a middle.

    Args:
        heatmap: target in [0, 1], ``(batch, h, w, classes)``.
        logits: ``(batch, h, w, classes)``.
        alpha: how strongly easy cells are quietened; 0 leaves them as they are.
        beta: how strongly neighbours of a middle are forgiven; 0 forgives nothing.

    Returns:
        ``(batch,)``.
    """
    heatmap, logits = ops.cast(heatmap, "float32"), ops.cast(logits, "float32")
    p, log_p, log_not_p = ops.sigmoid(logits), ops.log_sigmoid(logits), ops.log_sigmoid(-logits)
    is_middle = ops.cast(heatmap == 1, "float32")
    at_middle = (1 - p) ** alpha * log_p
    elsewhere = (1 - heatmap) ** beta * p**alpha * log_not_p
    total = -ops.sum(is_middle * at_middle + (1 - is_middle) * elsewhere, axis=(1, 2, 3))
    return total / ops.maximum(ops.sum(is_middle, axis=(1, 2, 3)), 1.0)


@keras.saving.register_keras_serializable("course_utils")
def l1_at_middles(target: Any, predicted: Any) -> Any:
    """Mean over the objects of \\|dx\\| + \\|dy\\| (equations 2 and 3), read at their cells only.

    Args:
        target: size or offset ``(batch, h, w, 2)``; negative in the cells without a middle.
        predicted: ``(batch, h, w, 2)``.

    Returns:
        ``(batch,)``; 0 for a picture without objects.
    """
    target, predicted = ops.cast(target, "float32"), ops.cast(predicted, "float32")
    is_middle = ops.cast(target[..., :1] >= 0, "float32")
    total = ops.sum(is_middle * ops.abs(target - predicted), axis=(1, 2, 3))
    return total / ops.maximum(ops.sum(is_middle, axis=(1, 2, 3)), 1.0)


def compile_detector(
    model: keras.Model,
    optimizer: keras.optimizers.Optimizer,
    heatmap_loss: Callable[[Any, Any], Any] = focal_loss,
) -> None:
    """Compile a CenterNet with its three losses and the paper's weights.

    Args:
        model: from `build_centernet`.
        optimizer: a Keras optimizer.
        heatmap_loss: takes target and logits of the heat map and returns ``(batch,)``.
    """
    losses = {"heatmap": heatmap_loss, "size": l1_at_middles, "offset": l1_at_middles}
    model.compile(optimizer=optimizer, loss=losses, loss_weights=LOSS_WEIGHTS)
