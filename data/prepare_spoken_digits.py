"""Make the spoken digits of ``sound/`` again: two programs speak, and one person is heard.

    python data/prepare_spoken_digits.py                    # needs espeak-ng and flite
    python data/prepare_spoken_digits.py --packages DIR     # from an archive that is already here

Every voice of eSpeak NG says the ten digits, the training voices several times, each time with
another accent, pitch and speed. Voices are split, not recordings: what is tested speaks with a
voice that was never heard in training. It writes the Opus files, the table of the words and, on
the card, what was measured. With the releases that the card names the bytes are the same again.
"""

import argparse
import hashlib
import io
import re
import subprocess
import tempfile
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import av
import numpy as np
from prepare import write_card
from scipy.io import wavfile
from scipy.signal import resample_poly
from sources import PACKAGES, obtain

from course_utils.datasets.spoken_digits import RATE, SECONDS, WORDS

HERE = Path(__file__).parent / "sound"
SEED = 0
ACCENTS = ("en-us", "en-gb", "en-gb-scotland", "en-gb-x-rp", "en-gb-x-gbclan")
ACCENTS += ("en-gb-x-gbcwmd", "en-029", "en-us-nyc")
RELATIVES = {"whisperf": "whisper", "anxiousandy": "andy"}
TAKES = {"train": 2, "validation": 1, "test": 1}
VALIDATION_VOICES, TEST_VOICES = 14, 20
FLITE_VOICES, STRETCHES = ("awb", "kal", "rms", "slt"), (0.9, 1.15)
GAP = RATE // 20  # silence after each word, so that the coder forgets it
BITS_A_SECOND = 12_000


class Word(NamedTuple):
    """One row of the table, and its sound: float64 in [-1, 1], ``RATE`` samples a second."""

    split: str
    digit: int
    voice: str
    how: str
    wave: np.ndarray


def espeak_words() -> Iterator[Word]:
    """The digits by all voices; relatives (klatt, klatt2, ...) stay on one side of the split."""
    folder = Path(_run("espeak-ng", "--version").split("Data at: ")[1].strip())
    voices = sorted(path.name for path in (folder / "voices" / "!v").iterdir())
    generator = np.random.default_rng(SEED)
    families: dict[str, list[str]] = {}
    for voice in voices:
        # f1 to f5 and m1 to m8 are different people; all other numbers are versions.
        name = voice if re.fullmatch(r"[fm]\d", voice) else re.sub(r"(?i)robot$|\d+$", "", voice)
        name = RELATIVES.get(name.lower(), name.lower())
        families.setdefault(name, []).append(voice)
    split_of: dict[str, str] = {}
    for name in generator.permutation(sorted(families)):
        counts = [list(split_of.values()).count(split) for split in ("test", "validation")]
        size = len(families[name])
        split = "train"
        if counts[0] + size <= TEST_VOICES:
            split = "test"
        elif counts[1] + size <= VALIDATION_VOICES:
            split = "validation"
        split_of |= dict.fromkeys(families[name], split)
    for voice in voices:
        for _ in range(TAKES[split_of[voice]]):
            accent = ACCENTS[generator.integers(len(ACCENTS))]
            for digit, text in enumerate(WORDS):
                pitch, speed = generator.integers(25, 76), generator.integers(120, 201)
                options = ("-v", f"{accent}+{voice}", "-p", str(pitch), "-s", str(speed))
                wave = _spoken("espeak-ng", *options, "-w", "{file}", text)
                how = f"{accent}, pitch {pitch}, speed {speed}"
                yield Word(split_of[voice], digit, voice, how, wave)


def flite_words() -> Iterator[Word]:
    """The same words by another program, whose voices were made from recordings of people."""
    for voice in FLITE_VOICES:
        for stretch in STRETCHES:
            for digit, text in enumerate(WORDS):
                options = ("-voice", voice, "--setf", f"duration_stretch={stretch}")
                wave = _spoken("flite", *options, "-t", text, "-o", "{file}")
                yield Word("flite", digit, voice, f"stretch {stretch}", wave)


