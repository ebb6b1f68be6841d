"""Patches of photographs: where they are cut, and that no split sees another's pixels."""

import numpy as np
import pytest

from course_utils import datasets
from course_utils.datasets import patches


@pytest.fixture
def columns(monkeypatch):
    """Photographs whose pixels hold their column: 330 wide, so a third is 110."""
    ramp = np.tile(np.arange(330) // 3, (150, 1)).astype(np.uint8)  # 0..109, three columns each
    pictures = dict.fromkeys(datasets.PATCH_CLASSES, ramp)
    pictures["chelsea"] = np.repeat(ramp[..., None], 3, axis=-1)
    monkeypatch.setattr(patches, "photographs", lambda: pictures)


def test_shapes_types_and_labels_are_as_documented():
    x, y = datasets.photograph_patches("train", 2)
    assert (x.shape, x.dtype) == ((20, 64, 64, 1), np.float32)
    assert (y.dtype, np.bincount(y).tolist()) == (np.int32, [2] * 10)
    assert 0 <= x.min() < x.max() <= 1


def test_each_split_is_cut_from_its_own_third(columns):
    for third, split in enumerate(("train", "validation", "test")):
        x, _ = datasets.photograph_patches(split, 40, size=30)
        seen = np.rint(x * 255) * 3
        assert seen.min() >= 110 * third - 2
        assert seen.max() <= 110 * (third + 1) - 1
        assert np.ptp(seen) > 60  # and from all of it


def test_a_patch_is_a_window_of_its_photograph_and_colours_become_grey(columns):
    x, y = datasets.photograph_patches("train", 3, size=30)
    for patch in x[y == datasets.PATCH_CLASSES.index("chelsea")]:
        rows = np.rint(patch[..., 0] * 255)
        np.testing.assert_array_equal(rows, np.tile(rows[0], (30, 1)))
        assert rows[0, -1] - rows[0, 0] in (9, 10)


def test_the_same_seed_cuts_the_same_places():
    first, _ = datasets.photograph_patches("test", 2, size=16, seed=3)
    np.testing.assert_array_equal(first, datasets.photograph_patches("test", 2, size=16, seed=3)[0])
    assert (first != datasets.photograph_patches("test", 2, size=16, seed=4)[0]).any()


@pytest.mark.parametrize(
    ("split", "count", "size", "message"),
    [("training", 2, 64, "split must be"), ("train", 2, 101, "size within"), ("train", 0, 8, "1")],
)
def test_other_splits_counts_and_sizes_are_refused(split, count, size, message):
    with pytest.raises(ValueError, match=message):
        datasets.photograph_patches(split, count, size=size)


def test_every_photograph_is_large_enough_for_the_largest_patch():
    for split in ("train", "validation", "test"):
        assert datasets.photograph_patches(split, 1, size=100)[0].shape == (10, 100, 100, 1)
