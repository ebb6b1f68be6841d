"""Spoken digits: zero to nine by many voices, tested by voices that were never heard.

Speech Commands in small (Warden 2018, arXiv:1804.03209), and spoken by programs: eSpeak NG
synthesizes by rules, in about a hundred voices that are split between training, validation and
test; the voices of Flite were made from recordings of four people; and one person speaks herself.
"""

import csv
import io
from dataclasses import dataclass

import numpy as np

from course_utils.datasets import registry
from course_utils.datasets.dataset import Dataset, Split

RATE = 8000  # samples a second, as on the telephone
SECONDS = 0.8  # of every example
WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")

_CARD = "sound/spoken_digits.json"


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class SpokenDigits(Dataset):
    """What `spoken_digits` returns: a `Dataset` of sounds, with two more splits.

    Attributes:
        flite: words of another program, whose voices were made from recordings of four people.
        person: ten words that one person recorded.
        voices: the voice of every word, ``(examples,)`` arrays of ``str``, by split.
    """

    flite: Split
    person: Split
    voices: dict[str, np.ndarray]


def spoken_digits() -> SpokenDigits:
    """Load the spoken digits: each word alone, in the middle of 0.8 seconds of silence.

    Sounds are float32 in [-1, 1] of shape ``(examples, 6400)``, 8,000 samples a second, of about
    equal loudness; labels int32 ``(examples,)``. Voices of one name (``klatt``, ``klatt2``, ...)
    lie in one split.

    Raises:
        ValueError: a file is missing or damaged.
    """
    card = registry.Card.read(registry.folder() / _CARD)
    table, *sounds = sorted(card.files, key=lambda file: not file.endswith(".tsv"))
    decoded = {
        file.rpartition("/")[2]: decode(registry.verified(card, file).read_bytes())
        for file in sounds
    }
    text = registry.verified(card, table).read_text(encoding="utf-8")
    rows = list(csv.DictReader(text.splitlines(), delimiter="\t"))
    splits = {}
    for name in card.splits:
        chosen = [row for row in rows if row["split"] == name]
        x = np.zeros((len(chosen), round(SECONDS * RATE)), np.float32)
        for wave, row in zip(x, chosen, strict=True):
            start, length = int(row["start"]), int(row["length"])
            before = (len(wave) - length) // 2
            wave[before : before + length] = decoded[row["file"]][start : start + length]
        splits[name] = (x, np.array([row["digit"] for row in chosen], np.int32))
    return SpokenDigits(
        card.name,
        class_names=card.class_names,
        card=card,
        voices={
            name: np.array([row["voice"] for row in rows if row["split"] == name])
            for name in card.splits
        },
        **splits,
    )


def decode(content: bytes) -> np.ndarray:
    """The samples of a sound file, one channel at `RATE`: float32 ``(samples,)`` in [-1, 1]."""
    import av

    resampler = av.AudioResampler(format="fltp", layout="mono", rate=RATE)
    with av.open(io.BytesIO(content)) as container:
        pieces = [
            piece.to_ndarray()[0]
            for frame in container.decode(audio=0)
            for piece in resampler.resample(frame)
        ]
    pieces += [piece.to_ndarray()[0] for piece in resampler.resample(None)]
    return np.clip(np.concatenate(pieces), -1, 1)
