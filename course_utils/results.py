"""What long measurements stored in ``data/results``, for the pages that cannot repeat them."""

import json
from typing import Any

from course_utils.datasets.registry import folder


def stored(name: str) -> dict[str, Any]:
    """The content of ``data/results/<name>.json``; it says itself which command wrote it.

    Raises:
        ValueError: no such file; the message has the known names.
    """
    directory = folder() / "results"
    path = directory / f"{name}.json"
    if not path.is_file():
        known = ", ".join(sorted(one.stem for one in directory.glob("*.json"))) or "none"
        raise ValueError(f"There are no stored results {name!r}; known are {known}.")
    return json.loads(path.read_text(encoding="utf-8"))
