"""`setup`: precision, profile, devices and strategies, each branch, with what it says."""

import contextlib
import json
import os
import random
import socket
import subprocess
import sys
import types
from types import SimpleNamespace

import numpy as np
import pytest

import course_utils as cu
from course_utils import runtime

WORKERS = {"cluster": {"worker": ["a:1", "b:1"]}, "task": {"type": "worker", "index": 0}}


@pytest.fixture(autouse=True)
def _restored(monkeypatch):
    """Each test starts before any setup(), on the defaults."""
    import keras

    monkeypatch.setattr(runtime, "_current", None)
    monkeypatch.delenv("COURSE_PROFILE", raising=False)
    monkeypatch.delenv("TF_CONFIG", raising=False)
    before = keras.config.dtype_policy()
    yield
    keras.config.set_dtype_policy(before)


def run_python(code, **variables):
    """Run ``code`` in a fresh Python; it stands for a reader's session."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("TF_")}
    return subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        timeout=300,
        env=environment | variables,
    )


# --- precision ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("capabilities", "flags", "precision"),
    [
        ([(9, 0)], set(), "mixed_bfloat16"),  # H100
        ([(8, 0)], set(), "mixed_bfloat16"),  # A100
        ([(7, 5)], set(), "mixed_float16"),  # T4
        ([(7, 0)], set(), "mixed_float16"),  # V100
        ([(6, 1)], set(), "float32"),  # GTX 1080
        ([(8, 0), (7, 5)], set(), "mixed_float16"),
        ([(8, 0), (6, 1)], set(), "float32"),
        ([None], set(), "float32"),  # a device that does not tell
        ([(8, 0), None], set(), "float32"),
        ([(6, 1)], {"amx_bf16"}, "float32"),  # the CPU does not speak for a GPU
        ([], {"sse", "avx512f"}, "float32"),
        ([], set(), "float32"),
        ([], {"avx512_bf16", "sse"}, "float32"),  # vectors alone gain nothing
        ([], {"amx_bf16", "amx_tile"}, "mixed_bfloat16"),
    ],
)
def test_precision_is_what_the_weakest_device_computes_in_hardware(capabilities, flags, precision):
    assert runtime._choose_precision(capabilities, flags) == precision


def test_cpu_flags_are_read_from_the_first_processor(tmp_path):
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text("processor : 0\nflags\t\t: fpu avx512_bf16\n\nflags : other\n")
    assert runtime._cpu_flags(cpuinfo) == {"fpu", "avx512_bf16"}


def test_cpu_flags_are_empty_where_the_system_does_not_tell(tmp_path):
    assert runtime._cpu_flags(tmp_path / "missing") == set()
    (tmp_path / "arm").write_text("processor : 0\nFeatures : fp asimd\n")
    assert runtime._cpu_flags(tmp_path / "arm") == set()


def test_setup_takes_bfloat16_on_a_cpu_that_has_it_and_float32_elsewhere(monkeypatch):
    import keras

    for flags, policy in [({"amx_bf16"}, "mixed_bfloat16"), ({"sse"}, "float32")]:
        monkeypatch.setattr(runtime, "_cpu_flags", lambda flags=flags: flags)
        cu.setup()
        assert keras.config.dtype_policy().name == policy == runtime.current().precision


@pytest.mark.parametrize("precision", runtime.PRECISIONS)
def test_precision_argument_comes_first(precision):
    import keras

    cu.setup(precision=precision)
    assert keras.config.dtype_policy().name == precision


# --- seed, profile, messages -------------------------------------------------------------


def test_setup_prints_one_line_of_what_the_page_runs_on(capsys):
    import keras
    import tensorflow as tf

    assert cu.setup(precision="float32") is None
    assert capsys.readouterr().out == (
        f"TensorFlow {tf.__version__} · Keras {keras.__version__} · "
        f"CPU ({os.cpu_count()} cores) · float32 · profile fast\n"
    )


def test_the_same_seed_gives_the_same_numbers_everywhere():
    import keras
    import tensorflow as tf

    def numbers(seed):
        cu.setup(seed=seed)
        layer = keras.layers.Dense(2)
        layer.build((1, 3))
        legacy = np.random.rand()  # noqa: NPY002 (the generator that libraries still draw from)
        drawn = [random.random(), legacy, float(tf.random.normal(()))]
        return np.array([*drawn, *layer.kernel.numpy().ravel()])

    first, again, other = numbers(3), numbers(3), numbers(4)
    assert np.array_equal(first, again)
    assert not np.any(first == other)


@pytest.mark.parametrize(
    ("argument", "environment", "has_gpu", "profile"),
    [
        (None, None, False, "fast"),
        (None, None, True, "full"),
        (None, "full", False, "full"),
        (None, "fast", True, "fast"),
        ("fast", "full", True, "fast"),
        ("full", "fast", False, "full"),
        (None, "", False, "fast"),
    ],
)
def test_profile_is_argument_before_environment_before_device(
    argument, environment, has_gpu, profile
):
    assert runtime._choose_profile(argument, environment, has_gpu) == profile


def test_profile_of_the_environment_chooses_sizes(monkeypatch):
    cu.setup()
    assert runtime.by_profile(3, 30) == 3
    monkeypatch.setenv("COURSE_PROFILE", "full")
    cu.setup()
    assert runtime.by_profile(3, 30) == 30


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"precision": "float64"}, "precision must be one of float32, .*, not 'float64'"),
        ({"profile": "slow"}, "profile must be one of fast, full, not 'slow'"),
        ({"devices": ["GPU:7"]}, "devices must be among CPU:0.*, not 'GPU:7'"),
        ({"seed": -1}, "seed must be a non-negative integer, not -1"),
        ({"seed": 1.5}, "seed must be a non-negative integer, not 1.5"),
        ({"seed": None}, "seed must be a non-negative integer, not None"),
    ],
)
def test_a_wrong_argument_is_refused_in_a_sentence(arguments, message):
    with pytest.raises(ValueError, match=message) as caught:
        cu.setup(**arguments)
    assert "\n" not in str(caught.value)


def test_a_wrong_profile_in_the_environment_is_refused(monkeypatch):
    monkeypatch.setenv("COURSE_PROFILE", "quick")
    with pytest.raises(ValueError, match="profile must be one of fast, full, not 'quick'"):
        cu.setup()


def test_asking_before_setup_says_to_call_it():
    with pytest.raises(RuntimeError, match=r"Call course_utils\.setup\(\) first"):
        runtime.by_profile(1, 2)


def test_colab_without_a_gpu_is_told_where_to_switch_it_on(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "google.colab", types.ModuleType("google.colab"))
    cu.setup()
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2
    assert lines[1] == "No GPU found. To get one: Runtime ▸ Change runtime type ▸ T4 GPU ▸ Save."


def test_elsewhere_a_missing_gpu_is_no_news(monkeypatch, capsys):
    monkeypatch.delitem(sys.modules, "google.colab", raising=False)
    cu.setup()
    assert "No GPU" not in capsys.readouterr().out


# --- TF_CONFIG ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cluster", "distributed"),
    [
        ({}, False),
        ({"worker": ["a:1"]}, False),
        ({"worker": ["a:1", "b:1"]}, True),
        ({"chief": ["a:1"], "worker": ["b:1"]}, True),
    ],
)
def test_only_several_workers_are_a_cluster(monkeypatch, cluster, distributed):
    config = {"cluster": cluster, "task": {"type": "worker", "index": 0}}
    monkeypatch.setenv("TF_CONFIG", json.dumps(config))
    assert (runtime.cluster_from_environment() is not None) == distributed


@pytest.mark.parametrize(
    "text",
    ["{", "[]", "3", '{"cluster": []}', '{"cluster": {"worker": 5}}']
    + [json.dumps({"cluster": WORKERS["cluster"], "task": task}) for task in (None, {}, "x")]
    + [json.dumps({"cluster": WORKERS["cluster"], "task": {"type": "worker", "index": "one"}})],
)
def test_a_malformed_tf_config_is_refused_before_tensorflow_sees_it(monkeypatch, text):
    monkeypatch.setenv("TF_CONFIG", text)
    with pytest.raises(ValueError, match=r"TF_CONFIG must be JSON like \{.*, not ") as caught:
        cu.setup()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["", "  ", "{}"])
def test_an_empty_tf_config_is_none(monkeypatch, text):
    monkeypatch.setenv("TF_CONFIG", text)
    assert runtime.cluster_from_environment() is None


# --- devices, on a stand-in TensorFlow with GPUs ------------------------------------------


class FakeTensorFlow:
    """The part of TensorFlow's API that finds devices, with GPUs that this machine lacks."""

    def __init__(self, *capabilities, workers=1):
        self.calls = []
        gpus = [SimpleNamespace(name=f"/physical_device:GPU:{i}") for i in range(len(capabilities))]
        details = {
            gpu.name: {"compute_capability": capability, "device_name": "Tesla T4"}
            for gpu, capability in zip(gpus, capabilities, strict=True)
        }
        names = ["CPU:0", *(f"GPU:{i}" for i in range(len(gpus)))]
        self.config = SimpleNamespace(
            list_physical_devices=lambda kind: gpus if kind == "GPU" else [],
            list_logical_devices=lambda: [SimpleNamespace(name=f"/device:{n}") for n in names],
            experimental=SimpleNamespace(
                set_memory_growth=lambda gpu, on: self.calls.append(("growth", gpu.name[-1], on)),
                get_device_details=lambda gpu: details[gpu.name],
            ),
        )

        class MultiWorkerMirroredStrategy:
            num_replicas_in_sync = 2

            def __init__(strategy):
                self.calls.append(("multi-worker",))

        def strategy(kind):
            return lambda devices: (kind, devices)

        self._strategy = "default"
        self.distribute = SimpleNamespace(
            MirroredStrategy=strategy("mirrored"),
            OneDeviceStrategy=strategy("one"),
            MultiWorkerMirroredStrategy=MultiWorkerMirroredStrategy,
            get_strategy=lambda: self._strategy,
            experimental_set_strategy=self._set_strategy,
        )

    def _set_strategy(self, strategy):
        self._strategy = "default" if strategy is None else strategy

    def constant(self, value):
        self.calls.append(("operation",))
        return value


