"""Photographs that come inside the scikit-image wheel, so that they need no network."""

from typing import NamedTuple

import numpy as np


class Photograph(NamedTuple):
    """Card of one photograph, after scikit-image's own documentation."""

    title: str
    author: str
    licence: str
    url: str


_SKIMAGE = "https://scikit-image.org/docs/stable/api/skimage.data.html"

PHOTOGRAPHS: dict[str, Photograph] = {
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


def photographs() -> dict[str, np.ndarray]:
    """All photographs of `PHOTOGRAPHS`, by name.

    Returns:
        uint8 arrays, colour ones of shape ``(height, width, 3)``, grey ones
        ``(height, width)``.
    """
    import skimage.data

    return {name: getattr(skimage.data, name)() for name in PHOTOGRAPHS}
