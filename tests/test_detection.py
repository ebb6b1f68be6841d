"""Detection: targets, losses, decoding, suppression and measures against references."""

import keras
import matplotlib.pyplot as plt
import numpy as np
import pytest
from scipy.special import expit

import course_utils as cu
from course_utils import detection
from course_utils.datasets import SCENE_CLASSES, Scenes
from course_utils.detection import Detections
from course_utils.models import build_centernet

TINY = {"widths": (4, 6, 8), "head_width": 4}


def found(boxes, labels, scores):
    return Detections(
        np.asarray(boxes, np.float32).reshape(-1, 4),
        np.asarray(labels, np.int32),
        np.asarray(scores, np.float32),
    )


def scene(boxes, labels):
    """A truth of one picture after the other; lists of lists of boxes and of labels."""
    most = max(len(some) for some in labels)
    all_boxes = np.zeros((len(labels), most, 4), np.float32)
    all_labels = np.full((len(labels), most), -1, np.int32)
    for i, (some, classes) in enumerate(zip(boxes, labels, strict=True)):
        if classes:
            all_boxes[i, : len(classes)], all_labels[i, : len(classes)] = some, classes
    return Scenes(np.zeros(0), all_boxes, all_labels, np.zeros(0))


def random_boxes(rng, count, size=96):
    corner = rng.uniform(0, size - 40, (count, 2))
    return np.concatenate([corner, corner + rng.uniform(10, 40, (count, 2))], 1)


# --- the model -----------------------------------------------------------------------------


def test_centernet_returns_three_float32_maps_of_a_quarter_of_the_side():
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = build_centernet(num_classes=7, **TINY)
    finally:
        keras.config.set_dtype_policy("float32")
    maps = model(np.zeros((2, 32, 48, 3), np.float32))
    assert {name: tuple(one.shape) for name, one in maps.items()} == {
        "heatmap": (2, 8, 12, 7),
        "size": (2, 8, 12, 2),
        "offset": (2, 8, 12, 2),
    }
    assert all(one.dtype == "float32" for one in maps.values())


def test_centernet_takes_almost_every_cell_for_background_at_first():
    maps = build_centernet(**TINY)(np.random.default_rng(0).random((2, 32, 32, 3)))
    assert np.abs(expit(maps["heatmap"]) - 0.1).mean() < 0.05


def test_saved_centernet_gives_equal_maps(tmp_path):
    images = np.random.default_rng(0).random((2, 32, 32, 3), dtype=np.float32)
    model = build_centernet(**TINY)
    optimizer = keras.optimizers.Adam()
    optimizer.build(model.trainable_variables)
    detection.compile_detector(model, optimizer)
    model.save(tmp_path / "centernet.keras")
    loaded = keras.models.load_model(tmp_path / "centernet.keras")
    for name, one in model(images).items():
        np.testing.assert_allclose(loaded(images)[name], one, atol=1e-6)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"input_shape": (96, 96)}, r"\(height, width, channels\), not \(96, 96\)"),
        ({"input_shape": (100, 96, 3)}, "multiples of 16, not 100×96: pad"),
        ({"input_shape": (0, 96, 3)}, "multiples of 16, not 0×96"),
        ({"num_classes": 0}, "at least 1, not 0"),
        ({"widths": (8,)}, r"two positive numbers or more, not \(8,\)"),
        ({"widths": (8, 0)}, r"not \(8, 0\)"),
    ],
)
def test_a_centernet_of_wrong_sizes_is_refused_in_one_sentence(arguments, message):
    with pytest.raises(ValueError, match=message):
        build_centernet(**arguments)


# --- targets -------------------------------------------------------------------------------


def test_a_box_becomes_a_peak_a_size_and_an_offset_in_the_cell_of_its_middle():
    # The middle is (25, 14) pixels = (6.25, 3.5) cells; the size 30 × 12 pixels.
    maps = detection.encode(np.array([[[10, 8, 40, 20]]]), np.array([[1]]), (48, 64), 3)
    assert maps["heatmap"].shape == (1, 12, 16, 3)
    assert np.argwhere(maps["heatmap"] == 1).tolist() == [[0, 3, 6, 1]]
    assert maps["heatmap"][..., [0, 2]].max() == 0
    np.testing.assert_allclose(maps["size"][0, 3, 6], [7.5, 3])
    np.testing.assert_allclose(maps["offset"][0, 3, 6], [0.25, 0.5])
    for name in ("size", "offset"):
        assert (maps[name] == -1).sum() == 2 * (12 * 16 - 1)