def person_words(packages: Path | None) -> Iterator[Word]:
    """Allison Smith says the digits for telephone exchanges: ten recordings of one person."""
    with tempfile.TemporaryDirectory() as folder:
        _run("dpkg-deb", "-x", str(obtain(PACKAGES["spoken_digits"], packages)), folder)
        sounds = Path(folder) / "usr/share/asterisk/sounds/en_US_f_Allison/digits"
        for digit in range(10):
            wave = _at_rate(sounds / f"{digit}.wav")
            yield Word("person", digit, "Allison Smith", "recorded", wave)


def _spoken(*command: str) -> np.ndarray:
    with tempfile.NamedTemporaryFile(suffix=".wav") as file:
        _run(*(part.replace("{file}", file.name) for part in command))
        return _at_rate(Path(file.name))


def _run(*command: str) -> str:
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return done.stdout


def _at_rate(path: Path) -> np.ndarray:
    """The word alone, equally loud every time, at most as long as the data set's words."""
    rate, samples = wavfile.read(path)
    ratio = Fraction(RATE, rate)
    wave = resample_poly(samples.astype(float), ratio.numerator, ratio.denominator)
    step = RATE // 100
    loud = np.square(wave[: len(wave) // step * step]).reshape(-1, step).mean(1)
    heard = np.flatnonzero(loud > 1e-4 * loud.max())  # 40 dB below the loudest hundredth
    start, end = max(0, heard[0] - 2) * step, (heard[-1] + 3) * step
    wave = wave[start:end][: round(SECONDS * RATE)]
    wave *= 0.1 / np.sqrt(np.square(wave).mean())
    return wave * min(1, 0.99 / np.abs(wave).max())


def coded(words: list[Word]) -> tuple[bytes, list[int]]:
    """One Ogg Opus stream of all words, and the sample at which each begins."""
    starts, pieces, at = [], [], 0
    for word in words:
        starts.append(at)
        length = -(-(len(word.wave) + GAP) // 480) * 480  # whole frames of the coder, 60 ms
        pieces.append(np.pad(word.wave, (0, length - len(word.wave))))
        at += length
    samples = np.rint(np.concatenate(pieces) * 32767).astype(np.int16)
    file = io.BytesIO()
    # bitexact: without it the stream gets a random number.
    with av.open(file, "w", format="opus", options={"fflags": "+bitexact"}) as container:
        options = {"application": "voip", "frame_duration": "60"}
        stream = container.add_stream("libopus", rate=RATE, options=options, layout="mono")
        stream.bit_rate = BITS_A_SECOND
        frame = av.AudioFrame.from_ndarray(samples[None], format="s16", layout="mono")
        frame.sample_rate = RATE
        container.mux([*stream.encode(frame), *stream.encode(None)])
    return file.getvalue(), starts


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--packages", type=Path, help="folder that holds the package's archive")
    arguments = parser.parse_args()
    HERE.mkdir(exist_ok=True)
    contents, rows = {}, ["file\tsplit\tdigit\tvoice\thow\tstart\tlength"]
    splits: dict[str, int] = {}
    spoken = {
        "spoken_digits.opus": [*espeak_words(), *flite_words()],
        "spoken_digits_person.opus": list(person_words(arguments.packages)),
    }
    for name, words in spoken.items():
        contents[name], starts = coded(words)
        for word, start in zip(words, starts, strict=True):
            cells = (name, word.split, word.digit, word.voice, word.how, start, len(word.wave))
            rows.append("\t".join(map(str, cells)))
            splits[word.split] = splits.get(word.split, 0) + 1
    contents["spoken_digits.tsv"] = ("\n".join(rows) + "\n").encode()
    for name, content in contents.items():
        (HERE / name).write_bytes(content)
        print(f"{name}: {len(content):,} bytes")
    package = PACKAGES["spoken_digits"]
    changes = {
        "source": {
            "registry": package.registry,
            "package": package.name,
            "version": package.version,
            "sha256": package.sha256,
            "espeak-ng": _run("espeak-ng", "--version").split()[3],
            "av": av.__version__,
        },
        "splits": splits,
        "files": {
            f"sound/{name}": {
                "bytes": len(content),
                "sha256": hashlib.sha256(content).hexdigest(),
            }
            for name, content in contents.items()
        },
    }
    write_card(HERE / "spoken_digits.json", changes)
    print(splits)


if __name__ == "__main__":
    main()
