"""What a trained classifier does on examples it never saw."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True)
class Evaluation:
    """Predictions on one split.

    Attributes:
        probabilities: ``(examples, classes)`` float32.
        predicted: ``(examples,)`` class with the highest probability.
        labels: ``(examples,)`` the truth.
    """

    probabilities: np.ndarray
    predicted: np.ndarray
    labels: np.ndarray

    @property
    def accuracy(self) -> float:
        return float(np.mean(self.predicted == self.labels))

    @property
    def confusion(self) -> np.ndarray:
        """``(classes, classes)`` counts; rows are true classes, columns predicted ones."""
        from sklearn.metrics import confusion_matrix

        return confusion_matrix(
            self.labels, self.predicted, labels=np.arange(self.probabilities.shape[1])
        )

    def worst_mistakes(self, count: int) -> np.ndarray:
        """Indices of the wrong predictions that gave the truth the least probability."""
        wrong = np.flatnonzero(self.predicted != self.labels)
        truth = self.probabilities[wrong, self.labels[wrong]]
        return wrong[np.argsort(truth, kind="stable")[:count]]


def evaluate(
    model: "keras.Model", x: np.ndarray, y: np.ndarray, batch_size: int = 512
) -> Evaluation:
    """Predict ``x`` and compare with ``y``.

    Args:
        model: a classifier that returns logits ``(batch, classes)``.
        x: inputs ``(examples, ...)``.
        y: integer labels ``(examples,)``.

    Raises:
        ValueError: inputs or labels do not fit the model.
    """
    from scipy.special import softmax

    from course_utils.training import check_inputs

    check_inputs(model, x, y, "evaluated")
    logits = np.asarray(model.predict(x, batch_size=batch_size, verbose=0), dtype=np.float32)
    probabilities = softmax(logits, axis=-1)
    return Evaluation(probabilities, probabilities.argmax(-1), np.asarray(y))


def accuracy(model: "keras.Model", x: np.ndarray, y: np.ndarray) -> float:
    """Fraction of ``x`` that the model classifies as ``y``."""
    return evaluate(model, x, y).accuracy