def test_the_peak_falls_off_as_the_gaussian_of_the_paper():
    maps = detection.encode(np.array([[[8, 8, 40, 40]]]), np.array([[0]]), (64, 64), 1)
    sigma = detection.gaussian_radius(np.array([8.0, 8.0])) / 3
    y, x = np.mgrid[:16, :16]
    expected = np.exp(-((x - 6) ** 2 + (y - 6) ** 2) / (2 * sigma**2))
    np.testing.assert_allclose(maps["heatmap"][0, :, :, 0], expected, atol=1e-6)


@pytest.mark.parametrize("size", [(20.0, 39.0), (7.0, 7.0), (30.0, 5.0)])
def test_a_box_that_slides_by_the_radius_keeps_just_the_least_iou(size):
    r = float(detection.gaussian_radius(np.array(size), 0.3))
    box = np.array([[0, 0, *size]])
    assert detection.iou(box, box + r)[0, 0] == pytest.approx(0.3)


def test_where_two_peaks_of_a_class_overlap_the_larger_value_stands():
    boxes, labels = np.array([[[8, 8, 40, 40], [16, 8, 48, 40]]]), np.array([[2, 2]])
    both = detection.encode(boxes, labels, (64, 64), 3)["heatmap"]
    alone = [
        detection.encode(boxes[:, i : i + 1], labels[:, i : i + 1], (64, 64), 3)["heatmap"]
        for i in range(2)
    ]
    np.testing.assert_array_equal(both, np.maximum(*alone))


def test_maps_of_the_truth_are_read_back_as_the_truth():
    truth = cu.datasets.scenes("validation", 20)
    maps = detection.encode(truth.boxes, truth.labels, (96, 96), len(SCENE_CLASSES))
    for one, boxes, labels in zip(detection.decode(maps), truth.boxes, truth.labels, strict=True):
        sure = one.above(1.0)
        order = np.lexsort(sure.boxes.T)
        expected = boxes[labels >= 0]
        np.testing.assert_allclose(
            sure.boxes[order], expected[np.lexsort(expected.T)], rtol=1e-6, atol=1e-4
        )
        assert sorted(sure.labels) == sorted(labels[labels >= 0])


BOX = [[[10.0, 10.0, 30.0, 30.0]]]


@pytest.mark.parametrize(
    ("boxes", "labels", "shape", "message"),
    [
        ([[[10, 10, 30, 97]]], [[0]], (96, 96), r"within the picture of 96×96 pixels, not \[10"),
        ([[[-1, 10, 30, 30]]], [[0]], (96, 96), r"not \[-1.0, 10.0, 30.0, 30.0\]: clip them"),
        ([[[30, 10, 30, 30]]], [[0]], (96, 96), "within the picture"),
        ([[[30, 30, 10, 10]]], [[0]], (96, 96), "within the picture"),
        ([[[10, 10, np.nan, 30]]], [[0]], (96, 96), "within the picture"),
        (BOX[0], [[0]], (96, 96), r"\(images, objects, 4\).*not \(1, 4\) and \(1, 1\)"),
        (BOX, [0], (96, 96), r"not \(1, 1, 4\) and \(1,\)"),
        (BOX, [[5]], (96, 96), r"must lie in 0..4 \(−1: no object\), found 5"),
        (BOX, [[0.5]], (96, 96), "labels must be integers, not float64"),
        (BOX, [[0]], (96, 98), "multiples of the stride 4, not 96×98"),
    ],
)
def test_impossible_boxes_are_refused_in_one_sentence(boxes, labels, shape, message):
    with pytest.raises(ValueError, match=message):
        detection.encode(np.array(boxes), np.array(labels), shape, 5)


def test_a_box_outside_of_the_picture_is_no_matter_where_there_is_no_object():
    maps = detection.encode(np.full((1, 1, 4), -7), np.array([[-1]]), (96, 96), 5)
    assert maps["heatmap"].max() == 0
    assert maps["size"].max() == -1


# --- losses --------------------------------------------------------------------------------