@pytest.mark.parametrize(
    ("gpus", "devices", "strategy"),
    [
        (0, None, "default"),
        (1, None, "default"),
        (2, None, ("mirrored", ["GPU:0", "GPU:1"])),
        (2, ["GPU:0"], ("one", "/GPU:0")),
        (2, ["GPU:1"], ("one", "/GPU:1")),
        (3, ["GPU:0", "GPU:2"], ("mirrored", ["GPU:0", "GPU:2"])),
        (1, ["CPU:0"], ("one", "/CPU:0")),
    ],
)
def test_strategy_is_mirrored_on_several_devices_and_keeps_to_those_asked_for(
    gpus, devices, strategy
):
    fake = FakeTensorFlow(*[(7, 5)] * gpus)
    assert runtime._start_devices(fake, devices, None)[1] == strategy
    assert fake._strategy == strategy


def test_several_workers_take_the_multi_worker_strategy_once():
    fake = FakeTensorFlow((7, 5))
    _, first = runtime._start_devices(fake, None, WORKERS)
    _, again = runtime._start_devices(fake, None, WORKERS)
    assert isinstance(first, fake.distribute.MultiWorkerMirroredStrategy)
    assert again is first


def test_memory_growth_and_workers_come_before_the_first_operation():
    """TensorFlow refuses both once its devices have started."""
    fake = FakeTensorFlow((7, 5), (8, 0))
    gpus, _ = runtime._start_devices(fake, None, WORKERS)
    growth = [("growth", "0", True), ("growth", "1", True)]
    assert fake.calls[:3] == [*growth, ("multi-worker",)]
    assert fake.calls[3:] == [("operation",)] * 2
    assert [runtime._compute_capability(fake, gpu) for gpu in gpus] == [(7, 5), (8, 0)]
    assert [runtime._gpu_name(fake, gpu) for gpu in gpus] == ["Tesla T4"] * 2


