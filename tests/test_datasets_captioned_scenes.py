"""Captioned scenes: every word of a caption is true, and every false caption has its words."""

import re

import numpy as np
import pytest

import course_utils as cu
from course_utils.datasets import CAPTION_COLOURS, CAPTION_THINGS, captioned_scenes
from course_utils.datasets.captioned_scenes import CAPTION_GROUNDS, unseen

SENTENCE = re.compile(
    r"an? (\w+) (\w+) (left of|right of|above|below) an? (\w+) (\w+) on (black|grey|white)"
)


@pytest.fixture(scope="module", autouse=True)
def sources():
    """Read MNIST and Fashion-MNIST once for all tests."""
    data = {name: cu.datasets.load(name) for name in ("mnist", "fashion_mnist")}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cu.datasets, "load", data.__getitem__)
        yield


@pytest.fixture(scope="module")
def found():
    return captioned_scenes("train", 300)


def centre_of(image, ground, colour):
    """Where the pixels lie whose hue is the colour's, as (row, column)."""
    away = image - CAPTION_GROUNDS[ground]
    wanted = np.array(CAPTION_COLOURS[colour]) - CAPTION_GROUNDS[ground]
    length = np.linalg.norm(away, axis=-1)
    cosine = (away @ wanted) / np.maximum(length * np.linalg.norm(wanted), 1e-6)
    weights = np.where((cosine > 0.97) & (length > 0.15), length, 0)
    return (np.indices(weights.shape) * weights).sum((1, 2)) / max(weights.sum(), 1e-6)


def test_shapes_types_and_sentences_are_as_documented(found):
    assert found.images.shape == (300, 32, 32, 3)
    assert found.images.dtype == np.float32
    assert 0 <= found.images.min() < found.images.max() <= 1
    assert found.colours.shape == found.things.shape == (300, 2)
    for caption, colours, things in zip(found.captions, found.colours, found.things, strict=True):
        a, b, _, c, d, _ = SENTENCE.fullmatch(caption).groups()
        assert [a, c] == [list(CAPTION_COLOURS)[i] for i in colours]
        assert [b, d] == [CAPTION_THINGS[i] for i in things]
        assert a != c
        assert b != d


def test_the_things_lie_as_the_caption_says(found):
    for image, caption in zip(found.images, found.captions, strict=True):
        a, _, relation, b, _, ground = SENTENCE.fullmatch(caption).groups()
        (row_a, column_a), (row_b, column_b) = (centre_of(image, ground, c) for c in (a, b))
        true = {
            "left of": column_a + 5 < column_b,
            "right of": column_b + 5 < column_a,
            "above": row_a + 5 < row_b,
            "below": row_b + 5 < row_a,
        }
        assert true[relation], caption


def test_false_captions_have_the_same_words_in_another_order(found):
    for caption, *others in zip(found.captions, found.swapped, found.rebound, strict=True):
        a, b, relation, c, d, ground = SENTENCE.fullmatch(caption).groups()
        assert SENTENCE.fullmatch(others[0]).groups() == (c, d, relation, a, b, ground)
        assert SENTENCE.fullmatch(others[1]).groups() == (c, b, relation, a, d, ground)
        for other in others:
            assert sorted(other.replace("an ", "a ").split()) == sorted(
                caption.replace("an ", "a ").split()
            )


def test_training_never_shows_the_unseen_pairs_and_the_test_shows_only_them(found):
    assert not any(
        unseen(c, t) for c, t in zip(found.colours.ravel(), found.things.ravel(), strict=True)
    )
    test = captioned_scenes("test", 100, pairs="unseen")
    assert all(unseen(c, t) for c, t in zip(test.colours.ravel(), test.things.ravel(), strict=True))
    # Every colour and every thing of an unseen pair is known from other pairs.
    assert set(found.colours.ravel()) == set(range(len(CAPTION_COLOURS)))
    assert set(found.things.ravel()) == set(range(len(CAPTION_THINGS)))


def test_twins_show_the_same_things_in_exchanged_places():
    found = captioned_scenes("train", 20, twins=True)
    assert (found.captions[1::2] == found.swapped[::2]).all()
    assert (found.captions[::2] == found.swapped[1::2]).all()
    np.testing.assert_array_equal(found.things[::2], found.things[1::2, ::-1])


def test_seeds_splits_and_pairs_make_other_scenes(found):
    np.testing.assert_array_equal(captioned_scenes("train", 5).images, found.images[:5])
    for other in (
        captioned_scenes("train", 5, seed=1),
        captioned_scenes("test", 5),
        captioned_scenes("test", 5, pairs="unseen"),
    ):
        assert (other.images != found.images[:5]).any()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"split": "all"}, "not 'all' and 'seen'"),
        ({"pairs": "new"}, "pairs seen or unseen, not 'train' and 'new'"),
        ({"pairs": "unseen"}, "not for training"),
        ({"count": 0}, "at least 1"),
        ({"count": 3, "twins": True}, "even for twins, not 3"),
    ],
)
def test_wrong_wishes_are_refused_in_a_sentence(change, said):
    with pytest.raises(ValueError, match=said):
        captioned_scenes(**({"split": "train", "count": 2} | change))