@pytest.fixture
def maps():
    rng = np.random.default_rng(0)
    truth = detection.encode(
        np.array([[[8, 8, 40, 40], [30, 20, 60, 60]], [[8, 8, 40, 40], [0, 0, 0, 0]]]),
        np.array([[0, 1], [1, -1]]),
        (64, 64),
        2,
    )
    predicted = {name: rng.normal(size=one.shape).astype(np.float32) for name, one in truth.items()}
    return truth, predicted


def test_focal_loss_is_equation_1_of_the_paper(maps):
    target, logits = maps[0]["heatmap"].astype(float), maps[1]["heatmap"].astype(float)
    p = 1 / (1 + np.exp(-logits))
    for i, objects in enumerate((2, 1)):
        total = 0.0
        for where in np.ndindex(*target.shape[1:]):
            y, q = target[i][where], p[i][where]
            total -= (1 - q) ** 2 * np.log(q) if y == 1 else (1 - y) ** 4 * q**2 * np.log(1 - q)
        value = detection.focal_loss(maps[0]["heatmap"], maps[1]["heatmap"])[i]
        assert float(value) == pytest.approx(total / objects, rel=1e-5)


def test_without_its_powers_focal_loss_is_binary_cross_entropy(maps):
    middles = (maps[0]["heatmap"] == 1).astype(np.float32)
    entropy = keras.losses.binary_crossentropy(middles, maps[1]["heatmap"], from_logits=True)
    expected = np.sum(entropy, axis=(1, 2)) * 2 / [2, 1]  # Keras takes the mean over classes
    value = detection.focal_loss(maps[0]["heatmap"], maps[1]["heatmap"], alpha=0.0, beta=0.0)
    np.testing.assert_allclose(value, expected, rtol=1e-5)


def test_focal_loss_stays_finite_for_logits_that_saturate(maps):
    for logits in (np.full_like(maps[0]["heatmap"], 80), np.full_like(maps[0]["heatmap"], -80)):
        assert np.isfinite(detection.focal_loss(maps[0]["heatmap"], logits)).all()


def test_size_and_offset_count_at_middles_only(maps):
    truth, predicted = maps
    for name in ("size", "offset"):
        at = truth[name][..., 0] >= 0
        distance = np.abs(truth[name] - predicted[name]).sum(-1)
        expected = [distance[i][at[i]].mean() for i in range(2)]
        value = detection.l1_at_middles(truth[name], predicted[name])
        np.testing.assert_allclose(value, expected, rtol=1e-5)
        elsewhere = predicted[name] + 9 * ~at[..., None]
        np.testing.assert_allclose(detection.l1_at_middles(truth[name], elsewhere), value)


def test_losses_of_a_picture_without_objects_are_finite():
    empty = detection.encode(np.zeros((1, 1, 4)), np.array([[-1]]), (32, 32), 2)
    zeros = {name: np.zeros_like(one) for name, one in empty.items()}
    background = detection.focal_loss(empty["heatmap"], zeros["heatmap"])[0]
    assert float(background) == pytest.approx(8 * 8 * 2 * 0.25 * np.log(2), rel=1e-5)
    assert float(detection.l1_at_middles(empty["size"], zeros["size"])[0]) == 0


def test_a_compiled_detector_weighs_its_losses_and_learns():
    rng = np.random.default_rng(0)
    images = 0.2 * rng.random((64, 32, 32, 3), dtype=np.float32)
    corner = rng.integers(0, 20, (64, 1, 2))
    boxes = np.concatenate([corner, corner + 12], -1).astype(np.float32)
    for image, (x, y) in zip(images, corner[:, 0], strict=True):
        image[y : y + 12, x : x + 12] += 0.8
    targets = detection.encode(boxes, np.zeros((64, 1), int), (32, 32), 1)
    keras.utils.set_random_seed(0)
    model = build_centernet(num_classes=1, widths=(6, 8), head_width=8)
    detection.compile_detector(model, keras.optimizers.Adam(2e-2))
    log = model.fit(images, targets, batch_size=16, epochs=12, verbose=0).history
    parts = [log[f"{name}_loss"][-1] for name in ("heatmap", "size", "offset")]
    assert log["loss"][-1] == pytest.approx(np.dot(parts, [1, 0.4, 1]), rel=1e-3)
    truth = Scenes(images, boxes, np.zeros((64, 1), np.int32), np.zeros(0))
    assert detection.coco_map(detection.detect(model, images), truth, 1).ap50 >= 0.8


