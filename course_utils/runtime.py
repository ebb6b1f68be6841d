"""The one place that knows about devices: quiet logs, seeds, precision, profile, strategy.

`setup` is called once at the top of every chapter. On the same line of code the chapter
then runs on a laptop's CPU, on one GPU, on several, or on the workers of a cluster.
"""

import contextlib
import json
import logging
import os
import sys
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

Precision = Literal["float32", "mixed_bfloat16", "mixed_float16"]
Profile = Literal["fast", "full"]
PRECISIONS: tuple[str, ...] = ("float32", "mixed_bfloat16", "mixed_float16")
PROFILES: tuple[str, ...] = ("fast", "full")

# The CPU feature with which bfloat16 is worth while: tiles that multiply whole matrices.
# The vector instructions alone (avx512_bf16) seem to lose as much to conversions as they gain:
# in two noisy runs on an AMD EPYC that has only those, float32 trained the CNN, the LSTM and
# both Transformers faster (1.1 to 1.6 ×), mixed_bfloat16 the TextCNN (1.8 ×).
_BFLOAT16_FLAG = "amx_bf16"


@dataclass(frozen=True)
class Runtime:
    """What `setup` found and chose.

    Attributes:
        seed: seed of Python, NumPy and TensorFlow.
        gpus: names of the GPUs in use, empty without one.
        precision: Keras's global dtype policy.
        profile: ``"fast"`` or ``"full"``; a page may change sizes and epochs by it.
        strategy: the ``tf.distribute.Strategy`` in force; the default (no-op) one on a single
            device.
    """

    seed: int
    gpus: tuple[str, ...]
    precision: Precision
    profile: Profile
    strategy: Any


_current: Runtime | None = None


def setup(
    seed: int = 0,
    *,
    precision: Precision | None = None,
    profile: Profile | None = None,
    devices: Sequence[str] | None = None,
) -> None:
    """Prepare this process for a chapter and print one line of what it runs on.

    The distribution strategy is made the process's own, so models are built and trained by
    the same lines on one device and on several: no ``with strategy.scope()``.

    Args:
        seed: seeds Python's ``random``, NumPy's legacy generator and TensorFlow.
        precision: Keras dtype policy. By default GPU compute capability ≥ 8.0 gives
            ``mixed_bfloat16``, ≥ 7.0 ``mixed_float16``; a CPU with bfloat16 matrix
            units (AMX) gives ``mixed_bfloat16``; anything else ``float32``.
        profile: ``"fast"`` (the default without a GPU) or ``"full"`` (the default with one).
            The environment variable ``COURSE_PROFILE`` comes before the default.
        devices: logical devices to train on (``["GPU:0"]``, ``["CPU:0", "CPU:1"]``); by
            default every GPU.

    Raises:
        ValueError: an unknown precision, profile or device, a negative seed, a malformed
            TF_CONFIG.
    """
    global _current
    if not isinstance(seed, int) or seed < 0:
        raise ValueError(f"seed must be a non-negative integer, not {seed!r}.")
    if precision is not None and precision not in PRECISIONS:
        raise ValueError(f"precision must be one of {', '.join(PRECISIONS)}, not {precision!r}.")
    cluster = cluster_from_environment()
    _check_profile(profile if profile is not None else os.environ.get("COURSE_PROFILE"))

    silence()
    import keras
    import tensorflow as tf

    # cuInit and cpu_feature_guard write to descriptor 2 whatever the log level.
    with _StderrDiscarded() if _current is None else contextlib.nullcontext():
        gpus, strategy = _start_devices(tf, devices, cluster)
    chosen_precision = precision or _choose_precision(
        [_compute_capability(tf, gpu) for gpu in gpus], _cpu_flags()
    )
    keras.config.set_dtype_policy(chosen_precision)
    keras.utils.set_random_seed(seed)
    if "matplotlib" in sys.modules or "ipykernel" in sys.modules:
        from course_utils import plotting

        plotting.use_style()
    _current = Runtime(
        seed=seed,
        gpus=tuple(_gpu_name(tf, gpu) for gpu in gpus),
        precision=chosen_precision,
        profile=_choose_profile(profile, os.environ.get("COURSE_PROFILE"), bool(gpus)),
        strategy=strategy,
    )
    print(_describe(_current, tf.__version__, keras.__version__))
    if not gpus and on_colab():
        print("No GPU found. To get one: Runtime ▸ Change runtime type ▸ T4 GPU ▸ Save.")


