"""Image data sets, from the package, from Keras's download, or from a file."""

import os
import shutil
import zipfile
from collections.abc import Collection
from pathlib import Path

import numpy as np

from course_utils.datasets.dataset import Dataset, Split
from course_utils.datasets.registry import Card, verified
from course_utils.datasets.splits import stratified

# Of the 60,000 training images of the originals this leaves 5,000 to validate with.
VALIDATION_SHARE = 12
SEED = 0

# The sets that Keras can download, and what it leaves in its cache, ``$KERAS_HOME/datasets``.
KERAS_CACHE = {"mnist": "mnist.npz", "fashion_mnist": "fashion-mnist"}


def packaged(card: Card) -> Dataset:
    """The subset that ships with the course."""
    (file,) = card.files
    with np.load(verified(card, file)) as stored:
        splits = {name: _split(stored[f"x_{name}"], stored[f"y_{name}"]) for name in card.splits}
        words = {
            kind: {name: stored[f"{kind}_{name}"] for name in card.splits}
            for kind in ("captions", "keywords")
            if f"{kind}_train" in stored
        }
    return Dataset(card.name, class_names=card.class_names, card=card, **splits, **words)


def original(card: Card) -> Dataset:
    """The full set, downloaded by Keras or found in its cache.

    Raises:
        RuntimeError: no network, a cut or changed download; nothing of it is left behind.
    """
    import keras

    try:
        train, test = getattr(keras.datasets, card.name).load_data()
    except Exception as error:  # Keras raises bare exceptions, gzip and zipfile their own
        _forget_download(card)
        raise RuntimeError(
            f"The original {card.title} could not be downloaded ({type(error).__name__}): check "
            f"the network and try again, or use source='packaged', which needs none."
        ) from error
    return _hold_out(card, train, test)


def from_file(card: Card, path: str | Path) -> Dataset:
    """A set in the layout of Keras's ``mnist.npz``: ``x_train, y_train, x_test, y_test``.

    Raises:
        ValueError: no such file, or not in that layout.
    """
    if not Path(path).is_file():
        raise ValueError(
            f"source must be 'packaged', 'original' or the path of an .npz file, and there is no "
            f"file {str(path)!r}."
        )
    try:
        with np.load(path, allow_pickle=False) as stored:
            x_train, y_train = stored["x_train"], stored["y_train"]
            x_test, y_test = stored["x_test"], stored["y_test"]
    except (AttributeError, EOFError, KeyError, OSError, ValueError, zipfile.BadZipFile) as error:
        raise ValueError(
            f"{Path(path).name} is not an .npz file with x_train, y_train, x_test and y_test."
        ) from error
    for name, x, y in (("train", x_train, y_train), ("test", x_test, y_test)):
        if x.dtype != np.uint8 or x.ndim != 3 or x.shape[1:] != (28, 28) or y.shape != (len(x),):
            raise ValueError(
                f"x_{name} and y_{name} should be uint8 images of shape (examples, 28, 28) and as "
                f"many labels, found {x.dtype} {x.shape} and labels {y.shape}."
            )
    return _hold_out(card, (x_train, y_train), (x_test, y_test))


def mirrored(
    x: np.ndarray, y: np.ndarray, *, but: Collection[int] = ()
) -> tuple[np.ndarray, np.ndarray]:
    """The images and labels, and behind them the mirror images: twice as many to learn from.

    Args:
        x: ``(examples, height, width, channels)``; left and right change places.
        y: labels ``(examples,)``.
        but: labels that have no mirror image, such as that of letters.
    """
    may = ~np.isin(y, list(but))
    return np.concatenate([x, x[may, :, ::-1]]), np.concatenate([y, y[may]])


def _hold_out(card: Card, train: Split, test: Split) -> Dataset:
    x, y = train
    held_out = len(x) // VALIDATION_SHARE
    for_training, for_validation = stratified(y, (len(x) - held_out, held_out), SEED)
    return Dataset(
        card.name,
        train=_split(x[for_training], y[for_training]),
        validation=_split(x[for_validation], y[for_validation]),
        test=_split(*test),
        class_names=card.class_names,
        card=card,
    )


def _split(x: np.ndarray, y: np.ndarray) -> Split:
    if x.ndim == 3:  # grey: one channel
        x = x[..., np.newaxis]
    return x.astype(np.float32) / np.float32(255), y.astype(np.int32)


def _forget_download(card: Card) -> None:
    """Remove what Keras may have left: it keeps a file with a wrong hash, and checks no hash
    of Fashion-MNIST at all, so that a cut file would be taken for good the next time."""
    home = Path(os.environ.get("KERAS_HOME", "~/.keras")).expanduser()
    left = home / "datasets" / KERAS_CACHE[card.name]
    if left.is_dir():
        shutil.rmtree(left)
    else:
        left.unlink(missing_ok=True)
