"""Spoken digits: what is in them, who says them, and that each word lies where it should."""

import re
import shutil

import numpy as np
import pytest

from course_utils import datasets
from course_utils.datasets import registry
from course_utils.datasets.spoken_digits import RATE, SECONDS, WORDS

SIZES = {"train": 1340, "validation": 140, "test": 200, "flite": 80, "person": 10}


@pytest.fixture(scope="module")
def spoken():
    return datasets.spoken_digits()


def test_sizes_types_and_labels(spoken):
    assert spoken.class_names == WORDS
    assert spoken.card.splits == SIZES
    for split, size in SIZES.items():
        x, y = getattr(spoken, split)
        assert x.shape == (size, round(SECONDS * RATE))
        assert (x.dtype, y.dtype) == (np.float32, np.int32)
        assert np.abs(x).max() <= 1
        np.testing.assert_array_equal(np.bincount(y), size // 10)
        assert spoken.voices[split].shape == (size,)


def test_no_voice_nor_its_relatives_are_on_two_sides(spoken):
    def families(split):
        names = set(spoken.voices[split])
        return {n if re.fullmatch(r"[fm]\d", n) else n.rstrip("0123456789").lower() for n in names}

    splits = list(SIZES)
    for i, one in enumerate(splits):
        for other in splits[i + 1 :]:
            assert not families(one) & families(other)


def test_every_word_is_alone_in_the_middle_and_equally_loud(spoken):
    """A place that is wrong by a few hundredths of a second would cut into the word."""
    for split in SIZES:
        power = np.square(getattr(spoken, split)[0].astype(float))
        total = power.sum(1)
        assert np.all(power[:, :80].sum(1) < 0.05 * total)
        place = (power * np.arange(power.shape[1])).sum(1) / total / power.shape[1]
        assert 0.35 < np.median(place) < 0.6
        lengths = (np.abs(getattr(spoken, split)[0]) > 1e-5).sum(1)
        assert np.all(lengths > 0.15 * RATE)
        loudness = np.sqrt(total / lengths)
        assert np.quantile(loudness, 0.95) < 2 * np.quantile(loudness, 0.05)


def test_a_damaged_file_is_refused(tmp_path, monkeypatch):
    shutil.copytree(registry.folder() / "sound", tmp_path / "sound")
    path = tmp_path / "sound" / "spoken_digits_person.opus"
    path.write_bytes(path.read_bytes()[:-1])
    monkeypatch.setattr(registry, "folder", lambda: tmp_path)
    with pytest.raises(ValueError, match=r"spoken_digits_person\.opus should have"):
        datasets.spoken_digits()
