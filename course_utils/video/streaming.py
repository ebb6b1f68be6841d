"""Clips from many video files for a network, with a memory that no length of video can fill."""

import warnings
from collections import deque
from collections.abc import Iterator, Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from course_utils.video.containers import StrPath
from course_utils.video.reading import frames

if TYPE_CHECKING:
    import tensorflow as tf

SUFFIXES = frozenset({".avi", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".webm"})
# With a seed: files that are open at a time, and clips among which the next is drawn.
_OPEN, _BUFFER = 4, 64


def clips(
    source: StrPath | Sequence[StrPath],
    *,
    window: int,
    size: tuple[int, int],
    step: int = 1,
    stride: int | None = None,
    batch_size: int | None = None,
    labels: Sequence[int] | None = None,
    seed: int | None = None,
    on_error: Literal["raise", "skip"] = "raise",
) -> "tf.data.Dataset":
    """Stream windows of frames from video files, decoded while they are asked for.

    A file is never held as a whole: what is alive at a time are ``(window - 1) * step + 1``
    frames of ``size`` for each open file, and the batches under way. With ``seed=None``, one
    file is open at a time; with a seed, four are, and 64 clips wait to be drawn.

    Args:
        source: a folder with one folder a class, ``class/clip.mp4``, as UCF101 and Kinetics
            are laid out; or a list of files.
        window: frames a clip.
        size: ``(height, width)`` to scale to, whatever the proportions.
        step: 2 takes every second frame into a clip.
        stride: frames from the beginning of one clip to that of the next; by default as many
            as a clip spans, so that none overlap. Frames at the end that fill no clip are
            dropped.
        batch_size: clips a batch (the last one may be smaller); by default no batches.
        labels: one a file, where ``source`` is a list; by default a file's place in it.
        seed: draws the order of files and clips, another one in each epoch, and the same ones
            in each run. By default the files come in order of their names.
        on_error: what a file does that is damaged, empty or shorter than a clip. ``"raise"``
            ends the epoch with a ``tf.errors.InvalidArgumentError`` that holds the sentence of
            the ``ValueError``; ``"skip"`` warns with that sentence and goes on with the next
            file (clips from before the damage have been handed out).

    Returns:
        A data set of ``(clip, label)``: float32 ``(window, height, width, 3)`` in [0, 1] and
        int32; with ``batch_size`` an axis more in front. As in Keras, the data set has the
        attributes ``class_names`` (the folders' names, or ``None``) and ``file_paths``.

    Raises:
        ValueError: a number below 1, no folder, no video in it, a file that is not there, or
            another number of labels than of files.
    """
    import tensorflow as tf

    stride = (window - 1) * step + 1 if stride is None else stride
    if min(window, step, stride, batch_size or 1, *size) < 1 or batch_size == 0:
        raise ValueError(
            "window, size, step, stride and batch_size must be at least 1, but they are "
            f"{window}, {tuple(size)}, {step}, {stride} and {batch_size}."
        )
    if on_error not in ("raise", "skip"):
        raise ValueError(f"on_error must be 'raise' or 'skip', but it is {on_error!r}.")
    paths, targets, class_names = _listed(source, labels)

    def from_index(index: np.ndarray) -> Iterator[tuple[np.ndarray, np.int32]]:
        try:
            for clip in windows(paths[index], window, step, stride, size):
                yield clip, targets[index]
        except ValueError as error:
            if on_error == "raise":
                raise
            warnings.warn(f"Skipped: {error}", stacklevel=1)

    signature = (tf.TensorSpec((window, *size, 3), tf.uint8), tf.TensorSpec((), tf.int32))

    def from_file(index: "tf.Tensor") -> "tf.data.Dataset":
        return tf.data.Dataset.from_generator(from_index, output_signature=signature, args=(index,))

    dataset = tf.data.Dataset.range(len(paths))
    if seed is not None:
        dataset = dataset.shuffle(len(paths), seed=seed)
    dataset = dataset.interleave(from_file, cycle_length=1 if seed is None else _OPEN)
    if seed is not None:
        dataset = dataset.shuffle(_BUFFER, seed=seed)
    dataset = dataset.map(lambda clip, label: (tf.cast(clip, tf.float32) / 255, label))
    if batch_size is not None:
        dataset = dataset.batch(batch_size)
    dataset = dataset.prefetch(1)
    dataset.class_names, dataset.file_paths = class_names, [str(path) for path in paths]
    return dataset


def windows(
    path: StrPath, window: int, step: int, stride: int, size: tuple[int, int]
) -> Iterator[np.ndarray]:
    """The clips of one file, uint8 ``(window, height, width, 3)``; arguments as of `clips`.

    No more frames are held than a clip spans.

    Raises:
        ValueError: as `course_utils.video.frames`, or the file is shorter than a clip.
    """
    span = (window - 1) * step + 1
    held: deque[np.ndarray] = deque(maxlen=span)
    count = 0
    for count, frame in enumerate(frames(path, size=size), 1):
        held.append(frame)
        if count >= span and (count - span) % stride == 0:
            yield np.stack(list(held)[::step])
    if count < span:
        raise ValueError(f"{path} has {count} frames, too few for a clip that spans {span}.")


def _listed(
    source: StrPath | Sequence[StrPath], labels: Sequence[int] | None
) -> tuple[list[Path], np.ndarray, tuple[str, ...] | None]:
    """Files, their labels, and the names of the classes where folders give them."""
    if isinstance(source, (str, PathLike)):
        if labels is not None:
            raise ValueError("A folder's classes give the labels: leave labels=None.")
        return _folder(Path(source))
    paths = [Path(path) for path in source]
    missing = [path for path in paths if not path.is_file()]
    if not paths or missing:
        raise ValueError(
            f"source has {len(paths)} files, and {len(missing)} of them are not there"
            + (f", such as {missing[0]}." if missing else ": give a folder or at least one file.")
        )
    labels = range(len(paths)) if labels is None else labels
    if len(labels) != len(paths):
        raise ValueError(f"{len(paths)} files need as many labels, but there are {len(labels)}.")
    return paths, np.asarray(labels, np.int32), None


def _folder(folder: Path) -> tuple[list[Path], np.ndarray, tuple[str, ...]]:
    if not folder.is_dir():
        raise ValueError(
            f"source should be a folder with one folder a class, or a list of files, but {folder} "
            "is no folder."
        )
    found = sorted(
        path
        for path in folder.glob("*/*")
        if path.suffix.lower() in SUFFIXES and path.is_file() and not path.name.startswith(".")
    )
    if not found:
        raise ValueError(
            f"{folder} should hold one folder a class with videos in it, but there is no file "
            f"that ends in {', '.join(sorted(SUFFIXES))}."
        )
    class_names = tuple(sorted({path.parent.name for path in found}))
    labels = np.array([class_names.index(path.parent.name) for path in found], np.int32)
    return found, labels, class_names