@pytest.mark.parametrize("error", [RuntimeError, ValueError])
def test_a_gpu_that_has_started_or_was_split_stays_as_it_is(error):
    fake = FakeTensorFlow((7, 5))

    def refuse(*_):
        raise error("already initialized")

    fake.config.experimental.set_memory_growth = refuse
    assert len(runtime._start_devices(fake, None, None)[0]) == 1


def test_line_names_gpus_and_replicas():
    strategy = type("MirroredStrategy", (), {"num_replicas_in_sync": 2})()
    found = runtime.Runtime(0, ("Tesla T4", "Tesla T4"), "mixed_float16", "full", strategy)
    assert runtime._describe(found, "2.21", "3.15") == (
        "TensorFlow 2.21 · Keras 3.15 · 2 × Tesla T4 · mixed_float16 · profile full · "
        "2 replicas (MirroredStrategy)"
    )


def test_a_second_setup_can_leave_the_strategy_of_the_first():
    import tensorflow as tf

    cu.setup(devices=["CPU:0"])
    assert isinstance(tf.distribute.get_strategy(), tf.distribute.OneDeviceStrategy)
    cu.setup()
    assert not tf.distribute.has_strategy()


# --- in fresh processes --------------------------------------------------------------------


def test_setup_and_a_first_step_write_nothing_to_stderr():
    code = """
import sys
sys.ps1 = ">>> "  # as in a notebook, where TensorFlow's logger is more talkative
import course_utils as cu
cu.setup(precision="float32")
import keras, numpy as np, warnings
warnings.warn("IProgress not found. Please update jupyter and ipywidgets.")
model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
for size in range(1, 8):  # each size traces anew, of which TensorFlow warns
    model.predict(np.ones((size, 2)), verbose=0, batch_size=size)
print("done")
"""
    run = run_python(code)
    assert run.stdout.endswith("done\n"), run.stderr
    assert run.stderr == ""


