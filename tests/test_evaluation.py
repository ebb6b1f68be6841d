"""`evaluate`: the same numbers as scikit-learn's, on logits that are known."""

import keras
import numpy as np
import pytest
from sklearn import metrics

import course_utils as cu
from course_utils.evaluation import Evaluation, evaluate

LABELS = np.random.default_rng(0).integers(0, 4, 203).astype(np.int32)


@pytest.fixture
def logits():
    """Right about half of the time; class 3 is never predicted."""
    generator = np.random.default_rng(1)
    found = generator.normal(size=(len(LABELS), 4)).astype(np.float32)
    found[np.arange(len(LABELS)), LABELS] += 1
    found[:, 3] -= 9
    return found


@pytest.fixture
def identity(float32):
    """A classifier whose logits are its inputs."""
    inputs = keras.Input((4,))
    return keras.Model(inputs, keras.layers.Activation("linear")(inputs))


def test_evaluation_agrees_with_scikit_learn(identity, logits):
    found = evaluate(identity, logits, LABELS, batch_size=50)
    predicted = logits.argmax(-1)
    assert found.accuracy == pytest.approx(metrics.accuracy_score(LABELS, predicted))
    assert cu.evaluation.accuracy(identity, logits, LABELS) == found.accuracy
    np.testing.assert_array_equal(found.predicted, predicted)
    np.testing.assert_array_equal(found.confusion, metrics.confusion_matrix(LABELS, predicted))
    assert found.confusion.shape == (4, 4)
    assert found.confusion[:, 3].sum() == 0
    loss = metrics.log_loss(LABELS, found.probabilities, labels=range(4))
    keras_loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)(LABELS, logits)
    assert loss == pytest.approx(float(keras_loss), rel=1e-4)


def test_probabilities_are_a_distribution_even_of_huge_logits(identity):
    found = evaluate(identity, np.array([[1e4, 0, -1e4, 0]], np.float32), np.array([0]))
    np.testing.assert_allclose(found.probabilities, [[1, 0, 0, 0]])
    assert found.probabilities.dtype == np.float32


def test_worst_mistakes_come_with_the_most_certain_first(identity, logits):
    found = evaluate(identity, logits, LABELS)
    worst = found.worst_mistakes(10)
    wrong = np.flatnonzero(logits.argmax(-1) != LABELS)
    truth = found.probabilities[np.arange(len(LABELS)), LABELS]
    assert len(worst) == 10
    assert np.all(np.isin(worst, wrong))
    assert np.all(np.diff(truth[worst]) >= 0)
    assert truth[worst].max() <= np.sort(truth[wrong])[9]


def test_a_perfect_classifier_has_no_mistakes_to_show():
    perfect = Evaluation(np.eye(3, dtype=np.float32), np.arange(3), np.arange(3))
    assert len(perfect.worst_mistakes(8)) == 0
    assert perfect.accuracy == 1.0


def test_a_class_without_examples_has_a_row_of_zeros():
    found = Evaluation(np.eye(3, dtype=np.float32)[:2], np.array([0, 1]), np.array([0, 1]))
    np.testing.assert_array_equal(found.confusion, np.diag([1, 1, 0]))
