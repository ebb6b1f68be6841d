"""Presets: which there are, how large they are, and loading one without a riddle for an error.

What can go wrong is looked for *before* anything is downloaded or built, and said in a
sentence: KerasHub itself tries a host that cannot be reached for 23 seconds and then reports a
missing ``config.json``.
"""

import difflib
import importlib.util
import json
import os
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from course_utils import runtime

if TYPE_CHECKING:
    import keras

# Task → the class of `keras_hub.models` whose `from_preset` loads it. CLIP has no task of its
# own there: its two towers are a backbone.
TASKS = {
    "classification": "ImageClassifier",
    "zero-shot": "CLIPBackbone",
    "segmentation": "SAMImageSegmenter",
    "text-to-image": "TextToImage",
}
# What `choose` takes when there are a GPU and a network.
PUBLISHED = {
    "classification": "resnet_50_imagenet",
    "zero-shot": "clip_vit_base_patch32",
    "segmentation": "sam_base_sa1b",
    "text-to-image": "stable_diffusion_3_medium",
}
# A text-to-image model above this number of parameters needs hours for an image on a CPU.
WITHOUT_GPU = 100_000_000
_HOSTS = {"kaggle": "www.kaggle.com", "hf": "huggingface.co"}
_BYTES = {"float32": 4, "bfloat16": 2, "float16": 2, "int8": 1}
_PATIENCE = 5.0  # seconds for the answer of a host


@dataclass(frozen=True)
class Loaded:
    """A preset in memory.

    Attributes:
        task: a key of `TASKS`.
        preset: the name or folder that it came from.
        network: KerasHub's task model; for ``"zero-shot"`` a ``CLIPBackbone``.
        preprocessor: pixels and words to what the network takes.
    """

    task: str
    preset: str
    network: "keras.Model"
    preprocessor: Any


def _keras_hub() -> ModuleType:
    if importlib.util.find_spec("keras_hub") is None:
        raise ImportError('KerasHub is not installed: pip install "course-utils[hub]".')
    import keras_hub

    return keras_hub


def _task_class(task: str) -> type:
    if task not in TASKS:
        raise ValueError(f"There is no task {task!r}; known: {', '.join(TASKS)}.")
    return getattr(_keras_hub().models, TASKS[task])


def names(task: str) -> list[str]:
    """Names of the published presets that do a task, as the installed KerasHub lists them.

    Raises:
        ValueError: an unknown task.
        ImportError: KerasHub is not installed.
    """
    return sorted(_task_class(task).presets)


def parameters(preset: str | Path) -> int | None:
    """Number of parameters that a preset's own metadata state; ``None`` where none are stated.

    For a name it is in KerasHub's table, for a folder in ``metadata.json``. It counts the
    backbone, as KerasHub does, and not a task's last layer.
    """
    file = Path(preset) / "metadata.json"
    if file.is_file():
        return json.loads(file.read_text(encoding="utf-8")).get("parameter_count")
    entry = _keras_hub().models.Backbone.presets.get(str(preset), {})
    return entry.get("metadata", {}).get("params")


def gigabytes(count: int, dtype: str = "float32") -> float:
    """What ``count`` parameters take as ``dtype``, in 10⁹ bytes; activations come on top.

    Raises:
        ValueError: a dtype that weights are not kept in.
    """
    if dtype not in _BYTES:
        raise ValueError(f"dtype must be one of {', '.join(_BYTES)}, not {dtype!r}.")
    return count * _BYTES[dtype] / 1e9


def cache_folder() -> Path:
    """Where downloaded presets of KerasHub's own names stay: kagglehub's folder."""
    return Path(os.environ.get("KAGGLEHUB_CACHE", Path.home() / ".cache" / "kagglehub")) / "models"


def is_reachable(host: str = _HOSTS["kaggle"]) -> bool:
    """Whether a host answers over HTTPS within a few seconds, through a proxy if one is set."""
    request = urllib.request.Request(f"https://{host}/", method="HEAD")
    try:
        urllib.request.urlopen(request, timeout=_PATIENCE).close()
    except urllib.error.HTTPError:
        return True  # it answered, if only to refuse
    except OSError:
        return False
    return True


def choose(task: str, local: str | Path) -> str:
    """The published preset in the full profile, when a GPU and the hub are there; else ``local``.

    Args:
        task: a key of `TASKS`.
        local: the folder to fall back on.
    """
    if runtime.by_profile(False, True) and _has_gpu() and is_reachable():
        return PUBLISHED[task]
    return str(local)


