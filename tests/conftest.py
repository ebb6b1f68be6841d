"""What all tests share: quiet and seeded TensorFlow, one thread a pytest worker, small data."""

import os
from pathlib import Path
from types import SimpleNamespace

import matplotlib
import numpy as np
import pytest

# Before TensorFlow is imported: two pytest workers on two cores must not fight for them.
os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
for variable in ("COURSE_PROFILE", "TF_CONFIG"):
    os.environ.pop(variable, None)

# Not by MPLBACKEND, which nbval's kernels would inherit: their figures would be missing.
matplotlib.use("Agg")

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def float32():
    """Keras in full precision, whatever the test before it chose; proofs compare to 1e-5."""
    import keras

    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("float32")
    yield
    keras.config.set_dtype_policy(before)


@pytest.fixture
def seeded(float32):
    """Full precision, and the same random weights in every test."""
    import keras

    keras.utils.set_random_seed(0)


@pytest.fixture
def tiny_data():
    """Three classes of 8 × 8 images, told apart by the bright third: learnt in a second."""
    generator = np.random.default_rng(0)

    def split(examples):
        labels = np.arange(examples, dtype=np.int32) % 3
        images = 0.3 * generator.random((examples, 8, 8, 1), dtype=np.float32)
        for image, label in zip(images, labels, strict=True):
            image[:, 3 * label : 3 * label + 2] += 0.7
        return images, labels

    return SimpleNamespace(
        name="tiny",
        train=split(96),
        validation=split(33),
        test=split(30),
        class_names=("left", "middle", "right"),
        card=None,
    )


@pytest.fixture
def tiny_classifier(float32):
    """A linear classifier of `tiny_data`, freshly initialized with a fixed seed."""
    import keras
    from keras import layers

    keras.utils.set_random_seed(0)
    inputs = keras.Input((8, 8, 1))
    return keras.Model(inputs, layers.Dense(3, dtype="float32")(layers.Flatten()(inputs)))
