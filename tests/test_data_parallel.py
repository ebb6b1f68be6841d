"""The loop itself; that two processes give the weights of one, in three started processes."""

import os
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest

from course_utils import cluster, data_parallel

PROGRAM = [sys.executable, "-m", "course_utils.data_parallel", "--examples", "64"]
PROGRAM += ["--batch-size", "32", "--epochs", "2", "--output"]


def weights_and_data():
    import keras

    keras.utils.set_random_seed(0)
    generator = np.random.default_rng(0)
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
    return model, generator.normal(size=(24, 4)).astype("float32"), generator.integers(0, 3, 24)


def test_the_loop_takes_the_steps_of_keras(seeded):
    import keras

    model, x, y = weights_and_data()
    sgd = keras.optimizers.SGD(0.1, 0.9)
    steps = list(data_parallel.train(model, sgd, x, y, batch_size=8, epochs=2))
    reference, _, _ = weights_and_data()
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    reference.compile(keras.optimizers.SGD(0.1, 0.9), loss)
    for step in steps:
        expected = reference.train_on_batch(x[step["examples"]], y[step["examples"]])
        np.testing.assert_allclose(step["loss"], float(expected), rtol=1e-5)
        reference.reset_metrics()
    for ours, theirs in zip(model.get_weights(), reference.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-6)
    epochs = np.concatenate([step["examples"] for step in steps]).reshape(2, 24)
    np.testing.assert_array_equal(np.sort(epochs), [np.arange(24)] * 2)
    assert not np.array_equal(*epochs)


@pytest.mark.parametrize("batch_size", [5, 7])
def test_a_batch_that_does_not_divide_the_examples_is_refused(seeded, batch_size):
    import keras

    model, x, y = weights_and_data()
    steps = data_parallel.train(
        model, keras.optimizers.SGD(), x, y, batch_size=batch_size, epochs=1
    )
    with pytest.raises(ValueError, match=f"batch_size is {batch_size}: choose another"):
        next(steps)


def test_the_shares_of_the_workers_make_up_the_global_batches():
    numbers = np.arange(24)
    shares = []
    for i in range(3):
        context = SimpleNamespace(
            num_input_pipelines=3,
            input_pipeline_id=i,
            get_per_replica_batch_size=lambda size: size // 3,
        )
        dataset = data_parallel.share((numbers,), 12, context)
        shares.append([batch[0] for batch in dataset.as_numpy_iterator()])
    for k in range(2):
        together = np.sort(np.concatenate([one[k] for one in shares]))
        np.testing.assert_array_equal(together, numbers[12 * k : 12 * (k + 1)])


def test_two_processes_train_to_the_weights_of_one(tmp_path):
    for name, count in (("one", 1), ("two", 2)):
        command = [*PROGRAM, str(tmp_path / name), "--dtype", "float64"]
        cluster.run_workers(command, count, timeout=300, threads=1)
    one, first, second = (np.load(tmp_path / f) for f in ("one/0.npz", "two/0.npz", "two/1.npz"))
    names = [name for name in one if name.startswith("arr_")]
    assert len(names) == 6
    for name in names:
        np.testing.assert_allclose(first[name], one[name], atol=1e-12)
        np.testing.assert_array_equal(first[name], second[name])
    assert not set(first["examples"][:32]) & set(second["examples"][:32])
    assert one["loss"][-1] < one["loss"][0]


TWO = '{"cluster": {"worker": ["127.0.0.1:1", "127.0.0.1:2"]}, "task": %s}'


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ("{'cluster'", "TF_CONFIG must be JSON like"),
        (TWO % '{"type": "worker", "index": 2}', "TF_CONFIG says that this is worker 2, but"),
        (TWO % '{"type": "chief", "index": 0}', "TF_CONFIG says that this is chief 0, but"),
    ],
)
def test_a_malformed_configuration_ends_the_program_with_one_line(tmp_path, config, message):
    run = subprocess.run(
        [*PROGRAM, str(tmp_path)],
        env=os.environ | {"TF_CONFIG": config},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert run.returncode == 1
    assert run.stderr.startswith(message)
    assert run.stderr.count("\n") == 1