# --- decoding ------------------------------------------------------------------------------


def test_only_cells_that_no_neighbour_outshines_are_peaks():
    rng = np.random.default_rng(0)
    heatmap = rng.random((2, 9, 7, 3), dtype=np.float32)
    maps = {"heatmap": heatmap, "size": np.ones((2, 9, 7, 2)), "offset": np.zeros((2, 9, 7, 2))}
    padded = np.pad(heatmap, ((0, 0), (1, 1), (1, 1), (0, 0)), constant_values=-1)
    for i, one in enumerate(detection.decode(maps, least_score=0.2)):
        peaks = [
            (heatmap[i, y, x, c], c)
            for y, x, c in np.ndindex(9, 7, 3)
            if heatmap[i, y, x, c] >= max(0.2, padded[i, y : y + 3, x : x + 3, c].max())
        ]
        assert sorted(zip(one.scores, one.labels, strict=True)) == sorted(peaks)
        assert (np.diff(one.scores) <= 0).all()


def test_every_cell_becomes_a_box_when_peaks_do_not_count():
    maps = {"heatmap": np.full((1, 4, 5, 2), 0.5)}
    maps |= {"size": np.ones((1, 4, 5, 2)), "offset": np.zeros((1, 4, 5, 2))}
    assert len(detection.decode(maps, peaks_only=False)[0]) == 40
    assert len(detection.decode(maps, peaks_only=False, most=7)[0]) == 7
    assert len(detection.decode(maps, least_score=0.6)[0]) == 0


def test_boxes_end_at_the_edge_of_the_picture_and_are_never_inside_out():
    maps = {"heatmap": np.full((1, 4, 5, 1), 0.5), "offset": np.full((1, 4, 5, 2), 0.5)}
    wide = detection.decode(maps | {"size": np.full((1, 4, 5, 2), 99.0)}, peaks_only=False)[0]
    assert (wide.boxes == [0, 0, 20, 16]).all()
    empty = detection.decode(maps | {"size": np.full((1, 4, 5, 2), -3.0)}, peaks_only=False)[0]
    assert (empty.boxes[:, 2:] == empty.boxes[:, :2]).all()


def test_maps_that_do_not_fit_one_another_are_refused():
    maps = {"heatmap": np.zeros((1, 4, 5, 2)), "size": np.zeros((1, 4, 4, 2))}
    with pytest.raises(ValueError, match=r"not \(1, 4, 5, 2\), \(1, 4, 4, 2\) and"):
        detection.decode(maps | {"offset": np.zeros((1, 4, 5, 2))})


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (np.zeros((96, 96, 3), np.float32), r"\(images, height, width, 3\), not \(96, 96, 3\)"),
        (np.zeros((1, 96, 96, 1), np.float32), r"not \(1, 96, 96, 1\)"),
        (np.zeros((0, 96, 96, 3), np.float32), r"not \(0, 96, 96, 3\)"),
        (np.zeros((1, 96, 96, 3), np.uint8), r"floats in \[0, 1\], not uint8"),
        (np.full((1, 96, 96, 3), 200.0), r"floats in \[0, 1\], not float64 from 200"),
        (np.full((1, 96, 96, 3), np.nan), "floats in"),
        (np.zeros((1, 100, 96, 3), np.float32), "multiples of 8, .* not 100×96: pad"),
    ],
)
def test_pictures_that_the_model_cannot_mean_are_refused_in_one_sentence(images, message):
    with pytest.raises(ValueError, match=message):
        detection.detect(build_centernet(**TINY), images)


def test_a_batch_and_its_pictures_one_by_one_give_the_same():
    images = np.random.default_rng(0).random((3, 32, 48, 3), dtype=np.float32)
    model = build_centernet(**TINY)
    together = detection.detect(model, images, most=20)
    for i, one in enumerate(together):
        alone = detection.detect(model, images[i : i + 1], most=20)[0]
        np.testing.assert_allclose(alone.scores, one.scores, atol=1e-5)
        assert len(one) == 20
        assert len(one.above(one.scores[4])) == 5


# --- suppression, IoU and COCO's measure -----------------------------------------------------


