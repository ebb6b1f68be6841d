"""Composed scenes: the truth about them is exact, the splits share nothing, seeds decide all."""

import importlib

import numpy as np
import pytest

import course_utils as cu
from course_utils.datasets import SCENE_CLASSES, moving_scenes, scenes
from course_utils.datasets.scenes import LEAST_VISIBLE, SCENE_PHOTOGRAPHS


@pytest.fixture(scope="module", autouse=True)
def garments():
    """Read Fashion-MNIST once for all tests: it takes longer than composing the scenes."""
    data = cu.datasets.load("fashion_mnist")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cu.datasets, "load", lambda name: data)
        yield data


@pytest.fixture(scope="module")
def still():
    return scenes("train", 24)


@pytest.fixture(scope="module")
def moving():
    return moving_scenes("validation", 4, frames=40, objects=(3, 4))


@pytest.fixture(scope="module")
def single():
    """One garment a scene: then the mask is its own."""
    return scenes("test", 16, objects=(1, 1))


def edges(mask):
    """left, top, right, bottom of what is True."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    return columns[0], rows[0], columns[-1] + 1, rows[-1] + 1


def test_arrays_have_the_shapes_and_ranges_that_are_documented(still, moving):
    for found, lead, most in ((still, (24,), 4), (moving, (4, 40), 4)):
        assert found.images.shape == (*lead, 96, 96, 3)
        assert found.images.dtype == np.float32
        assert 0 <= found.images.min() < found.images.max() <= 1
        assert found.boxes.shape == (*lead, most, 4)
        assert found.boxes.dtype == np.float32
        assert found.labels.shape == (*lead, most)
        assert found.labels.dtype == np.int32
        assert found.masks.shape == (*lead, 96, 96)
        assert found.masks.dtype == np.uint8
        assert found.masks.max() <= len(SCENE_CLASSES)


def test_a_box_is_tight_around_the_visible_pixels_of_its_garment(single):
    for box, label, mask in zip(single.boxes, single.labels, single.masks, strict=True):
        assert tuple(box[0]) == edges(mask == 1 + label[0])
        assert set(np.unique(mask)) == {0, 1 + label[0]}


def test_boxes_of_a_class_together_span_its_pixels(still, moving):
    """Also where garments cover one another: every class's boxes and mask have equal edges."""
    # A garment that counts as hidden leaves pixels without a box: clips are looked at apart.
    for boxes, labels, mask in zip(still.boxes, still.labels, still.masks, strict=True):
        for label in range(len(SCENE_CLASSES)):
            own = boxes[labels == label]
            if not len(own):
                assert not (mask == 1 + label).any()
                continue
            union = (*own[:, :2].min(0), *own[:, 2:].max(0))
            assert union == edges(mask == 1 + label)
    present = moving.labels >= 0
    for where in zip(*np.nonzero(present), strict=True):
        left, top, right, bottom = moving.boxes[where].astype(int)
        part = moving.masks[where[:2]][top:bottom, left:right] == 1 + moving.labels[where]
        # Something of the class touches every edge of the box.
        assert all(edge.any() for edge in (part[0], part[-1], part[:, 0], part[:, -1]))


def test_places_without_an_object_have_label_minus_one_and_an_empty_box(still, moving):
    for found in (still, moving):
        empty = found.labels < 0
        assert empty.any()
        assert (found.labels[empty] == -1).all()
        assert (found.boxes[empty] == 0).all()
        assert (found.boxes[~empty][:, 2:] > found.boxes[~empty][:, :2]).all()


def test_only_what_the_mask_covers_ever_changes_in_a_clip(moving):
    """The background stands still, and a garment looks different from it."""
    for images, masks in zip(moving.images, moving.masks, strict=True):
        never = (masks == 0).all(0)
        assert never.any()
        assert (images[:, never] == images[0, never]).all()
        covered = (masks[0] > 0) & (masks[-1] == 0)
        assert (images[0, covered] != images[-1, covered]).any(-1).mean() > 0.95


def test_garments_of_still_scenes_hardly_cover_one_another():
    found = scenes("train", 40, objects=(4, 4))
    for boxes, labels in zip(found.boxes, found.labels, strict=True):
        boxes = boxes[labels >= 0]
        for i, a in enumerate(boxes):
            for b in boxes[i + 1 :]:
                sides = np.maximum(np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2]), 0)
                smaller = min(np.prod(a[2:] - a[:2]), np.prod(b[2:] - b[:2]))
                # A fifth of the whole garment; the visible box may be a little smaller than it.
                assert sides.prod() <= 0.3 * smaller


