"""Models of a hub through KerasHub: four tasks, each from a name or from a folder.

A *preset* is a folder: an architecture as JSON, its weights, and whatever prepares pixels and
words for it. `load` takes the name of a published one or the path of one on this machine, and
everything after it is the same. KerasHub (https://keras.io/keras_hub) comes with the extra
``hub``: ``pip install "course-utils[hub]"``; importing this package does not import it.
"""

from course_utils.hub.presets import (
    PUBLISHED,
    TASKS,
    Loaded,
    cache_folder,
    check,
    choose,
    gigabytes,
    is_reachable,
    load,
    names,
    parameters,
)
from course_utils.hub.tasks import (
    Segments,
    classify,
    embed_images,
    embed_texts,
    segment,
    text_to_image,
    zero_shot,
)
from course_utils.hub.tiny import save_lite0, save_tiny, tiny_clip, tiny_sam, word_tokenizer

__all__ = [
    "PUBLISHED",
    "TASKS",
    "Loaded",
    "Segments",
    "cache_folder",
    "check",
    "choose",
    "classify",
    "embed_images",
    "embed_texts",
    "gigabytes",
    "is_reachable",
    "load",
    "names",
    "parameters",
    "save_lite0",
    "save_tiny",
    "segment",
    "text_to_image",
    "tiny_clip",
    "tiny_sam",
    "word_tokenizer",
    "zero_shot",
]
