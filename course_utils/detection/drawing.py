"""Boxes and mistakes, drawn so that they can be told apart without colours as well."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from course_utils.detection.errors import Mistake
from course_utils.plotting import COLORS

if TYPE_CHECKING:
    from course_utils.datasets import Scenes


def show_boxes(
    images: Sequence[np.ndarray],
    boxes: Sequence[np.ndarray],
    labels: Sequence[np.ndarray],
    class_names: Sequence[str],
    *,
    titles: Sequence[str] | None = None,
    columns: int = 4,
) -> None:
    """A grid of pictures with their boxes, each with the name of its class.

    Args:
        images: floats in [0, 1], ``(height, width, 3)`` each.
        boxes: ``(objects, 4)`` a picture: left, top, right, bottom in pixels.
        labels: ``(objects,)`` a picture; boxes with label −1 are left out.
        class_names: one a class.
        titles: one a picture.
        columns: pictures a row.
    """
    columns = min(columns, len(images))
    rows = -(-len(images) // columns)
    side = 7.0 / columns
    size = (7.0, rows * (side + (0.3 if titles is not None else 0)))
    _, grid = plt.subplots(rows, columns, figsize=size, squeeze=False)
    for axes in grid.flat:
        axes.axis("off")
    for i, image in enumerate(images):
        axes = grid.flat[i]
        axes.imshow(image, interpolation="nearest")
        if titles is not None:
            axes.set_title(titles[i], fontsize=9)
        for box, label in zip(boxes[i], labels[i], strict=True):
            if label >= 0:
                _draw(axes, box, COLORS[label % len(COLORS)], class_names[label])
    plt.show()


def show_mistakes(
    scenes: "Scenes", mistakes: Sequence[Mistake], class_names: Sequence[str], *, columns: int = 5
) -> None:
    """The neighbourhood of each mistake: what is there (dashed), and what was said (solid).

    Args:
        scenes: the pictures and the truth.
        mistakes: from `find_mistakes`.
        class_names: one a class.
        columns: pictures a row.
    """
    rows = -(-len(mistakes) // columns)
    side = 7.0 / columns
    _, grid = plt.subplots(rows, columns, figsize=(7.0, rows * (side + 0.45)), squeeze=False)
    for axes in grid.flat:
        axes.axis("off")
    for axes, mistake in zip(grid.flat, mistakes, strict=False):
        image = scenes.images[mistake.image]
        axes.imshow(image, interpolation="nearest")
        present = scenes.labels[mistake.image] >= 0
        for box in scenes.boxes[mistake.image][present]:
            _draw(axes, box, "black", style="--")
        if mistake.kind != "missed":
            _draw(axes, mistake.box, COLORS[1])
        half = max(20.0, float(np.max(mistake.box[2:] - mistake.box[:2])) / 2 + 4)
        left, top = np.clip(
            (mistake.box[:2] + mistake.box[2:]) / 2 - half,
            0,
            np.array(image.shape[1::-1]) - 2 * half,
        )
        axes.set(xlim=(left - 0.5, left + 2 * half - 0.5), ylim=(top + 2 * half - 0.5, top - 0.5))
        score = f" {mistake.score:.2f}" if mistake.score else ""
        axes.set_title(f"{mistake.kind}\n{class_names[mistake.label]}{score}", fontsize=8)
    plt.show()


def _draw(axes: Axes, box: np.ndarray, color: str, name: str = "", style: str = "-") -> None:
    """An outline in ``color`` on a wider white one, which shows on dark and light pictures."""
    left, top, right, bottom = np.asarray(box, float) - 0.5  # a pixel's middle is a whole number
    for width, line, paint in ((3.2, "-", "white"), (1.6, style, color)):
        shape = Rectangle((left, top), right - left, bottom - top, fill=False, lw=width, ls=line)
        shape.set_edgecolor(paint)
        axes.add_patch(shape)
    if name:
        look = {"facecolor": color, "edgecolor": "none", "pad": 1}
        above = "bottom" if top > 8 else "top"  # where there is room for it
        axes.text(left, top, name, color="white", fontsize=7, va=above, bbox=look, clip_on=True)
