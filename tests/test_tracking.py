"""Tracking: against OpenCV, exhaustive search, sums by hand, and stories with a known end."""

import itertools
import subprocess
import sys
from functools import partial

import cv2
import numpy as np
import pytest

import course_utils as cu
from course_utils.tracking import (
    ConstantVelocity,
    StandStill,
    Tracked,
    center_distance,
    crossings,
    draw,
    foreground_boxes,
    greedy,
    hungarian,
    imitate_detector,
    iou_distance,
    score,
    switches,
    track,
    true_tracks,
)
from course_utils.tracking.motion import MEASUREMENT, TRANSITION


def box(x, y=50.0, side=20.0):
    return np.array([x - side / 2, y - side / 2, x + side / 2, y + side / 2])


def frames_of(paths, gone=()):
    """Truth from centers ``(objects, frames, 2)``; ``gone`` holds (object, frame) not seen."""
    paths = np.asarray(paths, float)
    frames = []
    for t in range(paths.shape[1]):
        ids = [i for i in range(len(paths)) if (i, t) not in gone]
        boxes = np.array([box(*paths[i, t]) for i in ids]).reshape(-1, 4)
        frames.append(Tracked(np.array(ids, int), boxes))
    return frames


def boxes_of(frames):
    return [frame.boxes for frame in frames]