TRAIN = """
import sys
from types import SimpleNamespace
import numpy as np
import course_utils as cu

path, devices = sys.argv[1], sys.argv[2:] or None
if devices:
    import tensorflow as tf

    two = [tf.config.LogicalDeviceConfiguration()] * 2
    tf.config.set_logical_device_configuration(tf.config.list_physical_devices("CPU")[0], two)
cu.setup(seed=0, devices=devices, precision="float32")
import keras
from keras import layers

inputs = keras.Input((8, 8, 1))
x = layers.Conv2D(4, 3, activation="relu")(inputs)
x = layers.Flatten()(layers.MaxPooling2D(2)(x))
model = keras.Model(inputs, layers.Dense(3, dtype="float32")(x))
before = model.get_weights()
generator = np.random.default_rng(0)
x = generator.random((70, 8, 8, 1), dtype=np.float32)
y = generator.integers(0, 3, 70).astype(np.int32)
data = SimpleNamespace(train=(x, y), validation=(x[:21], y[:21]))
history = cu.fit(model, data, epochs=2, batch_size=16, learning_rate=1e-2)
moved = max(abs(a - b).max() for a, b in zip(before, model.get_weights()))
losses = history.metrics["loss"] + history.metrics["val_loss"]
losses.append(cu.evaluation.accuracy(model, x, y))
np.savez(path, *model.get_weights(), losses=losses, moved=moved)
"""


def train(path, *devices):
    run = subprocess.run(
        [sys.executable, "-c", TRAIN, str(path), *devices],
        capture_output=True,
        text=True,
        timeout=300,
        env={k: v for k, v in os.environ.items() if k != "TF_CONFIG"},
    )
    assert run.returncode == 0, run.stderr
    return run.stdout, dict(np.load(path))


def test_two_logical_devices_train_to_the_weights_of_one(tmp_path):
    """With a batch that does not divide by two, and a last one smaller than the others."""
    one_line, one = train(tmp_path / "one.npz")
    two_line, two = train(tmp_path / "two.npz", "CPU:0", "CPU:1")
    assert "replicas" not in one_line
    assert "2 replicas (MirroredStrategy)" in two_line
    assert one["moved"] > 1e-3
    assert one.keys() == two.keys()
    for name in one.keys() - {"losses"}:
        np.testing.assert_allclose(two[name], one[name], atol=1e-5, err_msg=name)
    # Keras 3.8 averages the replicas' losses without regard to their share of a batch.
    np.testing.assert_allclose(two["losses"], one["losses"], rtol=0.03)


def free_ports(count):
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


def test_two_workers_of_tf_config_train_one_model(tmp_path):
    cluster = {"worker": [f"127.0.0.1:{port}" for port in free_ports(2)]}
    processes = []
    for index in range(2):
        config = {"cluster": cluster, "task": {"type": "worker", "index": index}}
        processes.append(
            subprocess.Popen(
                [sys.executable, "-c", TRAIN, str(tmp_path / f"{index}.npz")],
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                env=os.environ | {"TF_CONFIG": json.dumps(config)},
            )
        )
    try:
        results = [process.communicate(timeout=300) for process in processes]
    finally:
        for process in processes:
            process.kill()
    for process, (out, err) in zip(processes, results, strict=True):
        assert process.returncode == 0, err
        assert "2 replicas (MultiWorkerMirroredStrategy)" in out
    first, second = (dict(np.load(tmp_path / f"{i}.npz")) for i in range(2))
    assert first["moved"] > 1e-3
    for name in first.keys() - {"losses"}:
        np.testing.assert_array_equal(first[name], second[name], err_msg=name)
    np.testing.assert_allclose(first["losses"], second["losses"], rtol=1e-6)
