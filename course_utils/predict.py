"""``course-predict``: a classifier over a folder of images, into one CSV file.

How an image is prepared, whatever its kind: it is turned as its camera says (EXIF), laid over
white where it is transparent, made grey or colour as the model wants, cropped in its middle to
the model's proportions, and resized to its size with antialiasing. Files are read in the order
of their names, subfolders are not. A file that is no sound image is reported in one line and
left out.
"""

import argparse
import csv
import os
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from course_utils import deployment

SUFFIXES = (".png", ".jpg", ".jpeg")
COLUMNS = ("file", "class", "label", "probability")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command.

    Args:
        arguments: those of the command line, by default the process's own.

    Returns:
        The exit code: 0, or 1 when a file was left out. A wrong use exits with 2.
    """
    parser = argparse.ArgumentParser(
        prog="course-predict", description="Classify a folder of images into a CSV file."
    )
    parser.add_argument("model", help="a checkpoint of the course, or a .tflite or .onnx file")
    parser.add_argument("folder", type=Path, help="PNG and JPEG images")
    parser.add_argument("--output", type=Path, default=Path("predictions.csv"), metavar="FILE")
    parser.add_argument("--batch-size", type=int, default=32, metavar="N")
    parser.add_argument(
        "--labels", type=Path, metavar="FILE", help="names of the classes, one a line"
    )
    options = parser.parse_args(arguments)
    try:
        files = _images(options.folder)
        if options.batch_size < 1:
            raise ValueError(f"--batch-size must be at least 1, not {options.batch_size}.")
        run, labels = _model(options.model)
        if options.labels:
            labels = options.labels.read_text(encoding="utf-8").splitlines()
        skipped = _predict(run, files, labels, options.batch_size, options.output)
    except (ImportError, OSError, ValueError) as error:
        parser.exit(2, f"{parser.prog}: error: {error}\n")
    return int(skipped > 0)


def prepare(path: Path, input_shape: tuple[int, ...]) -> np.ndarray:
    """One image file as a model takes it, as the module's docstring says.

    Args:
        path: PNG, JPEG, or whatever Pillow reads.
        input_shape: height, width and 1 or 3 channels.

    Returns:
        float32 of that shape, in [0, 1].

    Raises:
        ValueError: the file is no image, is cut off, or is larger than Pillow trusts.
    """
    from PIL import Image, ImageOps

    height, width, channels = input_shape
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path) as opened:
                image = ImageOps.exif_transpose(opened)
        if image.mode.startswith("I"):  # 16 bits a pixel, which convert() would cut off
            grey = np.asarray(image, np.float64).clip(0, 65535) / 257
            image = Image.fromarray(np.round(grey).astype(np.uint8))
        if "A" in image.getbands() or "transparency" in image.info:
            image = image.convert("RGBA")
            image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
        image = image.convert("L" if channels == 1 else "RGB")
        image = ImageOps.fit(image, (width, height), Image.Resampling.BILINEAR)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError, Warning) as error:
        # The path is named by whoever reports it.
        reason = str(error).replace(f" {str(path)!r}", "").strip() or type(error).__name__
        raise ValueError(reason.splitlines()[0]) from None
    return np.asarray(image, np.float32).reshape(input_shape) / 255


def _images(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise ValueError(f"There is no folder {folder}.")
    files = sorted(p for p in folder.iterdir() if p.suffix.lower() in SUFFIXES and p.is_file())
    if not files:
        raise ValueError(f"{folder} holds no image: files must end in {', '.join(SUFFIXES)}.")
    return files


def _model(name: str) -> tuple[deployment.Runner, Sequence[str]]:
    """The model and the names of its classes, as far as they are known."""
    labels: Sequence[str] = ()
    if Path(name).is_file():
        run = deployment.runner(Path(name))
    elif Path(name).suffix in (".tflite", ".onnx"):
        raise ValueError(f"There is no file {name}.")
    else:
        from course_utils import checkpoints, datasets, pretrained

        data = checkpoints.card(name).data["name"]  # refuses an unknown name, says the known
        run = deployment.runner(checkpoints.load(name))
        if name == pretrained.SHIPPED:
            labels = pretrained.class_names()
        elif data in datasets.names():
            labels = datasets.load(data).class_names
    if len(run.input_shape) != 3 or run.input_shape[2] not in (1, 3):
        raise ValueError(
            "The model must take one image (height, width, 1 or 3 channels), "
            f"not {run.input_shape}."
        )
    return run, labels


def _predict(
    run: deployment.Runner,
    files: Sequence[Path],
    labels: Sequence[str],
    batch_size: int,
    output: Path,
) -> int:
    """Write the CSV file, whole or not at all; returns how many images were left out."""
    from scipy.special import softmax

    begin, computing, skipped = time.perf_counter(), 0.0, []
    # Beside the output, so that replacing it is one step on the same disk.
    handle, temporary = tempfile.mkstemp(".csv", f".{output.name}.", output.parent)
    try:
        # Names of files that are no UTF-8 are written as the bytes that they are.
        with open(handle, "w", newline="", encoding="utf-8", errors="surrogateescape") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(COLUMNS)
            for names, images in _batches(files, run.input_shape, batch_size, skipped):
                started = time.perf_counter()
                logits = run(images)
                computing += time.perf_counter() - started
                if logits.ndim != 2 or (labels and len(labels) != logits.shape[1]):
                    raise ValueError(
                        f"The model must be a classifier of {len(labels) or 'some'} classes, but "
                        f"its output is {logits.shape}."
                    )
                shares = softmax(logits, axis=-1)
                for name, share, best in zip(names, shares, shares.argmax(-1), strict=True):
                    label = labels[best] if labels else ""
                    writer.writerow((name, best, label, f"{share[best]:.4f}"))
        os.chmod(temporary, 0o666 & ~_umask())  # mkstemp's file is for its owner only
        os.replace(temporary, output)
    finally:
        Path(temporary).unlink(missing_ok=True)
    seconds, done = time.perf_counter() - begin, len(files) - len(skipped)
    print(
        f"{done:,} images in {seconds:.1f} s, {done / seconds:,.0f} a second "
        f"(the model {computing:.1f} s): {output}"
    )
    if skipped:
        print(f"{len(skipped)} of {len(files):,} files left out.", file=sys.stderr)
    return len(skipped)


def _batches(
    files: Sequence[Path], input_shape: tuple[int, ...], batch_size: int, skipped: list[Path]
) -> Iterator[tuple[list[str], np.ndarray]]:
    """Names and images ``(up to batch_size, ...)``; what cannot be read is added to ``skipped``."""
    from tqdm import tqdm

    names: list[str] = []
    images: list[np.ndarray] = []
    with tqdm(files, unit="image", disable=None) as progress:  # None: on a terminal only
        for path in progress:
            try:
                image = prepare(path, input_shape)
            except ValueError as error:
                skipped.append(path)
                progress.write(f"skipped {path.name}: {error}", file=sys.stderr)
                continue
            names.append(path.name)
            images.append(image)
            if len(images) == batch_size:
                yield names, np.stack(images)
                names, images = [], []
    if images:
        yield names, np.stack(images)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


if __name__ == "__main__":
    sys.exit(main())