def test_splits_share_no_photograph_and_no_garment(garments):
    names = [name for some in SCENE_PHOTOGRAPHS.values() for name in some]
    assert len(names) == len(set(names))
    sets = [{one.tobytes() for one in getattr(garments, split)[0]} for split in SCENE_PHOTOGRAPHS]
    for i, some in enumerate(sets):
        for others in sets[i + 1 :]:
            assert not some & others


def test_a_split_shows_its_own_photographs_only(monkeypatch):
    """With every photograph painted in a colour of its own, the colours give the split away."""
    names = sorted(name for some in SCENE_PHOTOGRAPHS.values() for name in some)
    album = {
        name: np.full((120, 120, 3), (10 * i, 255 - 10 * i, 7), np.uint8)
        for i, name in enumerate(names)
    }
    # Its function hides the module of the same name.
    module = importlib.import_module("course_utils.datasets.scenes")
    monkeypatch.setattr(module, "photographs", lambda: album)
    for split, own in SCENE_PHOTOGRAPHS.items():
        found = scenes(split, 100)
        seen = {
            tuple(np.round(image[mask == 0][0] * 255).astype(int))
            for image, mask in zip(found.images, found.masks, strict=True)
        }
        assert seen == {tuple(album[name][0, 0]) for name in own}


@pytest.mark.parametrize("make", [scenes, moving_scenes])
def test_a_scene_depends_on_seed_split_and_number_only(make):
    few, more = make("train", 2), make("train", 3)
    for name in ("images", "boxes", "labels", "masks"):
        np.testing.assert_array_equal(getattr(few, name), getattr(more, name)[:2])
    assert (make("train", 2, seed=1).images != few.images).any()
    assert (make("validation", 2).images != few.images).any()


def test_still_and_moving_scenes_of_a_seed_differ():
    still, moving = scenes("train", 1, objects=(2, 2)), moving_scenes("train", 1, frames=1)
    assert (still.images != moving.images[:, 0]).any()


def test_a_garment_in_a_clip_keeps_its_index_and_moves_at_its_speed(moving):
    for labels, boxes in zip(moving.labels, moving.boxes, strict=True):
        for track in range(labels.shape[1]):
            present = labels[:, track] >= 0
            assert len(set(labels[present, track])) <= 1
            both = present[1:] & present[:-1]
            if not both.any():
                continue
            middle = (boxes[:, track, :2] + boxes[:, track, 2:]) / 2
            # At most 3 pixels a frame and their rounding; more where a part comes out of hiding.
            steps = np.abs(np.diff(middle, axis=0))[both].max(-1)
            assert np.median(steps) <= 4


def test_a_garment_that_passes_behind_others_is_missing_and_comes_back():
    found = moving_scenes("train", 12, frames=60, objects=(4, 4))
    present = (found.labels >= 0).transpose(0, 2, 1).reshape(-1, 60)
    came_back = [np.diff(np.flatnonzero(one)).max(initial=1) > 1 for one in present]
    assert 0 < LEAST_VISIBLE < 1
    assert any(came_back)


def test_a_size_of_its_own_and_more_objects_are_possible():
    found = scenes("test", 2, size=192, objects=(8, 12))
    assert found.images.shape == (2, 192, 192, 3)
    assert (found.labels >= 0).sum(1).min() >= 6
    assert found.boxes.max() > 96


@pytest.mark.parametrize("make", [scenes, moving_scenes])
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"split": "all"}, "one of train, validation, test, not 'all'"),
        ({"count": 0}, "at least 1 and size within 48..256, not 0 and 96"),
        ({"size": 40}, "within 48..256, not 1 and 40"),
        ({"size": 300}, "within 48..256, not 1 and 300"),
        ({"objects": (3, 2)}, r"\(fewest, most\) .* not \(3, 2\)"),
        ({"objects": (0, 0)}, r"most at least 1, not \(0, 0\)"),
        ({"objects": (-1, 2)}, r"not \(-1, 2\)"),
    ],
)
def test_wrong_numbers_are_refused_in_one_sentence(make, arguments, message):
    with pytest.raises(ValueError, match=message):
        make(**({"split": "train", "count": 1} | arguments))


@pytest.mark.parametrize("arguments", [{"frames": 0}, {"speed": (3, 1)}, {"speed": (-1, 1)}])
def test_clips_without_frames_or_with_an_impossible_speed_are_refused(arguments):
    with pytest.raises(ValueError, match="frames must be at least 1 and speed"):
        moving_scenes("train", 1, **arguments)