def test_suppression_equals_a_loop_over_pairs():
    rng = np.random.default_rng(0)
    boxes, labels = random_boxes(rng, 40, 60), rng.integers(0, 3, 40)
    one = found(boxes, labels, np.sort(rng.random(40))[::-1])
    kept = []
    for i in range(40):
        overlap = detection.iou(boxes[i : i + 1], boxes)[0]
        if not any(overlap[j] > 0.4 and labels[j] == labels[i] for j in kept):
            kept.append(i)
    after = detection.suppress(one, 0.4)
    assert 3 < len(kept) < 35
    np.testing.assert_array_equal(after.boxes, one.boxes[kept])
    np.testing.assert_array_equal(after.labels, one.labels[kept])
    np.testing.assert_array_equal(after.scores, one.scores[kept])


def test_suppression_of_nothing_is_nothing_and_an_impossible_iou_is_refused():
    nothing = found([], [], [])
    assert len(detection.suppress(nothing)) == 0
    with pytest.raises(ValueError, match=r"must lie in \[0, 1\], not 1.5"):
        detection.suppress(nothing, 1.5)


def test_iou_equals_counting_pixels():
    rng = np.random.default_rng(0)
    a, b = (np.round(random_boxes(rng, 6, 60)) for _ in range(2))

    def pixels(box):
        mask = np.zeros((60, 60), bool)
        left, top, right, bottom = box.astype(int)
        mask[top:bottom, left:right] = True
        return mask

    expected = [
        [(pixels(p) & pixels(q)).sum() / (pixels(p) | pixels(q)).sum() for q in b] for p in a
    ]
    np.testing.assert_allclose(detection.iou(a, b), expected)
    assert detection.iou(a, b[:0]).shape == (6, 0)


TRUTH = scene(
    [[[0, 0, 20, 20], [40, 40, 70, 60]], [[10, 10, 40, 40]], []],
    [[0, 1], [0], []],
)
TRUTH_WITHOUT_OBJECTS = scene([[[0, 0, 0, 0]]], [[-1]])
PERFECT = [
    found(TRUTH.boxes[i][TRUTH.labels[i] >= 0], TRUTH.labels[i][TRUTH.labels[i] >= 0], scores)
    for i, scores in enumerate(([0.9, 0.8], [0.7], []))
]


def test_perfect_boxes_have_average_precision_1(capsys):
    result = detection.coco_map(PERFECT, TRUTH, 3)
    assert (result.ap, result.ap50, result.ap75) == pytest.approx((1, 1, 1))
    np.testing.assert_allclose(result.per_class, [1, 1, np.nan])
    assert capsys.readouterr() == ("", "")


def test_average_precision_is_that_counted_by_hand():
    """One surer false alarm, and one of the two objects of the class missed."""
    predictions = [found([[70, 70, 90, 90], [0, 0, 20, 20]], [0, 0], [0.95, 0.9]), *PERFECT[1:]]
    predictions[1] = found([], [], [])
    result = detection.coco_map(predictions, TRUTH, 2)
    # Class 0: precision 1/2 up to recall 1/2 (51 of 101 recalls), then 0. Class 1: nothing.
    assert result.per_class50[0] == pytest.approx(0.5 * 51 / 101)
    assert result.ap50 == pytest.approx(0.5 * 51 / 101 / 2)
    np.testing.assert_allclose(result.precision[0, :, 0], np.where(result.recalls <= 0.5, 0.5, 0))


def test_a_box_that_is_a_little_off_counts_at_the_low_thresholds_only():
    # A shift of 2 of 20 pixels in x: IoU 18/22 = 0.82, right at 0.50 to 0.80.
    truth = scene([[[0, 0, 20, 20]]], [[0]])
    result = detection.coco_map([found([[2, 0, 22, 20]], [0], [0.9])], truth, 1)
    assert (result.ap50, result.ap75) == (pytest.approx(1), pytest.approx(1))
    assert result.ap == pytest.approx(0.7)


def test_no_detections_at_all_have_average_precision_0():
    result = detection.coco_map([found([], [], [])] * 3, TRUTH, 2)
    assert (result.ap, result.ap50) == (0, 0)


def test_coco_map_refuses_what_cannot_be_scored():
    with pytest.raises(ValueError, match="one Detections a picture, not 2 for 3"):
        detection.coco_map(PERFECT[:2], TRUTH, 2)
    with pytest.raises(ValueError, match="at least one object"):
        detection.coco_map(PERFECT[2:], TRUTH_WITHOUT_OBJECTS, 2)


# --- kinds of mistakes -------------------------------------------------------------------------