def current() -> Runtime:
    """What the last `setup` chose.

    Raises:
        RuntimeError: `setup` was not called yet.
    """
    if _current is None:
        raise RuntimeError("Call course_utils.setup() first: it chooses the device and precision.")
    return _current


def by_profile(fast: Any, full: Any) -> Any:
    """``fast`` or ``full``, as the current profile says (``epochs = by_profile(3, 30)``)."""
    return full if current().profile == "full" else fast


def on_colab() -> bool:
    """Whether this is a Google Colab kernel (which imports ``google.colab`` at its start)."""
    return "google.colab" in sys.modules


def silence() -> None:
    """Keep oneDNN, CUDA and Abseil start-up lines out of the stored outputs.

    They are written by C++ to file descriptor 2 while TensorFlow is imported, so the
    environment must be set before the import.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("TF_CPP_MAX_VLOG_LEVEL", "-1")
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    warnings.filterwarnings("ignore", category=DeprecationWarning)
    # tqdm, which others import in a notebook, misses widgets that no page uses.
    warnings.filterwarnings("ignore", message="IProgress not found")
    with _StderrDiscarded() if "tensorflow" not in sys.modules else contextlib.nullcontext():
        import tensorflow as tf

    # `get_logger` makes the logger, and in a notebook sets its level to INFO: so ours comes after.
    tf.get_logger().setLevel(logging.ERROR)
    logging.getLogger("absl").setLevel(logging.ERROR)


class _StderrDiscarded:
    """Send file descriptor 2 to the null device; an exception still propagates."""

    def __enter__(self) -> None:
        self._saved = os.dup(2)
        with open(os.devnull, "w") as null:
            os.dup2(null.fileno(), 2)

    def __exit__(self, *_: object) -> None:
        os.dup2(self._saved, 2)
        os.close(self._saved)


def _start_devices(
    tf: Any, devices: Sequence[str] | None, cluster: dict[str, Any] | None
) -> tuple[list[Any], Any]:
    """The GPUs and the strategy, in the only order that TensorFlow allows.

    Memory growth and the collective operations of several workers are set up before the
    first operation starts the devices; logical devices have names only after it.
    """
    gpus = _enable_gpus(tf)
    current_strategy = tf.distribute.get_strategy()
    multi_worker = tf.distribute.MultiWorkerMirroredStrategy
    if cluster is not None and isinstance(current_strategy, multi_worker):
        return gpus, current_strategy  # a second setup() in one worker
    tf.distribute.experimental_set_strategy(None)
    if cluster is not None:
        strategy = multi_worker()
    else:
        names = _check_devices(tf, devices) if devices else None
        strategy = _choose_strategy(tf, names, len(gpus))
    if strategy is not None:
        tf.distribute.experimental_set_strategy(strategy)
    tf.constant(0) + tf.constant(0)
    return gpus, strategy if strategy is not None else tf.distribute.get_strategy()


def _enable_gpus(tf: Any) -> list[Any]:
    """Visible GPUs, with memory growth on (else TensorFlow takes all memory at once)."""
    gpus = tf.config.list_physical_devices("GPU")
    for gpu in gpus:
        # RuntimeError: the devices have started (a second setup(), or TensorFlow was used before).
        # ValueError: the GPU was split into logical devices.
        with contextlib.suppress(RuntimeError, ValueError):
            tf.config.experimental.set_memory_growth(gpu, True)
    return gpus


def _compute_capability(tf: Any, gpu: Any) -> tuple[int, int] | None:
    return tf.config.experimental.get_device_details(gpu).get("compute_capability")


def _gpu_name(tf: Any, gpu: Any) -> str:
    return tf.config.experimental.get_device_details(gpu).get("device_name", gpu.name)


def _cpu_flags(cpuinfo: Path = Path("/proc/cpuinfo")) -> set[str]:
    """Feature flags of the first CPU; empty where the system does not tell (macOS, Windows)."""
    try:
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("flags"):
                return set(line.split(":", 1)[1].split())
    except OSError:
        pass
    return set()


def _choose_precision(capabilities: list[tuple[int, int] | None], cpu_flags: set[str]) -> Precision:
    """The fastest policy that every device computes in hardware.

    Tensor cores multiply float16 from compute capability 7.0 (Volta) and bfloat16 from 8.0
    (Ampere): NVIDIA, CUDA C++ Programming Guide, table "Feature support per compute
    capability". A GPU that does not tell its capability gets float32.
    """
    if capabilities:
        weakest = min(capability or (0, 0) for capability in capabilities)
        if weakest >= (8, 0):
            return "mixed_bfloat16"
        return "mixed_float16" if weakest >= (7, 0) else "float32"
    return "mixed_bfloat16" if _BFLOAT16_FLAG in cpu_flags else "float32"


def _check_profile(profile: str | None) -> None:
    if profile is not None and profile not in PROFILES:
        raise ValueError(f"profile must be one of {', '.join(PROFILES)}, not {profile!r}.")


def _choose_profile(argument: str | None, environment: str | None, has_gpu: bool) -> Profile:
    return argument or environment or ("full" if has_gpu else "fast")


def cluster_from_environment() -> dict[str, Any] | None:
    """TF_CONFIG, when it names more than one worker.

    Raises:
        ValueError: TF_CONFIG is not JSON with ``cluster.worker`` and ``task``.
    """
    text = os.environ.get("TF_CONFIG", "").strip()
    if not text:
        return None
    try:
        config = json.loads(text)
        cluster = config.get("cluster", {})
        workers = [*cluster.get("chief", []), *cluster.get("worker", [])]
        if workers:
            config["task"]["type"], int(config["task"]["index"])
    except (ValueError, TypeError, KeyError, AttributeError):
        raise ValueError(
            'TF_CONFIG must be JSON like {"cluster": {"worker": ["host:port", ...]}, '
            f'"task": {{"type": "worker", "index": 0}}}}, not {text[:80]!r}.'
        ) from None
    return config if len(workers) > 1 else None


def _check_devices(tf: Any, devices: Sequence[str]) -> list[str]:
    known = [device.name.removeprefix("/device:") for device in tf.config.list_logical_devices()]
    unknown = [device for device in devices if device not in known]
    if unknown:
        raise ValueError(f"devices must be among {', '.join(known)}, not {unknown[0]!r}.")
    return list(devices)


def _choose_strategy(tf: Any, devices: list[str] | None, gpu_count: int) -> Any | None:
    """Mirrored on several devices, one device where one was asked for, else none."""
    if devices is None:
        devices = [f"GPU:{i}" for i in range(gpu_count)] if gpu_count > 1 else []
    if len(devices) > 1:
        return tf.distribute.MirroredStrategy(devices)
    return tf.distribute.OneDeviceStrategy(f"/{devices[0]}") if devices else None


def _describe(runtime: Runtime, tensorflow_version: str, keras_version: str) -> str:
    device = (
        f"{len(runtime.gpus)} × {runtime.gpus[0]}"
        if runtime.gpus
        else f"CPU ({os.cpu_count()} cores)"
    )
    replicas = runtime.strategy.num_replicas_in_sync
    parts = [
        f"TensorFlow {tensorflow_version}",
        f"Keras {keras_version}",
        device,
        runtime.precision,
        f"profile {runtime.profile}",
    ]
    if replicas > 1:
        # TensorFlow's class of several workers still has the name that it had before it was public.
        kind = type(runtime.strategy).__name__
        kind = kind.replace("CollectiveAllReduce", "MultiWorkerMirrored")
        parts.append(f"{replicas} replicas ({kind})")
    return " · ".join(parts)