def test_importing_it_loads_neither_tensorflow_nor_opencv():
    code = (
        "import sys, course_utils as cu; cu.tracking.track\n"
        "assert not {'tensorflow', 'keras', 'cv2', 'pandas', 'motmetrics'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


# --- association -----------------------------------------------------------------------------


def test_iou_distance_is_that_of_counted_pixels():
    rng = np.random.default_rng(0)
    corners, sides = rng.integers(0, 20, (2, 6, 2)), rng.integers(1, 20, (2, 6, 2))
    a, b = np.concatenate([corners, corners + sides], axis=-1)

    def pixels(one):
        mask = np.zeros((40, 40), bool)
        mask[one[1] : one[3], one[0] : one[2]] = True
        return mask

    expected = [
        [1 - (pixels(p) & pixels(q)).sum() / (pixels(p) | pixels(q)).sum() for q in b] for p in a
    ]
    np.testing.assert_allclose(iou_distance(a, b), expected)


@pytest.mark.parametrize("distance", [iou_distance, center_distance])
def test_distances_of_no_boxes_are_empty(distance):
    assert distance(np.zeros((0, 4)), np.zeros((3, 4))).shape == (0, 3)
    assert distance(np.ones((2, 4)), np.zeros((0, 4))).shape == (2, 0)


def test_center_distance_is_pythagoras():
    assert center_distance(box(10, 10)[None], box(13, 14, side=6)[None])[0, 0] == pytest.approx(5)


def test_assignment_beats_greed_where_the_cheapest_pair_costs_the_other_track_its_box():
    cost = np.array([[0.1, 0.3], [0.2, 0.9]])
    assert sorted(greedy(cost, 1.0)) == [(0, 0), (1, 1)]
    assert sorted(hungarian(cost, 1.0)) == [(0, 1), (1, 0)]


def test_hungarian_makes_the_most_pairs_and_of_these_the_cheapest():
    """Against all assignments, tried one by one."""
    rng = np.random.default_rng(0)
    gate = 0.5
    for rows, columns in ((1, 1), (3, 4), (4, 3), (4, 4)):
        for _ in range(20):
            cost = rng.random((rows, columns))
            options = []
            for count in range(min(rows, columns) + 1):
                for chosen in itertools.combinations(range(rows), count):
                    for targets in itertools.permutations(range(columns), count):
                        pairs = list(zip(chosen, targets, strict=True))
                        if all(cost[p] <= gate for p in pairs):
                            options.append((-count, sum(cost[p] for p in pairs)))
            pairs = hungarian(cost, gate)
            found = (-len(pairs), sum(cost[p] for p in pairs))
            assert found == pytest.approx(min(options))


@pytest.mark.parametrize("assign", [greedy, hungarian])
def test_no_pair_beyond_the_gate(assign):
    assert assign(np.array([[0.6, 0.9]]), 0.5) == []
    assert assign(np.zeros((0, 3)), 0.5) == []
    assert assign(np.full((2, 2), np.inf), 0.5) == []


# --- motion ----------------------------------------------------------------------------------


def test_the_filter_is_opencvs():
    rng = np.random.default_rng(0)
    measured = [box(20 + 3 * t, 40 - t) + rng.normal(size=4) for t in range(8)]
    ours = ConstantVelocity.start(measured[0], jitter=1.5, acceleration=0.7)
    theirs = cv2.KalmanFilter(6, 4, 0, cv2.CV_64F)
    theirs.transitionMatrix = TRANSITION.copy()
    theirs.measurementMatrix = MEASUREMENT.copy()
    push = np.array([[0.25, 0, 0.5, 0], [0, 0.25, 0, 0.5], [0.5, 0, 1, 0], [0, 0.5, 0, 1]])
    noise = np.zeros((6, 6))
    noise[np.ix_([0, 1, 4, 5], [0, 1, 4, 5])] = push
    noise[[2, 3], [2, 3]] = 0.25
    theirs.processNoiseCov = 0.7**2 * noise
    theirs.measurementNoiseCov = 1.5**2 * np.eye(4)
    theirs.statePost = ours.mean[:, None].copy()
    theirs.errorCovPost = ours.covariance.copy()
    for one in measured[1:]:
        ours = ours.predict()
        np.testing.assert_allclose(ours.mean, theirs.predict()[:, 0])
        ours = ours.update(one)
        sides = [(one[0] + one[2]) / 2, (one[1] + one[3]) / 2, one[2] - one[0], one[3] - one[1]]
        np.testing.assert_allclose(ours.mean, theirs.correct(np.array(sides)[:, None])[:, 0])
        np.testing.assert_allclose(ours.covariance, theirs.errorCovPost, atol=1e-12)


def test_the_filter_learns_a_steady_velocity_and_is_less_certain_without_boxes():
    state = ConstantVelocity.start(box(0))
    for t in range(1, 15):
        state = state.predict().update(box(4.0 * t))
    np.testing.assert_allclose(state.mean[4:], [4, 0], atol=0.05)
    later = state.predict().predict()
    np.testing.assert_allclose(later.box, box(4.0 * 16), atol=0.2)
    assert np.trace(later.covariance) > np.trace(state.covariance)


# --- linking ---------------------------------------------------------------------------------


def test_objects_that_cross_keep_their_identities_with_a_motion_model_and_swap_without():
    """They meet unseen: where they come out, only their velocity tells which is which."""
    t = np.arange(20.0)
    left_to_right = np.stack([10 + 4 * t, 50 + 0 * t], axis=1)
    paths = [left_to_right, left_to_right[::-1]]
    hidden = {(i, frame) for i in (0, 1) for frame in (8, 9, 10, 11)}
    truth = frames_of(paths, hidden)
    options = {"patience": 10, "gate": 0.9}
    kept = score([truth], [list(track(boxes_of(truth), **options))])
    swapped = score([truth], [list(track(boxes_of(truth), motion=StandStill, **options))])
    assert (kept.switches, kept.idf1) == (0, 1.0)
    assert swapped.switches == 2
    assert swapped.idf1 == pytest.approx(0.5)


@pytest.mark.parametrize(("patience", "tracks"), [(0, 2), (1, 2), (2, 1)])
def test_missed_frames_are_bridged_as_long_as_patience_lasts(patience, tracks):
    truth = frames_of([[(20 + 2 * t, 50) for t in range(12)]], gone={(0, 6), (0, 7)})
    found = list(track(boxes_of(truth), patience=patience))
    assert len({int(i) for frame in found for i in frame.ids}) == tracks
    assert [len(frame.ids) for frame in found[6:8]] == [0, 0]


def test_a_track_is_believed_from_its_third_box_on_and_dies_of_a_miss_before():
    nothing = np.zeros((0, 4))
    here, there = box(20)[None], box(80)[None]
    late = list(track([here, here, here] + [np.concatenate([here, there])] * 3))
    assert [len(frame.ids) for frame in late] == [1, 1, 1, 1, 1, 2]
    flicker = [nothing] * 4 + [here, here, nothing] * 3
    assert not any(len(frame.ids) for frame in track(flicker))


def test_frames_are_taken_one_at_a_time():
    taken = []

    def stream():
        for t in range(5):
            taken.append(t)
            yield box(20 + t)[None]

    next(iter(track(stream())))
    assert taken == [0]


def test_frames_without_boxes_are_frames():
    found = list(track([[], np.zeros((0, 4)), box(10)[None]], confirm=1))
    assert [len(frame.ids) for frame in found] == [0, 0, 1]
    assert found[0].boxes.shape == (0, 4)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: list(track([np.ones((2, 5))])), r"Frame 0 needs boxes \(n, 4\).*\(2, 5\)"),
        (lambda: list(track([[[10, 10, 5, 20]]])), "left < right and top < bottom"),
        (lambda: list(track([], patience=-1)), "patience must be at least 0"),
        (lambda: list(track([], confirm=0)), "confirm at least 1, not 5 and 0"),
        (lambda: score([[]], [[], []]), "same clips and frames"),
        (lambda: crossings([], ((1, 1), (1, 1))), "two different ends"),
        (lambda: list(imitate_detector([], misses=1.2)), "misses must be within 0..1"),
        (lambda: cu.datasets.vehicle_count("bigbuckbunny"), "No vehicles were counted in"),
    ],
)
def test_bad_input_is_refused_in_one_sentence(call, message):
    with pytest.raises(ValueError, match=message):
        call()


