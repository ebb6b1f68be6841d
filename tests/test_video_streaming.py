"""Clips for a network: complete, in a known order, with a memory that stays flat."""

import warnings

import numpy as np
import psutil
import pytest
from test_video import counting, numbers

from course_utils import video


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Two classes, three clips of 20, 24 and 9 frames, as UCF101 and Kinetics lay them out."""
    root = tmp_path_factory.mktemp("clips")
    for name, count in (("wave/a.mp4", 20), ("jump/b.mp4", 24), ("wave/c.mp4", 9)):
        (root / name).parent.mkdir(exist_ok=True)
        video.write(root / name, counting(count), 25)
    (root / "wave" / "notes.txt").write_text("no video")
    (root / "readme.txt").write_text("no class")
    return root


def listed(dataset):
    """Each clip as the numbers that its frames tell, with its label."""
    return [(tuple(numbers(clip * 255)), int(label)) for clip, label in dataset.as_numpy_iterator()]


def test_a_folder_gives_clips_labels_and_class_names(folder):
    dataset = video.clips(folder, window=8, size=(48, 64))
    assert dataset.class_names == ("jump", "wave")
    assert [path.rsplit("/", 1)[1] for path in dataset.file_paths] == ["b.mp4", "a.mp4", "c.mp4"]
    runs = [tuple(range(i, i + 8)) for i in range(0, 24, 8)]
    expected = [(run, 0) for run in runs] + [(runs[0], 1), (runs[1], 1), (runs[0], 1)]
    assert listed(dataset) == expected


def test_clips_are_floats_from_0_to_1_of_a_fixed_shape(folder):
    dataset = video.clips(folder, window=4, size=(24, 32), batch_size=3)
    clips, labels = next(iter(dataset))
    assert clips.dtype == "float32"
    assert labels.dtype == "int32"
    assert clips.shape == (3, 4, 24, 32, 3)
    assert dataset.element_spec[0].shape.as_list() == [None, 4, 24, 32, 3]
    assert 0 <= np.min(clips) < np.max(clips) <= 1
    path = next(path for path in dataset.file_paths if path.endswith("b.mp4"))
    expected = video.read(path, count=4, size=(24, 32)) / 255
    np.testing.assert_allclose(clips[0], expected, atol=1e-6)


def test_step_and_stride_choose_frames(folder):
    path = folder / "wave" / "a.mp4"
    dataset = video.clips([path], window=3, step=2, stride=4, size=(48, 64))
    # A clip spans five frames; the fourth begins at 12, and one at 16 would end after the last.
    assert [run for run, _ in listed(dataset)] == [(s, s + 2, s + 4) for s in (0, 4, 8, 12)]
    apart = video.clips([path], window=2, stride=9, size=(48, 64))
    assert [run for run, _ in listed(apart)] == [(0, 1), (9, 10), (18, 19)]


def test_labels_of_a_list_are_given_or_count_the_files(folder):
    paths = [folder / "wave" / "a.mp4", folder / "jump" / "b.mp4"]
    by_place = video.clips(paths, window=20, size=(8, 8))
    assert [label for _, label in listed(by_place)] == [0, 1]
    assert by_place.class_names is None
    given = video.clips(paths, window=20, size=(8, 8), labels=[7, 3])
    assert [label for _, label in listed(given)] == [7, 3]


def test_a_seed_shuffles_the_same_way_in_each_run_and_differently_in_each_epoch(folder):
    def epochs():
        dataset = video.clips(folder, window=2, size=(48, 64), seed=3)
        return listed(dataset), listed(dataset)

    in_order = listed(video.clips(folder, window=2, size=(48, 64)))
    first, second = epochs()
    assert (first, second) == epochs()
    assert first != second != in_order
    assert sorted(first) == sorted(second) == sorted(in_order)


# Keras warns whenever it first learns how many batches there are.
@pytest.mark.filterwarnings("ignore:Your input ran out of data")
@pytest.mark.filterwarnings("ignore:`shuffle=True` was passed")
def test_a_model_trains_on_the_batches(folder, float32):
    import keras

    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [keras.Input((4, 8, 8, 3)), keras.layers.Flatten(), keras.layers.Dense(2)]
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer="sgd", loss=loss)
    run = model.fit(video.clips(folder, window=4, size=(8, 8), batch_size=4), verbose=0)
    assert np.isfinite(run.history["loss"][0])


# Files that are bad


@pytest.fixture
def with_bad_files(folder, tmp_path):
    """A good clip, then an empty, a torn, a too short and a false one, then a good one."""
    good = (folder / "jump" / "b.mp4").read_bytes()
    contents = {
        "1.mp4": good,
        "2-empty.mp4": b"",
        "3-torn.mp4": good[: len(good) * 9 // 10],
        "4-short.mp4": (folder / "wave" / "c.mp4").read_bytes(),
        "5-text.mp4": b"text" * 100,
        "6.mp4": good,
    }
    (tmp_path / "all").mkdir()
    for name, content in contents.items():
        (tmp_path / "all" / name).write_bytes(content)
    return tmp_path


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("2-empty.mp4", "should be a video file, but it is empty"),
        ("3-torn.mp4", "breaks off after"),
        ("4-short.mp4", "has 9 frames, too few for a clip that spans 12"),
        ("5-text.mp4", "is not a video that FFmpeg can open"),
    ],
)
def test_a_bad_file_ends_the_epoch_with_the_reason(with_bad_files, name, message):
    import tensorflow as tf

    dataset = video.clips([with_bad_files / "all" / name], window=12, size=(8, 8))
    with pytest.raises(tf.errors.InvalidArgumentError, match=message):
        list(dataset)


@pytest.mark.parametrize("seed", [None, 0])
def test_bad_files_are_skipped_with_a_warning_each(with_bad_files, seed):
    dataset = video.clips(with_bad_files, window=12, size=(48, 64), seed=seed, on_error="skip")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        runs = [run for run, _ in listed(dataset)]
    whole = [tuple(range(12)), tuple(range(12, 24))]
    # The torn file's first clip was complete before the tear.
    assert sorted(runs) == sorted([*whole, *whole, whole[0]])
    told = sorted(str(w.message) for w in caught if str(w.message).startswith("Skipped"))
    assert len(told) == 4
    for name, message in zip(("2-empty", "3-torn", "4-short", "5-text"), told, strict=True):
        assert name in message


def test_an_epoch_that_is_left_in_the_middle_starts_anew(folder):
    dataset = video.clips(folder, window=2, size=(48, 64))
    for _ in range(3):
        clip, _ = next(iter(dataset))
        assert numbers(clip.numpy() * 255) == [0, 1]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"window": 0}, "must be at least 1, but they are 0"),
        ({"stride": 0}, "must be at least 1"),
        ({"batch_size": 0}, "must be at least 1"),
        ({"size": (0, 8)}, "must be at least 1"),
        ({"on_error": "ignore"}, "'raise' or 'skip', but it is 'ignore'"),
        ({"labels": [1, 2, 3]}, "leave labels=None"),
    ],
)
def test_arguments_that_make_no_sense_are_refused(folder, arguments, message):
    with pytest.raises(ValueError, match=message):
        video.clips(folder, **({"window": 2, "size": (8, 8)} | arguments))


def test_sources_without_videos_are_refused(folder, tmp_path):
    chosen = {"window": 2, "size": (8, 8)}
    with pytest.raises(ValueError, match="is no folder"):
        video.clips(tmp_path / "none", **chosen)
    with pytest.raises(ValueError, match=r"one folder a class .* no file that ends in \.avi"):
        video.clips(tmp_path, **chosen)
    with pytest.raises(ValueError, match="has 1 files, and 1 of them are not there, such as"):
        video.clips([tmp_path / "none.mp4"], **chosen)
    with pytest.raises(ValueError, match="has 0 files"):
        video.clips([], **chosen)
    with pytest.raises(ValueError, match="1 files need as many labels, but there are 2"):
        video.clips([folder / "wave" / "a.mp4"], labels=[0, 1], **chosen)


def test_memory_does_not_grow_with_the_length_of_the_video(tmp_path):
    """Ten times the frames, which would take 48 MB more as an array, 191 MB as floats."""
    noise = np.random.default_rng(0).integers(0, 256, (16, 96, 128, 3), np.uint8)
    short = video.write(tmp_path / "short.mp4", np.tile(noise, (9, 1, 1, 1)), 25, quality=35)
    long = video.repeat(short, tmp_path / "long.mp4", 10)
    process = psutil.Process()

    def largest(path):
        most = count = 0
        for _ in video.clips([path], window=8, size=(96, 128)):
            most, count = max(most, process.memory_info().rss), count + 1
        return most / 1e6, count

    largest(short)
    before, few = largest(short)
    after, many = largest(long)
    assert (few, many) == (18, 180)
    assert after - before < 20