def check(task: str, preset: str | Path, *, num_classes: int | None = None) -> str:
    """The preset as a string that KerasHub can load for this task, or an error that says why not.

    Args:
        task: a key of `TASKS`.
        preset: a published name, a folder, or a handle ``kaggle://…`` or ``hf://…``.
        num_classes: of a new last layer; a classifier without one of its own needs it.

    Raises:
        ImportError: KerasHub is not installed.
        ValueError: an unknown task or name, or a folder with another model.
        FileNotFoundError: a folder that is not a preset.
        ConnectionError: the preset is on a hub that does not answer.
        RuntimeError: a large text-to-image model, and no GPU.
    """
    wanted, preset = _task_class(task), str(preset)
    folder = Path(preset).expanduser()
    if folder.is_dir():
        preset = str(folder)
        _check_folder(task, wanted, folder, num_classes)
    elif "://" not in preset and preset not in wanted.presets:
        known = names(task)
        close = difflib.get_close_matches(preset, known, n=3, cutoff=0.4) or known[:3]
        raise ValueError(
            f"{preset!r} is neither a folder nor a published preset for {task}; "
            f"closest names: {', '.join(close)}."
        )
    if task == "text-to-image":
        _check_memory(preset)
    if not folder.is_dir():
        _check_network(wanted, preset)
    return preset


def load(
    task: str, preset: str | Path, *, dtype: str | None = None, num_classes: int | None = None
) -> Loaded:
    """Load a preset for a task.

    Args:
        task: a key of `TASKS`.
        preset: a published name, a folder, or a handle ``kaggle://…`` or ``hf://…``.
        dtype: of the weights and the computation, such as ``"bfloat16"``; by default Keras's
            own policy. Parts that were saved with a dtype of their own (in CLIP, SAM and Stable
            Diffusion) keep it.
        num_classes: replaces a classifier's last layer by an untrained one of that many classes.

    Raises:
        Whatever `check` raises.
    """
    import keras

    preset = check(task, preset, num_classes=num_classes)
    options = {} if dtype is None else {"dtype": dtype}
    if num_classes is not None:
        options["num_classes"] = num_classes
    before = keras.config.dtype_policy()
    # KerasHub passes dtype to the outer layers only; those that they make follow Keras's policy.
    keras.config.set_dtype_policy(dtype or before)
    try:
        network = _task_class(task).from_preset(preset, **options)
    finally:
        keras.config.set_dtype_policy(before)
    if task == "zero-shot":
        preprocessor = _keras_hub().models.CLIPPreprocessor.from_preset(preset)
    else:
        preprocessor = network.preprocessor
    return Loaded(task, preset, network, preprocessor)


# --- what may be wrong -----------------------------------------------------------------------


def _check_folder(task: str, wanted: type, folder: Path, num_classes: int | None) -> None:
    import keras

    config = folder / "config.json"
    if not config.is_file():
        raise FileNotFoundError(
            f"{folder.name!r} is not a preset, it has no config.json; "
            "a folder that save_to_preset wrote has one."
        )
    try:
        name = json.loads(config.read_text(encoding="utf-8"))["registered_name"]
        held = keras.saving.get_registered_object(name)
    except (json.JSONDecodeError, KeyError, TypeError):
        raise ValueError(
            f"{folder.name!r} has a config.json that KerasHub did not write."
        ) from None
    if held is not wanted and held not in _backbones(wanted):
        raise ValueError(
            f"{folder.name!r} holds a {name.rpartition('>')[2]}, "
            f"which does not do {task} ({wanted.__name__})."
        )
    has_head = (folder / "task.json").is_file() or num_classes is not None
    if task == "classification" and not has_head:
        raise ValueError(
            f"{folder.name!r} holds a backbone without a last layer: pass num_classes=, "
            "and train the new one."
        )


def _backbones(task_class: type) -> set[type]:
    """The backbones for which KerasHub has a subclass of the task."""
    found = {getattr(task_class, "backbone_cls", None)} - {None}
    for subclass in task_class.__subclasses__():
        found |= _backbones(subclass)
    return found


def _check_memory(preset: str) -> None:
    count = parameters(preset)
    if _has_gpu() or (count is not None and count <= WITHOUT_GPU):
        return
    if count is None:
        raise RuntimeError(f"{preset!r} does not say how large it is: it needs a GPU to be tried.")
    need = (
        f"{gigabytes(count, 'bfloat16'):.0f} GB in bfloat16, {gigabytes(count):.0f} GB in float32"
    )
    raise RuntimeError(
        f"{preset!r} has {count:,} parameters and needs a GPU with room for them ({need}); "
        "there is none here."
    )


def _check_network(wanted: type, preset: str) -> None:
    handle = wanted.presets.get(preset, {}).get("kaggle_handle", preset)
    scheme, _, path = handle.partition("://")
    host = _HOSTS.get(scheme)
    is_cached = scheme == "kaggle" and (cache_folder() / path / "config.json").is_file()
    if host is not None and not is_cached and not is_reachable(host):
        raise ConnectionError(
            f"{preset!r} lies on {host}, which cannot be reached from here: "
            "give the path of a preset on this machine instead."
        )


def _has_gpu() -> bool:
    import tensorflow as tf

    return bool(tf.config.list_physical_devices("GPU"))
