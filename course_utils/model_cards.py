"""Model cards: what a reader must know about a checkpoint before using it.

M. Mitchell et al., "Model Cards for Model Reporting", FAT* 2019, arXiv:1810.03993. What was
measured comes from the checkpoint's own card; intended use and limits are written here, because
no program can know them.
"""

from typing import NamedTuple

from course_utils import checkpoints


class Use(NamedTuple):
    """Two sentences: what the model is for, and what it must not be trusted with."""

    intended: str
    limits: str


_GARMENT_LIMIT = (
    "It knows product photographs of 28×28 grey pixels, one garment each, as one German shop "
    "showed them in 2017; it knows nothing of clothes worn by people, nor of other fashions."
)
_SCENE_LIMIT = (
    "Its pictures are composed: garments were cut out and laid over photographs. Nothing measured "
    "here says how it would do on pictures taken with a camera, and over backgrounds of a new "
    "kind it finds garments where there are none."
)
# By name, or by the beginning of a name.
_USES = {
    "control-": Use(
        "Balances Gymnasium's cart-pole from its pictures, to learn what cloning an expert needs.",
        "A drawing of one pole on one cart, 25 times a second: it must not move anything that has "
        "weight, and another camera already makes it fail.",
    ),
    "emoji-clip": Use(
        "Compares drawings of emoji with words, to show contrastive learning and its retrieval.",
        "It learned 1,231 drawings of one style and about 3,000 English words; a word beyond them "
        "has no meaning to it, and most of its first answers are wrong.",
    ),
    "emoji-diffusion": Use(
        "Draws small pictures in the manner of emoji, to show what colour changes and what little "
        "data allows.",
        "It learned 1,231 drawings of one style: what it draws has their colours and outlines and "
        "seldom a meaning. Its training drawings belong to Google's Noto Emoji, under Apache-2.0.",
    ),
    "efficientnet-lite0": Use(
        "Features of photographs for teaching transfer, explanation and attack.",
        "It answers with one of ImageNet's thousand classes whatever it is shown; no class fits "
        "people, and the labels it learned from carry the errors of those who gave them.",
    ),
    "fashion-": Use(
        "Images of garments to compare ways to generate them; the judge measures them all.",
        _GARMENT_LIMIT,
    ),
    "fashion-mae": Use(
        "An encoder of garments that learned without labels, for probing and fine-tuning.",
        _GARMENT_LIMIT,
    ),
    "fashion-vit": Use(
        "A small vision Transformer that pages adapt to other tasks.", _GARMENT_LIMIT
    ),
    "mnist-": Use(
        "Handwritten digits, as an example of training, attack and compression.",
        "Digits written by clerks of the American census and by pupils, centered and cleaned; it "
        "must not read anybody's postcodes or cheques.",
    ),
    "moving-mnist-": Use(
        "Predicts the next frames of clips in which digits drift and bounce.",
        "Nothing in its clips has depth, light or a will: it says nothing about real films.",
    ),
    "scenes-clip": Use(
        "Compares composed pictures with sentences of a small grammar, to ask what a contrastive "
        "model reads in them.",
        "It knows thirty-odd words, two things a picture and plain grounds: no other sentence and "
        "no picture taken with a camera mean anything to it.",
    ),
    "numerals-": Use(
        "Writes Chinese numerals in English, to compare a fixed vector with attention.",
        "It knows numbers of one to seven digits in one spelling. A longer number gets an answer "
        "that reads like English and is wrong: it must not fill in anybody's cheque.",
    ),
    "scenes-": Use("Finds garments in the course's composed scenes.", _SCENE_LIMIT),
    "video-actions-": Use(
        "Tells ten motions of one digit apart, to learn what a network sees of time.",
        "One white digit on black: it has never seen a person act.",
    ),
    "video-camera-": Use(
        "Tells ten motions of a camera apart, to learn what a network sees of time.",
        "Few photographs, each moved by a computer: no parallax, no motion blur, no second mover.",
    ),
}


def use(name: str) -> Use:
    """Intended use and limits of a checkpoint.

    Raises:
        ValueError: nobody has written them yet.
    """
    fitting = [start for start in _USES if name.startswith(start)]
    if not fitting:
        raise ValueError(
            f"Checkpoint {name!r} has no intended use and limits: write them in "
            "course_utils/model_cards.py."
        )
    return _USES[max(fitting, key=len)]


def model_card(name: str) -> str:
    """The model card of a checkpoint, as Markdown.

    Raises:
        ValueError: no such checkpoint, or nobody has written its use and limits.
    """
    card, purpose = checkpoints.card(name), use(name)
    arguments = ", ".join(f"{key}={value!r}" for key, value in card.arguments.items())
    data = "; ".join(
        value for key, value in card.data.items() if isinstance(value, str) and "sha256" not in key
    )
    versions = ", ".join(f"{key} {value}" for key, value in card.versions.items())
    size = (checkpoints.folder() / f"{name}.npz").stat().st_size
    lines = [
        f"**Model.** `course_utils.models.{card.builder}({arguments})`, {size / 1000:,.0f} kB.",
        f"**Intended use.** {purpose.intended}",
        f"**Limits.** {purpose.limits}",
        f"**Data.** {data}.",
        f"**Made by** `{card.command}` with seed {card.seed} in {card.seconds:,.0f} s "
        f"({card.machine}; {versions}).",
    ]
    measured = [f"| {key} | {value:.4g} |" for key, value in card.metrics.items()]
    table = "\n".join(["| measured | |", "|---|---:|", *measured])
    return "\n\n".join([*lines, table]) + "\n"