# --- scores ----------------------------------------------------------------------------------


def test_mota_and_idf1_are_those_counted_by_hand():
    """Two objects, six frames: ids swap after the third; one miss; one false alarm."""
    truth = frames_of([[(20, 20)] * 6, [(80, 80)] * 6])
    found = []
    for t, frame in enumerate(truth):
        ids = np.array([1, 2]) if t < 3 else np.array([2, 1])
        found.append(Tracked(ids, frame.boxes))
    found[5] = Tracked(found[5].ids[1:], found[5].boxes[1:])
    extra = np.concatenate([found[1].boxes, box(50, 50)[None]])
    found[1] = Tracked(np.append(found[1].ids, 3), extra)
    result = score([truth], [found])
    assert (result.switches, result.misses, result.false_alarms, result.objects) == (2, 1, 1, 12)
    assert result.mota == pytest.approx(1 - 4 / 12)
    assert result.idf1 == pytest.approx(2 * 6 / (12 + 12))


def test_clips_are_scored_together_and_their_identities_apart():
    truth = frames_of([[(20, 20)] * 4])
    other = [Tracked(frame.ids + 7, frame.boxes) for frame in truth]
    result = score([truth, truth], [truth, other])
    assert (result.switches, result.idf1, result.objects) == (0, 1.0, 8)


def test_boxes_that_overlap_too_little_are_misses():
    truth = frames_of([[(20, 20)] * 3])
    shifted = frames_of([[(31, 20)] * 3])
    result = score([truth], [shifted])
    assert (result.misses, result.false_alarms) == (3, 3)
    assert result.mota == pytest.approx(-1)


def test_scoring_warns_of_nothing(recwarn):
    score([frames_of([[(20, 20)] * 3])], [frames_of([[(20, 20)] * 3])])
    assert not [w for w in recwarn if issubclass(w.category, (FutureWarning, UserWarning))]


def test_switches_are_those_that_the_library_counts():
    t = np.arange(15)
    paths = [np.stack([20 + 3 * t, 40 + 0 * t], 1), np.stack([60 - 3 * t, 45 + 0 * t], 1)]
    truth, total = frames_of(paths), 0
    for seed in range(6):
        spoilt = list(imitate_detector(truth, misses=0.3, jitter=2.0, seed=seed))
        found = list(track(spoilt, patience=1, confirm=1))
        counted = score([truth], [found]).switches
        assert len(switches(truth, found)) == counted
        total += counted
    assert total > 3


def test_a_switch_says_when_and_from_which_id_to_which():
    truth = frames_of([[(20, 40)] * 6])
    found = [Tracked(np.array([7 if t < 4 else 9]), truth[t].boxes) for t in range(6)]
    assert switches(truth, found) == [(4, 0, 7, 9)]


def test_true_tracks_leave_out_what_is_not_to_be_seen():
    boxes = np.arange(24.0).reshape(2, 3, 4)
    first, second = true_tracks(boxes, np.array([[4, -1, 0], [-1, -1, -1]]))
    assert first.ids.tolist() == [0, 2]
    np.testing.assert_array_equal(first.boxes, boxes[0, [0, 2]])
    assert len(second.ids) == 0


def test_drawing_leaves_the_frame_alone_and_marks_the_box():
    image = np.full((40, 40, 3), 0.5, np.float32)
    drawn = draw(image, Tracked(np.array([1]), np.array([[5.0, 6, 25, 30]])), zoom=2)
    assert (drawn.shape, drawn.dtype) == ((80, 80, 3), np.uint8)
    assert (image == 0.5).all()
    assert tuple(drawn[59, 30]) == (0xD5, 0x5E, 0x00)
    assert (drawn[62:] == 128).all()


# --- the imitated detector -------------------------------------------------------------------


