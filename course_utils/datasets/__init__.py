"""The course's data: small, packaged, verified, each set with a card that says what it is.

>>> import course_utils as cu
>>> data = cu.datasets.load("mnist")
>>> x, y = data.train
"""

from pathlib import Path

from course_utils.datasets import images, text
from course_utils.datasets.camera_motion import (
    CAMERA_MOTIONS,
    CAMERA_PHOTOGRAPHS,
    REVERSED_MOTION,
    camera_motion,
)
from course_utils.datasets.captioned_scenes import (
    CAPTION_COLOURS,
    CAPTION_THINGS,
    CaptionedScenes,
    captioned_scenes,
)
from course_utils.datasets.dataset import Dataset
from course_utils.datasets.digit_actions import DIGIT_ACTIONS, REVERSED_ACTION, digit_actions
from course_utils.datasets.edited_films import EditedFilm, edited_film
from course_utils.datasets.moving_digits import moving_digits
from course_utils.datasets.numerals import (
    CHINESE_CHARACTERS,
    ENGLISH_WORDS,
    PINYIN,
    decode_english,
    encode_chinese,
    encode_english,
    number_to_chinese,
    number_to_english,
    numerals,
)
from course_utils.datasets.optical_flow import with_flow
from course_utils.datasets.patches import PATCH_CLASSES, photograph_patches
from course_utils.datasets.photographs import (
    PHOTOGRAPHS,
    Photograph,
    PhotographFiles,
    photograph_files,
    photographs,
)
from course_utils.datasets.registry import Card, card, names
from course_utils.datasets.scenes import SCENE_CLASSES, Scenes, moving_scenes, scenes
from course_utils.datasets.spoken_digits import SpokenDigits, spoken_digits
from course_utils.datasets.text import tokenize
from course_utils.datasets.vehicle_counts import VehicleCount, vehicle_count
from course_utils.datasets.videos import VideoCard, video_card, video_names, video_path

__all__ = [
    "CAMERA_MOTIONS",
    "CAMERA_PHOTOGRAPHS",
    "CAPTION_COLOURS",
    "CAPTION_THINGS",
    "CHINESE_CHARACTERS",
    "DIGIT_ACTIONS",
    "ENGLISH_WORDS",
    "PATCH_CLASSES",
    "PHOTOGRAPHS",
    "PINYIN",
    "REVERSED_ACTION",
    "REVERSED_MOTION",
    "SCENE_CLASSES",
    "CaptionedScenes",
    "Card",
    "Dataset",
    "EditedFilm",
    "Photograph",
    "PhotographFiles",
    "Scenes",
    "SpokenDigits",
    "VehicleCount",
    "VideoCard",
    "camera_motion",
    "captioned_scenes",
    "decode_english",
    "digit_actions",
    "edited_film",
    "encode_chinese",
    "encode_english",
    "load",
    "moving_digits",
    "moving_scenes",
    "names",
    "number_to_chinese",
    "number_to_english",
    "numerals",
    "photograph_files",
    "photograph_patches",
    "photographs",
    "scenes",
    "spoken_digits",
    "tokenize",
    "vehicle_count",
    "video_card",
    "video_names",
    "video_path",
    "with_flow",
]


def load(name: str, *, source: str | Path = "packaged") -> Dataset:
    """Load a data set, split into train, validation and test.

    Images are float32 in [0, 1] of shape ``(examples, 28, 28, 1)``, emoji in colour of shape
    ``(examples, 32, 32, 3)``, sentences an array of ``str`` of shape ``(examples,)``, labels
    int32 of shape ``(examples,)``. Every call returns fresh arrays.

    Args:
        name: one of `names()`.
        source: ``"packaged"`` reads the subset that ships with the course, after checking its
            sha256. ``"original"`` lets Keras download the full image set and holds out 5,000
            of the 60,000 training images for validation. A path reads a file in the layout of
            Keras's ``mnist.npz`` and holds out a twelfth in the same way.

    Raises:
        ValueError: unknown name or source, or a packaged file or ``.npz`` file that is
            missing, damaged or not what it should be.
        RuntimeError: the download failed; nothing of it is left behind.

    Example:
        >>> load("mnist")
        Dataset('mnist': 10 classes
          train       (20000, 28, 28, 1) float32
          validation  (3000, 28, 28, 1) float32
          test        (10000, 28, 28, 1) float32)
    """
    found = card(name)
    if source == "packaged":
        reader = images if found.kind == "images" else text
        return reader.packaged(found)
    if name not in images.KERAS_CACHE:
        raise ValueError(
            f"{name} has only source='packaged': it already holds all that is usable of its "
            "original."
        )
    return images.original(found) if source == "original" else images.from_file(found, source)
