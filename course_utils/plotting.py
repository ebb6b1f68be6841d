"""The course's figures: one style, readable on a phone, in grey and to the colour-blind.

Every function draws and shows one figure and returns ``None``, so that a cell that ends
with it leaves one image and no text.
"""

import base64
import io
from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING

import matplotlib.pyplot as plt
import numpy as np

if TYPE_CHECKING:
    from course_utils.training import History

# Okabe and Ito's palette: distinguishable with the common colour vision deficiencies.
COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
# With the colours, so that lines stay apart in grey.
LINE_STYLES = ("-", "--", "-.", ":", (0, (5, 1)), (0, (1, 1)), "-")


def use_style() -> None:
    """Set Matplotlib's defaults for every figure of the course."""
    from cycler import cycler

    plt.rcParams.update(
        {
            "axes.prop_cycle": cycler(color=COLORS) + cycler(linestyle=LINE_STYLES),
            "axes.grid": True,
            "axes.spines.right": False,
            "axes.spines.top": False,
            "figure.constrained_layout.use": True,
            "figure.dpi": 110,
            "figure.facecolor": "white",
            "figure.figsize": (6.0, 3.4),
            "font.size": 11,
            "grid.alpha": 0.3,
            "image.cmap": "gray",
            "lines.linewidth": 2,
        }
    )


def history(run: "History | dict[str, History]", metric: str = "accuracy") -> None:
    """Learning curves: the training metric (dashed) and the validation metric by epoch.

    Args:
        run: one run, or several by name.
        metric: ``"accuracy"``, ``"loss"`` or another metric of the runs.
    """
    runs = run if isinstance(run, dict) else {"": run}
    _, axes = plt.subplots()
    for i, (name, one) in enumerate(runs.items()):
        color = COLORS[i % len(COLORS)]
        epochs = np.arange(1, one.epochs + 1)
        label = f"{name} " if name else ""
        axes.plot(epochs, one.metrics[metric], "--", color=color, label=f"{label}training")
        if f"val_{metric}" in one.metrics:
            values = one.metrics[f"val_{metric}"]
            axes.plot(epochs, values, "o-", color=color, markersize=4, label=f"{label}validation")
    axes.set(xlabel="epoch", ylabel=metric)
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.legend()
    plt.show()


def images(
    pictures: np.ndarray | Sequence[np.ndarray],
    titles: Sequence[str] | None = None,
    *,
    columns: int = 8,
) -> None:
    """A grid of pictures without axes.

    Args:
        pictures: ``(height, width)``, ``(height, width, 1)`` or ``(height, width, 3)`` each;
            floats in [0, 1] or uint8.
        titles: one a picture.
        columns: pictures a row.
    """
    columns = min(columns, len(pictures))
    rows = -(-len(pictures) // columns)
    size = 7.0 / columns
    height = rows * (size + (0.3 if titles is not None else 0.0))
    _, grid = plt.subplots(rows, columns, figsize=(7.0, height), squeeze=False)
    for i, axes in enumerate(grid.flat):
        axes.axis("off")
        if i < len(pictures):
            picture = np.squeeze(np.asarray(pictures[i]))
            limits = (0, 255) if picture.dtype == np.uint8 else (0, 1)
            axes.imshow(picture, vmin=limits[0], vmax=limits[1])
            if titles is not None:
                axes.set_title(titles[i], fontsize=9)
    plt.show()


def confusion(matrix: np.ndarray, class_names: Sequence[str]) -> None:
    """A confusion matrix, rows (true classes) normalized; off-diagonal counts are printed.

    Args:
        matrix: ``(classes, classes)`` counts.
        class_names: one a class.
    """
    rates = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    _, axes = plt.subplots(figsize=(5.2, 4.6))
    axes.imshow(rates, cmap="Blues", vmin=0, vmax=1)
    for i, j in np.ndindex(*matrix.shape):
        if matrix[i, j]:
            color = "white" if rates[i, j] > 0.5 else "black"
            axes.text(j, i, str(matrix[i, j]), ha="center", va="center", color=color, fontsize=8)
    axes.set(xlabel="predicted", ylabel="true")
    axes.set_xticks(range(len(class_names)), class_names, rotation=45, ha="right")
    axes.set_yticks(range(len(class_names)), class_names)
    axes.grid(False)
    plt.show()


def clip(frames: np.ndarray, fps: float, *, caption: str, alt: str) -> None:
    """Show frames as a video with controls, inside the page, with a caption.

    It does not play by itself: the reader starts it, which also respects those who asked for
    less motion. Frames narrower than 256 pixels are enlarged by whole pixels.

    Args:
        frames: ``(count, height, width)``, ``(..., 1)`` or ``(..., 3)``; floats in [0, 1] or
            uint8.
        fps: frames a second.
        caption: a sentence below the video.
        alt: what is to be seen, for those who do not see it.

    Raises:
        ValueError: no frames, or another shape.
    """
    from IPython.display import display

    frames = np.asarray(frames)
    pixels = _rgb(frames)
    height, width = frames.shape[1:3]
    text = f"<clip: {len(frames)} frames of {width} × {height}, {fps:g} a second>"
    size = f'width="{pixels.shape[2]}" height="{pixels.shape[1]}"'
    page = (
        f'<figure class="course-clip"><video controls loop muted playsinline {size} '
        f'poster="{_data_uri("image/webp", _webp(pixels[0]))}" aria-label="{escape(alt)}">'
        f'<source type="video/mp4" src="{_data_uri("video/mp4", _mp4(pixels, fps))}">'
        f"{escape(alt)}</video><figcaption>{escape(caption)}</figcaption></figure>"
    )
    display({"text/html": page, "text/plain": text}, raw=True)


def _rgb(frames: np.ndarray) -> np.ndarray:
    """uint8 ``(count, height, width, 3)``, large enough to see."""
    frames = frames[..., None] if frames.ndim == 3 else frames
    if frames.ndim != 4 or frames.shape[-1] not in (1, 3) or not frames.size:
        raise ValueError(
            "A clip needs frames (count, height, width) with no, 1 or 3 channels, "
            f"not {frames.shape}."
        )
    if frames.dtype != np.uint8:
        frames = np.round(np.clip(frames, 0, 1) * 255).astype(np.uint8)
    zoom = -(-256 // frames.shape[2])
    return np.broadcast_to(frames, (*frames.shape[:3], 3)).repeat(zoom, 1).repeat(zoom, 2)


def _mp4(frames: np.ndarray, fps: float) -> bytes:
    import av

    from course_utils.video import writing

    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as container:
        writing.encode(container, frames, fps, quality=24)
    return file.getvalue()


def _webp(picture: np.ndarray) -> bytes:
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(picture).save(file, "webp", quality=60)
    return file.getvalue()


def _data_uri(kind: str, content: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"
