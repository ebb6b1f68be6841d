"""Photographs that need no network: from scikit-image, scikit-learn and the course's own data."""

import json
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from course_utils.datasets.registry import folder, verified


class Photograph(NamedTuple):
    """Who took a photograph, and what may be done with it."""

    title: str
    author: str
    licence: str
    url: str


@dataclass(frozen=True)
class PhotographFiles:
    """Where the photographs that the course ships come from.

    Attributes:
        source: the package that they were made from, with its version and sha256.
        original_url: where it is at home.
        members: the file in the package, by name of the photograph.
        how_made: every step between the source and the files.
        command: the command that makes the files again.
        problems: known faults.
        versions: of the package that coded them.
        files: bytes and sha256 of each file.
    """

    source: dict[str, str]
    original_url: str
    members: dict[str, str]
    how_made: str
    command: str
    problems: tuple[str, ...]
    versions: dict[str, str]
    files: dict[str, dict[str, Any]]


_SKIMAGE = "https://scikit-image.org/docs/stable/api/skimage.data.html"
_FLICKR = "https://www.flickr.com/photos/"
_LOMIRI = "https://gitlab.com/ubports/development/core/lomiri-wallpapers"

# All of them come inside the scikit-image wheel.
_IN_SKIMAGE: dict[str, Photograph] = {
    "astronaut": Photograph(
        "Eileen Collins, astronaut", "NASA", "public domain", "https://flic.kr/p/r9qvLn"
    ),
    "brick": Photograph(
        "Brick wall", "CC0Textures", "CC0", "https://cc0textures.com/view.php?tex=Bricks25"
    ),
    "camera": Photograph("Photographer with camera", "Lav Varshney", "CC0", _SKIMAGE),
    "chelsea": Photograph("Chelsea the cat", "Stéfan van der Walt", "CC0", _SKIMAGE),
    "coffee": Photograph("Coffee cup", "Rachel Michetti", "CC0", _SKIMAGE),
    "coins": Photograph(
        "Greek coins from Pompeii",
        "Brooklyn Museum",
        "no known copyright restrictions",
        "https://www.brooklynmuseum.org/opencollection/archives/image/51611",
    ),
    "grass": Photograph(
        "Grass", "linolafett", "CC0", "https://www.deviantart.com/linolafett/art/Grass-01-434853879"
    ),
    "gravel": Photograph(
        "Gravel", "CC0Textures", "CC0", "https://cc0textures.com/view.php?tex=Gravel04"
    ),
    "hubble_deep_field": Photograph(
        "Hubble eXtreme Deep Field",
        "NASA",
        "public domain",
        "http://hubblesite.org/newscenter/archive/releases/2012/37/image/a/",
    ),
    "retina": Photograph(
        "Fundus of a human eye",
        "Mikael Häggström",
        "CC0",
        "https://commons.wikimedia.org/wiki/File:Fundus_photograph_of_normal_left_eye.jpg",
    ),
    "rocket": Photograph(
        "Launch of DSCOVR on a Falcon 9",
        "SpaceX",
        "public domain",
        "https://www.flickr.com/photos/spacexphotos/16511594820/",
    ),
}

# Both come inside the scikit-learn wheel.
_IN_SKLEARN = {
    "china": Photograph(
        "Summer Palace, Beijing",
        "danielbuechele",
        "CC BY 2.0",
        _FLICKR + "danielbuechele/6061409035/",
    ),
    "flower": Photograph("Dahlia", "vultilion", "CC BY 2.0", _FLICKR + "vultilion/6056698931/"),
}

# These lie in data/photographs.
_SHIPPED = {
    "brushes": Photograph("Paint brushes", "Trevor (freespace)", "CC BY 4.0", _LOMIRI),
    "dandelions": Photograph("Dandelions", "Clemens Engelhardt", "CC0", _LOMIRI),
    "dogs": Photograph("Two dogs at a window", "Aitzol Berasategi", "CC BY 4.0", _LOMIRI),
    "drum": Photograph("Room with a drum", "Jakub Mede", "CC BY 4.0", _LOMIRI),
    "fig": Photograph("Fig in a red bowl", "Trevor (freespace)", "CC BY 4.0", _LOMIRI),
    "meadow": Photograph("Meadow below Aizkorri", "Aitzol Berasategi", "CC BY 4.0", _LOMIRI),
    "mountains": Photograph("Path in Picos de Europa", "Aitzol Berasategi", "CC BY 4.0", _LOMIRI),
    "stream": Photograph("Stream in a wood", "Aitzol Berasategi", "CC BY 4.0", _LOMIRI),
    "sunset": Photograph("Sunset", "Aitzol Berasategi", "CC BY 4.0", _LOMIRI),
}

PHOTOGRAPHS: dict[str, Photograph] = _IN_SKIMAGE | _IN_SKLEARN | _SHIPPED


def photographs() -> dict[str, np.ndarray]:
    """All photographs of `PHOTOGRAPHS`, by name.

    Returns:
        uint8 arrays, colour ones of shape ``(height, width, 3)``, grey ones
        ``(height, width)``.

    Raises:
        ValueError: a file that ships with the course is missing or damaged.
    """
    import skimage.data
    import skimage.io
    from sklearn.datasets import load_sample_image

    files = photograph_files()
    found = {name: getattr(skimage.data, name)() for name in _IN_SKIMAGE}
    found |= {name: load_sample_image(f"{name}.jpg") for name in _IN_SKLEARN}
    shipped = {name: verified(files, f"photographs/{name}.jpg") for name in _SHIPPED}
    return found | {name: skimage.io.imread(path) for name, path in shipped.items()}


def photograph_files() -> PhotographFiles:
    """The card of the photographs that ship with the course."""
    values = json.loads((folder() / "photographs" / "card.json").read_text(encoding="utf-8"))
    return PhotographFiles(**(values | {"problems": tuple(values["problems"])}))
