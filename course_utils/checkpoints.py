"""Trained weights that ship with the course, each with a card that says how it was made.

A checkpoint is two files in ``data/checkpoints``: ``<name>.npz`` with the arrays of
``model.get_weights()`` in their order, and ``<name>.json``, its card. Plain arrays instead
of a ``.keras`` file, so that the weights load in every Keras the course supports.
"""

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import keras

# Raised whenever the meaning of the files changes; a card of another format is refused.
FORMAT = 1


@dataclass(frozen=True)
class CheckpointCard:
    """How a checkpoint was made and what it reached.

    Attributes:
        name: file stem.
        builder: public name of the function in ``course_utils.models`` that builds the model.
        arguments: keyword arguments of that call (JSON values).
        command: the shell command that trains it again.
        seed: seed of the run.
        data: data set and its sha256s.
        metrics: what was measured on held-out data, by name.
        seconds: training time, and ``machine`` where.
        versions: of the packages that trained it.
        sha256: of the ``.npz`` file.
    """

    name: str
    builder: str
    arguments: dict[str, Any]
    command: str
    seed: int
    data: dict[str, Any]
    metrics: dict[str, float]
    seconds: float
    machine: str
    versions: dict[str, str] = field(default_factory=dict)
    sha256: str = ""
    format: int = FORMAT


def folder() -> Path:
    """Where the shipped checkpoints lie: inside the wheel, or ``data`` of a checkout."""
    package = Path(__file__).parent
    installed = package / "_data" / "checkpoints"
    return installed if installed.is_dir() else package.parent / "data" / "checkpoints"


def save(
    model: "keras.Model",
    card: CheckpointCard,
    directory: Path | None = None,
    *,
    half: bool = False,
) -> Path:
    """Write weights and card; nothing half-written stays.

    Args:
        model: the trained model; floating-point weights are stored in 32 bits.
        card: its card; ``sha256`` and ``versions`` are filled in here.
        directory: by default `folder()`.
        half: store kernels in 16 bits. Vectors keep 32: they are small, and a batch
            normalization's variances may lie outside the range of 16 bits.

    Raises:
        ValueError: a kernel holds a number too large for 16 bits.

    Returns:
        The path of the ``.npz`` file.
    """
    import keras
    import tensorflow as tf

    directory = Path(directory or folder())
    directory.mkdir(parents=True, exist_ok=True)
    weights = {f"{i:03d}": np.asarray(w) for i, w in enumerate(model.get_weights())}
    if half:
        weights = {key: _in_16_bits(w) for key, w in weights.items()}
    path = directory / f"{card.name}.npz"
    temporary = directory / f".{card.name}.tmp.npz"
    temporary_card = directory / f".{card.name}.tmp.json"
    try:
        np.savez_compressed(temporary, **weights)
        filled = asdict(card) | {
            "sha256": hashlib.sha256(temporary.read_bytes()).hexdigest(),
            "versions": {
                "tensorflow": tf.__version__,
                "keras": keras.__version__,
                "numpy": np.__version__,
            },
        }
        text = json.dumps(filled, indent=2, ensure_ascii=False) + "\n"
        temporary_card.write_text(text, encoding="utf-8")
        temporary.replace(path)
        temporary_card.replace(path.with_suffix(".json"))
    finally:
        temporary.unlink(missing_ok=True)
        temporary_card.unlink(missing_ok=True)
    return path


def save_measured(
    model: "keras.Model",
    card: CheckpointCard,
    measure: Callable[["keras.Model"], dict[str, float]],
    directory: Path | None = None,
) -> Path:
    """`save` with ``half=True``, and on the card what the *stored* weights reach.

    Args:
        model: the trained model.
        card: its card; what ``measure`` found is added to its metrics.
        measure: gets the model as it was loaded again; returns metrics by name.
        directory: by default `folder()`.

    Returns:
        The path of the ``.npz`` file.
    """
    save(model, card, directory, half=True)
    card.metrics.update(measure(load(card.name, directory)))
    return save(model, card, directory, half=True)


def _in_16_bits(weight: np.ndarray) -> np.ndarray:
    if weight.ndim < 2 or weight.dtype != np.float32:
        return weight
    largest = np.abs(weight).max(initial=0)
    if not largest <= np.finfo(np.float16).max:
        raise ValueError(
            f"A kernel of shape {weight.shape} holds {largest:.3g}, which 16 bits cannot store: "
            "save without half=True."
        )
    return weight.astype(np.float16)


def card(name: str, directory: Path | None = None) -> CheckpointCard:
    """Read a checkpoint's card.

    Raises:
        ValueError: no such checkpoint, a damaged card, or one of another format.
    """
    directory = Path(directory or folder())
    path = directory / f"{name}.json"
    if not path.is_file():
        known = ", ".join(sorted(p.stem for p in directory.glob("*.json"))) or "none"
        raise ValueError(f"There is no checkpoint {name!r}; known checkpoints: {known}.")
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        values = None
    if not isinstance(values, dict):
        raise ValueError(
            f"The card of checkpoint {name!r} is damaged, it should be a JSON object: "
            "install course_utils again."
        )
    if values.get("format") != FORMAT:
        raise ValueError(
            f"Checkpoint {name!r} has format {values.get('format')}, but this course_utils reads "
            f"format {FORMAT}: install the course_utils that it came with, or train it again."
        )
    differing = sorted(values.keys() ^ {one.name for one in fields(CheckpointCard)})
    if differing:
        raise ValueError(
            f"The card of checkpoint {name!r} should have other fields "
            f"(it differs in {', '.join(differing)}): it comes from another version of "
            "course_utils; train it again."
        )
    return CheckpointCard(**values)


def load(name: str, directory: Path | None = None) -> "keras.Model":
    """Build the model that the card names and give it the stored weights.

    Raises:
        ValueError: no such checkpoint, another format, a damaged file, or weights that do
            not fit the model that this version builds.
    """
    from course_utils import models

    found = card(name, directory)
    path = Path(directory or folder()) / f"{name}.npz"
    measured = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "no file"
    if measured != found.sha256:
        raise ValueError(
            f"{path.name} should have sha256 {found.sha256[:12]}…, found {measured[:12]}…: "
            "install course_utils again, or train it with the command on its card."
        )
    builder = getattr(models, found.builder, None)
    if builder is None:
        raise ValueError(
            f"Checkpoint {name!r} is of a model built by {found.builder}, "
            "which this course_utils does not have: it comes from another version; train it again."
        )
    try:
        model = builder(**found.arguments)
    except TypeError as error:
        raise ValueError(
            f"Checkpoint {name!r} comes from another version of course_utils "
            f"({error}): train it again."
        ) from None
    with np.load(path) as stored:
        weights = [stored[key] for key in sorted(stored.files)]
    weights = [w.astype(np.float32) if w.dtype == np.float16 else w for w in weights]
    expected = [tuple(w.shape) for w in model.weights]
    if expected != [w.shape for w in weights]:
        raise ValueError(
            f"Checkpoint {name!r} holds {len(weights)} arrays that do not fit the {len(expected)} "
            f"of {found.builder}: it comes from another version of course_utils; train it again."
        )
    model.set_weights(weights)
    return model