def test_an_imitated_detector_errs_as_often_as_it_was_told_to():
    truth = frames_of([[(20, 20)] * 1500, [(70, 70)] * 1500])
    found = list(imitate_detector(truth, misses=0.3, false_alarms=0.5, jitter=0.0))
    exact = [sum((frame == t).all() for t in truth[0].boxes for frame in boxes) for boxes in found]
    assert np.mean(exact) == pytest.approx(2 * 0.7, abs=0.08)
    assert np.mean([len(boxes) for boxes in found]) == pytest.approx(1.4 + 0.5, abs=0.1)
    assert all((boxes >= 0).all() and (boxes <= 96).all() for boxes in found)


def test_a_perfect_detector_gives_the_truth_and_the_same_seed_the_same_faults():
    truth = frames_of([[(20 + t, 20) for t in range(6)]])
    perfect = imitate_detector(truth, misses=0, false_alarms=0, jitter=0)
    for boxes, frame in zip(perfect, truth, strict=True):
        np.testing.assert_array_equal(boxes, frame.boxes)
    first, second = (list(imitate_detector(truth, seed=3)) for _ in range(2))
    assert all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))


# --- counting --------------------------------------------------------------------------------

LINE = ((40, 10), (40, 90))  # a walker goes down the picture: her right is to the left of it


def test_a_crossing_has_its_frame_its_place_and_its_direction():
    frames = frames_of([[(30 + 3 * t, 50) for t in range(8)], [(50 - 4 * t, 30) for t in range(8)]])
    rightward, leftward = sorted(crossings(frames, LINE), key=lambda one: one.id)
    assert (rightward.frame, rightward.place, rightward.forward) == (4, 0.5, False)
    assert (leftward.frame, leftward.place, leftward.forward) == (3, 0.25, True)


def test_who_wavers_on_the_line_is_counted_once_and_who_passes_beside_it_never():
    wavering = [(38, 50), (42, 50), (39, 50), (43, 50)]
    beside = [(30, 95), (36, 95), (42, 95), (48, 95)]
    found = crossings(frames_of([wavering, beside]), LINE)
    assert [(one.id, one.frame) for one in found] == [(0, 1)]


def test_a_crossing_that_was_not_seen_is_placed_between_the_frames_around_it():
    frames = frames_of([[(30, 20), (34, 30), (38, 40), (42, 50)]], gone={(0, 1), (0, 2)})
    (one,) = crossings(frames, LINE)
    assert (one.frame, one.place) == (3, pytest.approx((45 - 10) / 80))


def test_foreground_boxes_fill_gaps_and_drop_specks():
    mask = np.zeros((60, 80), np.uint8)
    mask[10:20, 10:18] = 255
    mask[10:20, 20:30] = 127  # two pixels apart: one thing
    mask[40:50, 60:70] = 255
    mask[30, 40] = 255
    found = foreground_boxes(mask, least_area=20, closing=5)
    np.testing.assert_array_equal(found, [[10, 10, 30, 20], [60, 40, 70, 50]])
    assert foreground_boxes(np.zeros((9, 9)), least_area=1).shape == (0, 4)


# --- clips with a known end ------------------------------------------------------------------


def test_on_moving_scenes_each_part_of_the_tracker_adds_something():
    clips = cu.datasets.moving_scenes("validation", 6, frames=40)
    truth = [true_tracks(*clip) for clip in zip(clips.boxes, clips.labels, strict=True)]
    detected = [list(imitate_detector(clip, seed=i)) for i, clip in enumerate(truth)]
    nearest = partial(
        track,
        cost=center_distance,
        gate=20,
        assign=greedy,
        motion=StandStill,
        patience=0,
        confirm=1,
    )
    results = [
        score(truth, [list(method(clip)) for clip in detected])
        for method in (nearest, partial(track, motion=StandStill), track)
    ]
    assert results[0].idf1 + 0.2 < results[1].idf1 <= results[2].idf1
    assert results[0].switches > 3 * results[1].switches >= 3 * results[2].switches


def test_the_hand_count_fits_its_clip():
    count = cu.datasets.vehicle_count("traffic")
    card = cu.datasets.video_card("traffic")
    (ends, frames) = np.array(count.line), [one.frame for one in count.crossings]
    assert ((ends >= 0) & (ends <= (card.width, card.height))).all()
    assert frames == sorted(frames)
    assert frames[0] >= 0
    assert frames[-1] < card.frames
    assert {one.stream for one in count.crossings} == set(count.streams)
    assert "by eye" in count.how.lower()
