"""Companion package of the course "Large AI Models for Images and Video".

Importing it is cheap (no TensorFlow): every public name below is loaded when it is first
used. A chapter starts with::

    import course_utils as cu

    cu.setup(seed=0)
"""

from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import Any

try:
    __version__ = version("course-utils")
except PackageNotFoundError:  # a checkout that was put on the path without being installed
    __version__ = "0+unknown"

_SUBMODULES = (
    "adaptation",
    "all_reduce",
    "attacks",
    "checkpoints",
    "cluster",
    "control",
    "data_parallel",
    "datasets",
    "deployment",
    "detection",
    "diffusion",
    "evaluation",
    "explain",
    "generation",
    "hub",
    "image_text",
    "masking",
    "model_cards",
    "models",
    "plotting",
    "pretrained",
    "privacy",
    "profiling",
    "results",
    "runtime",
    "sequences",
    "scaling",
    "sound",
    "tracking",
    "training",
    "video",
)
_FUNCTIONS = {
    "setup": "runtime",
    "fit": "training",
    "check": "checking",
    "show_source": "source",
}

__all__ = ["__version__", *_SUBMODULES, *_FUNCTIONS]


def __getattr__(name: str) -> Any:
    if name in _SUBMODULES:
        return import_module(f"{__name__}.{name}")
    if name in _FUNCTIONS:
        return getattr(import_module(f"{__name__}.{_FUNCTIONS[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