def test_every_kind_of_mistake_is_called_by_its_name():
    truth = scene(
        [[[0, 0, 20, 20], [40, 0, 60, 20], [0, 40, 20, 60], [40, 40, 60, 60]]], [[0, 0, 1, 1]]
    )
    boxes = [
        [0, 0, 20, 20],  # right
        [1, 0, 21, 20],  # the same object again
        [40, 1, 60, 21],  # another class
        [10, 40, 30, 60],  # IoU 1/3
        [70, 70, 90, 90],  # nothing there
    ]
    predictions = [found(boxes, [0, 0, 1, 1, 2], [0.9, 0.8, 0.7, 0.6, 0.5])]
    mistakes = detection.find_mistakes(predictions, truth)
    assert [(m.kind, round(m.score, 1)) for m in mistakes] == [
        ("doubled", 0.8),
        ("wrong class", 0.7),
        ("misplaced", 0.6),
        ("background", 0.5),
        ("missed", 0.0),
        ("missed", 0.0),
    ]
    assert {tuple(m.box) for m in mistakes if m.kind == "missed"} == {
        (0, 40, 20, 60),
        (40, 40, 60, 60),
    }
    assert {m.kind for m in mistakes} == set(detection.KINDS)


def test_the_surest_box_takes_the_object_it_overlaps_most():
    truth = scene([[[0, 0, 20, 20], [5, 0, 25, 20]]], [[0, 0]])
    predictions = [found([[4, 0, 24, 20], [1, 0, 21, 20]], [0, 0], [0.9, 0.8])]
    assert detection.find_mistakes(predictions, truth) == []


def test_without_predictions_every_object_is_missed():
    mistakes = detection.find_mistakes([found([], [], [])] * 3, TRUTH)
    assert [m.kind for m in mistakes] == ["missed"] * 3


# --- pictures ----------------------------------------------------------------------------------


@pytest.fixture
def drawn(monkeypatch):
    """The figure that was shown, which `plt.show` would have closed."""
    figures = []
    monkeypatch.setattr(plt, "show", lambda: figures.append(plt.gcf()))
    yield figures
    plt.close("all")


def test_boxes_are_drawn_where_there_are_objects_with_the_names_of_their_classes(drawn):
    images = np.zeros((3, 96, 96, 3))
    detection.show_boxes(images, TRUTH.boxes, TRUTH.labels, ("bag", "shoe"), columns=2)
    axes = drawn[0].axes
    assert [[text.get_text() for text in one.texts] for one in axes[:3]] == [
        ["bag", "shoe"],
        ["bag"],
        [],
    ]
    corners = {patch.get_xy() for patch in axes[1].patches}
    assert corners == {(9.5, 9.5)}  # pixel 10 begins half a pixel before its middle
    assert len(axes) == 4


def test_a_mistake_is_drawn_with_its_kind_and_the_truth_around_it(drawn):
    scenes = Scenes(np.zeros((3, 96, 96, 3)), TRUTH.boxes, TRUTH.labels, np.zeros(0))
    mistakes = [
        detection.Mistake("wrong class", 0, np.array([40, 40, 70, 60]), 0, 0.75),
        detection.Mistake("missed", 1, np.array([10, 10, 40, 40]), 0, 0.0),
    ]
    detection.show_mistakes(scenes, mistakes, ("bag", "shoe"))
    wrong, missed = drawn[0].axes[:2]
    assert wrong.get_title() == "wrong class\nbag 0.75"
    assert missed.get_title() == "missed\nbag"
    # Each outline is drawn twice: two true boxes and the wrong one, then one true box.
    assert (len(wrong.patches), len(missed.patches)) == (6, 2)
    left, right = wrong.get_xlim()
    assert left < 40
    assert right > 69


# --- what ships --------------------------------------------------------------------------------


def test_shipped_detector_reaches_what_its_card_says():
    card = cu.checkpoints.card("scenes-centernet")
    model = cu.checkpoints.load("scenes-centernet")
    truth = cu.datasets.scenes("test", 200)
    result = detection.coco_map(detection.detect(model, truth.images), truth, len(SCENE_CLASSES))
    # The card has a thousand scenes: the first 200 are a sample.
    assert result.ap50 == pytest.approx(card.metrics["test mAP@0.5"], abs=0.04)
    assert result.ap50 >= 0.6
