"""Data sets: what is in them, what is on their cards, and what happens when they are damaged."""

import hashlib
import http.server
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from course_utils import datasets
from course_utils.datasets import images, registry, text
from course_utils.datasets.splits import stratified

DATA = Path(__file__).parents[1] / "data"
IMAGES = {"mnist": (20_000, 3_000, 10_000), "fashion_mnist": (15_000, 2_000, 4_000)}
SIZES = {**IMAGES, "movie_reviews": (8_454, 1_056, 1_056), "emoji": (1_231, 160, 240)}


@pytest.fixture(scope="module")
def loaded():
    return {name: datasets.load(name) for name in datasets.names()}


@pytest.fixture
def movie_reviews(loaded):
    return loaded["movie_reviews"]


@pytest.fixture
def copied(tmp_path, monkeypatch):
    """A copy of the packaged data that a test may damage."""
    for path in DATA.iterdir():
        if path.suffix in {".json", ".npz", ".tsv"}:
            shutil.copy(path, tmp_path)
    monkeypatch.setattr(registry, "folder", lambda: tmp_path)
    return tmp_path


def keras_arrays(examples=120):
    generator = np.random.default_rng(0)
    images = generator.integers(0, 256, (2, examples, 28, 28), dtype=np.uint8)
    labels = np.tile(np.arange(10, dtype=np.uint8), examples // 10)
    return {"x_train": images[0], "y_train": labels, "x_test": images[1], "y_test": labels}


@pytest.fixture
def keras_file(tmp_path):
    path = tmp_path / "all.npz"
    np.savez(path, **keras_arrays())
    return path


def splits_of(data):
    return {"train": data.train, "validation": data.validation, "test": data.test}


# What is in them


def test_names():
    assert datasets.names() == ("emoji", "fashion_mnist", "mnist", "movie_reviews")


@pytest.mark.parametrize("name", SIZES)
def test_sizes_types_and_labels(loaded, name):
    data = loaded[name]
    for (split, (x, y)), size in zip(splits_of(data).items(), SIZES[name], strict=True):
        assert len(x) == len(y) == size == data.card.splits[split]
        assert y.dtype == np.int32
        assert set(np.unique(y)) == set(range(len(data.class_names)))
        assert x.flags.writeable


@pytest.mark.parametrize("name", IMAGES)
def test_images_are_floats_between_0_and_1(loaded, name):
    for x, _ in splits_of(loaded[name]).values():
        assert x.dtype == np.float32
        assert x.shape[1:] == (28, 28, 1)
        assert x.min() == 0
        assert x.max() == 1
        # A blank image would have been an empty row of the package.
        assert (x.max(axis=(1, 2, 3)) > 0).all()


@pytest.mark.parametrize("name", SIZES)
def test_no_example_is_in_two_splits_or_twice_in_one(loaded, name):
    seen = [
        hashlib.sha256(example.tobytes()).digest()
        for x, _ in splits_of(loaded[name]).values()
        for example in x
    ]
    assert len(seen) == sum(SIZES[name])
    assert len(set(seen)) == len(seen)


@pytest.mark.parametrize("name", SIZES)
def test_every_class_has_the_same_share_in_train_and_validation(loaded, name):
    data = loaded[name]
    train, validation = (np.bincount(y) / len(y) for _, y in (data.train, data.validation))
    assert np.abs(train - validation).max() < 1 / len(data.validation[1])


def test_fashion_classes_are_equally_frequent(loaded):
    for _, y in splits_of(loaded["fashion_mnist"]).values():
        assert np.ptp(np.bincount(y)) <= len(y) // 500


def test_mnist_test_set_is_the_official_one(loaded):
    _, y = loaded["mnist"].test
    assert y[:10].tolist() == [7, 2, 1, 0, 4, 1, 4, 9, 5, 9]
    assert np.bincount(y).tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]


def test_sentences_are_clean_and_labelled_by_their_rating(movie_reviews):
    x, y = movie_reviews.train
    assert x.dtype.kind == "U"
    assert not any("&amp;" in s or "  " in s or s != s.strip() or not s for s in x)
    assert 0.48 < y.mean() < 0.51
    assert y[list(x).index("Effective but too tepid biopic")] == 0


def test_emoji_are_in_colour_and_each_has_a_name_and_keywords(loaded):
    data = loaded["emoji"]
    for split, (x, y) in splits_of(data).items():
        assert x.dtype == np.float32
        assert x.shape[1:] == (32, 32, 3)
        assert x.min() == 0
        assert x.max() == 1
        assert (np.ptp(x, axis=3).max(axis=(1, 2)) > 0.2).mean() > 0.8
        names, keywords = data.captions[split], data.keywords[split]
        assert names.shape == keywords.shape == y.shape
        assert names.dtype.kind == keywords.dtype.kind == "U"
        assert all(names)
        assert len(set(names)) == len(names)
    assert loaded["mnist"].captions == {}


def test_an_emoji_has_the_name_and_category_of_its_picture(loaded):
    data = loaded["emoji"]
    means, categories, words = {}, {}, {}
    for split, (x, y) in splits_of(data).items():
        inside = np.where(x.min(3, keepdims=True) < 0.9, x, np.nan)
        for name, keys, image, label in zip(
            data.captions[split], data.keywords[split], inside, y, strict=True
        ):
            means[name] = np.nanmean(image, axis=(0, 1)) if np.isfinite(image).any() else None
            categories[name], words[name] = data.class_names[label], keys
    for colour, channel in (("red", 0), ("green", 1), ("blue", 2)):
        assert means[f"{colour} heart"].argmax() == channel
    assert categories["green apple"] == "Food & Drink"
    assert "fruit" in words["green apple"].split(", ")
    assert categories["cat"] == "Animals & Nature"


def test_near_copies_of_emoji_are_in_one_split(loaded):
    data = loaded["emoji"]
    where = {name: split for split, names in data.captions.items() for name in names}
    for same in (
        ("woman cook", "man cook", "cook"),
        ("red heart", "blue heart"),
        ("one o’clock", "nine o’clock", "twelve-thirty"),
        ("red apple", "green apple"),
        ("keycap: 1", "keycap: 9"),
        ("person walking", "woman walking: facing right"),
    ):
        assert len({where[name] for name in same}) == 1, same


def test_mirror_images_follow_the_images_and_some_have_none():
    x, y = np.arange(24.0).reshape(4, 2, 3, 1), np.array([0, 2, 1, 2])
    both, labels = images.mirrored(x, y, but=[2])
    np.testing.assert_array_equal(both[:4], x)
    np.testing.assert_array_equal(both[4:, :, :, 0], [np.fliplr(x[i, ..., 0]) for i in (0, 2)])
    assert labels.tolist() == [0, 2, 1, 2, 0, 1]
    assert len(images.mirrored(x, y)[0]) == 8


def test_two_loads_share_no_memory(loaded, movie_reviews):
    again = datasets.load("movie_reviews")
    assert not np.shares_memory(again.train[1], movie_reviews.train[1])
    np.testing.assert_array_equal(again.train[0], movie_reviews.train[0])


def test_representation(loaded):
    assert repr(loaded["mnist"]).splitlines() == [
        "Dataset('mnist': 10 classes",
        "  train       (20000, 28, 28, 1) float32",
        "  validation  (3000, 28, 28, 1) float32",
        "  test        (10000, 28, 28, 1) float32)",
    ]


def test_importing_and_loading_imports_no_tensorflow():
    program = (
        "import sys; from course_utils import datasets; datasets.load('movie_reviews');"
        "sys.exit(bool({'tensorflow', 'keras', 'skimage'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", program], cwd=DATA.parent).returncode == 0


# Cards


def test_every_file_is_on_a_card_and_every_card_has_its_files(loaded):
    on_cards = {file for data in loaded.values() for file in data.card.files}
    in_folder = {
        path.name
        for path in DATA.iterdir()
        if path.is_file() and path.suffix not in {".json", ".md", ".py"}
    }
    assert in_folder == on_cards


@pytest.mark.parametrize("name", SIZES)
def test_card_is_complete_and_true(loaded, name):
    card = loaded[name].card
    assert card.name == name
    values = json.loads((DATA / f"{name}.json").read_text(encoding="utf-8"))
    assert all(values.values()), "a field of the card is empty"
    assert {"registry", "package", "version", "sha256"} == set(card.source)
    for work in card.citation:
        assert {"authors", "year", "title", "in"} < set(work)
        assert {"doi", "arxiv"} & set(work)
    for file, expected in card.files.items():
        content = (DATA / file).read_bytes()
        assert len(content) == expected["bytes"]
        assert hashlib.sha256(content).hexdigest() == expected["sha256"]


def test_readme_agrees_with_the_cards(loaded):
    readme = (DATA / "README.md").read_text(encoding="utf-8")
    for data in loaded.values():
        for file, expected in data.card.files.items():
            row = f"| `{file}` | {expected['bytes']:,} | `{expected['sha256']}` |"
            assert row in readme
        for said in (data.card.description, data.card.licence, *data.card.problems):
            assert said in readme


def test_shipped_data_stay_small(loaded):
    sizes = [file["bytes"] for data in loaded.values() for file in data.card.files.values()]
    assert sum(sizes) <= 15_500_000


# Damage and wrong arguments


def test_flipped_byte_is_refused(copied):
    path = copied / "movie_reviews.tsv"
    content = bytearray(path.read_bytes())
    content[1000] ^= 1
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"found 1,\d+,\d+ bytes with sha256 .* install course_ut"):
        datasets.load("movie_reviews")


@pytest.mark.parametrize("name", SIZES)
def test_truncated_file_is_refused(copied, name):
    (path,) = copied.glob(f"{name}.[nt]*")
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(ValueError, match=r"found 1,000 bytes .* `python data/prepare\.py --only"):
        datasets.load(name)


def test_missing_file_is_refused(copied):
    (copied / "mnist.npz").unlink()
    with pytest.raises(ValueError, match=r"mnist\.npz should have .* found no file"):
        datasets.load("mnist")


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("mnst", "'mnist'"),
        ("Fashion-MNIST", "'fashion_mnist'"),
        ("movie_review", "'movie_reviews'"),
    ],
)
def test_unknown_name_gets_the_closest(name, hint):
    known = "emoji, fashion_mnist, mnist, movie_reviews"
    with pytest.raises(ValueError, match=rf"{known}\. Did you mean {hint}"):
        datasets.load(name)


def test_unknown_name_without_a_close_one():
    with pytest.raises(ValueError, match=r"movie_reviews\.$"):
        datasets.load("imagenet")


@pytest.mark.parametrize("name", ["movie_reviews", "emoji"])
@pytest.mark.parametrize("source", ["original", "a file.npz"])
def test_what_is_packaged_whole_has_no_fuller_original(name, source):
    with pytest.raises(ValueError, match=f"{name} has only source='packaged'"):
        datasets.load(name, source=source)


# Other sources


@pytest.mark.parametrize("name", IMAGES)
def test_path_source(keras_file, name):
    data = datasets.load(name, source=keras_file)
    assert [len(x) for x, _ in splits_of(data).values()] == [110, 10, 120]
    assert np.bincount(data.validation[1]).tolist() == [1] * 10
    assert data.test[0].dtype == np.float32
    np.testing.assert_array_equal(data.test[0][..., 0] * 255, keras_arrays()["x_test"])


def test_path_source_that_is_no_file():
    with pytest.raises(ValueError, match=r"'packaged', 'original' or the path.*'orignal'"):
        datasets.load("mnist", source="orignal")


@pytest.mark.parametrize("content", [b"", b"no zip", b"PK\x03\x04 cut"])
def test_path_source_that_is_no_archive(tmp_path, content):
    path = tmp_path / "broken.npz"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"broken\.npz is not an \.npz file with x_train"):
        datasets.load("mnist", source=path)


def test_path_source_with_a_missing_array(tmp_path):
    arrays = keras_arrays()
    del arrays["y_test"]
    np.savez(tmp_path / "part.npz", **arrays)
    with pytest.raises(ValueError, match="x_train, y_train, x_test and y_test"):
        datasets.load("mnist", source=tmp_path / "part.npz")


def test_path_source_with_wrong_images(tmp_path):
    arrays = keras_arrays() | {"x_test": np.zeros((120, 32, 32, 3), np.uint8)}
    np.savez(tmp_path / "wrong.npz", **arrays)
    with pytest.raises(ValueError, match=r"x_test .* found uint8 \(120, 32, 32, 3\)"):
        datasets.load("mnist", source=tmp_path / "wrong.npz")


@pytest.fixture
def stand_in(tmp_path, monkeypatch):
    """Keras's own download, of a small file from a server on this machine.

    Gives a function that sets what the server says: the whole file, or one cut half-way.
    """
    mnist = pytest.importorskip("keras.src.datasets.mnist")
    fashion_mnist = pytest.importorskip("keras.src.datasets.fashion_mnist")
    from keras.utils import get_file

    served = {"content": b"", "sent": 0}

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Length", str(len(served["content"])))
            self.end_headers()
            self.wfile.write(served["content"][: served["sent"]])

        def log_message(self, *arguments):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    home = tmp_path / "keras"
    (home / "datasets").mkdir(parents=True)
    monkeypatch.setenv("KERAS_HOME", str(home))

    def local_get_file(fname, origin, cache_subdir="datasets", file_hash=None):
        return get_file(
            fname,
            f"http://127.0.0.1:{server.server_port}/{fname}",
            cache_subdir=cache_subdir,
            file_hash=served.get("file_hash"),
            cache_dir=str(home),
        )

    for module in (mnist, fashion_mnist):
        monkeypatch.setattr(module, "get_file", local_get_file)

    def serve(content, sent=None, **options):
        served.update(content=content, sent=len(content) if sent is None else sent, **options)
        return home

    yield serve
    server.shutdown()
    server.server_close()


def files_under(folder):
    return [path for path in folder.rglob("*") if path.is_file()]


def test_original_through_a_stand_in(stand_in, keras_file):
    home = stand_in(keras_file.read_bytes())
    data = datasets.load("mnist", source="original")
    assert [len(x) for x, _ in splits_of(data).values()] == [110, 10, 120]
    assert len(files_under(home)) == 1


@pytest.mark.parametrize("name", IMAGES)
def test_cut_download_leaves_nothing(stand_in, keras_file, name):
    content = keras_file.read_bytes()
    home = stand_in(content, sent=len(content) // 2)
    with pytest.raises(RuntimeError, match="use source='packaged'") as raised:
        datasets.load(name, source="original")
    assert raised.value.__cause__ is not None
    assert files_under(home) == []


@pytest.mark.parametrize("name", IMAGES)
def test_download_of_something_else_leaves_nothing(stand_in, name):
    """A hotel's log-in page: Keras keeps it, wrong hash or not, and would read it again."""
    home = stand_in(b"<html>please log in</html>", file_hash="0" * 64 if name == "mnist" else None)
    with pytest.raises(RuntimeError, match="could not be downloaded"):
        datasets.load(name, source="original")
    assert files_under(home) == []


# Tokens


def test_tokens_have_the_promised_shape(movie_reviews):
    tokenized, vocabulary = datasets.tokenize(movie_reviews)
    for (ids, y), (_, labels) in zip(
        splits_of(tokenized).values(), splits_of(movie_reviews).values(), strict=True
    ):
        assert ids.dtype == np.int32
        assert ids.shape == (len(labels), 48)
        assert ids.min() >= 0
        assert ids.max() < len(vocabulary)
        np.testing.assert_array_equal(y, labels)
        # Padding only at the end, and never a whole row.
        assert (np.diff((ids == text.PADDING).astype(int), axis=1) >= 0).all()
        assert (ids[:, 0] != text.PADDING).all()
    assert len(vocabulary) == len(set(vocabulary)) == 10_000
    assert vocabulary[2:5] == ("the", "a", "and")


def test_vocabulary_comes_from_the_training_split_alone(movie_reviews):
    _, vocabulary = datasets.tokenize(movie_reviews, vocabulary_size=10**6)
    trained_on = {word for sentence in movie_reviews.train[0] for word in text.words(sentence)}
    assert set(vocabulary[2:]) == trained_on
    assert any(word not in trained_on for s in movie_reviews.test[0] for word in text.words(s))


def test_encode_truncates_pads_and_marks_the_unknown():
    vocabulary = ("<padding>", "<unknown>", "it's", "good")
    ids = text.encode(["IT'S good, it's GOOD!", "good zebra", "..."], vocabulary, 3)
    assert ids.tolist() == [[2, 3, 2], [3, 1, 0], [1, 0, 0]]


def test_words_keep_letters_of_every_script():
    assert text.words("'Touché!' -- a 9\" snow_man's 电影") == [
        "touché", "a", "9", "snow", "man's", "电影",
    ]  # fmt: skip


@pytest.mark.parametrize("sizes", [{"vocabulary_size": 2}, {"sequence_length": 0}])
def test_tokenize_refuses_sizes_that_hold_nothing(movie_reviews, sizes):
    with pytest.raises(ValueError, match="at least"):
        datasets.tokenize(movie_reviews, **sizes)


def test_tokenize_refuses_images(keras_file):
    with pytest.raises(ValueError, match=r"needs sentences .* not float32"):
        datasets.tokenize(datasets.load("mnist", source=keras_file))


# Splits, photographs, preparation


def test_stratified_parts_are_disjoint_and_use_everything():
    labels = np.repeat([0, 1, 2], [50, 30, 21])
    parts = stratified(labels, (71, 20, 10), seed=3)
    assert sorted(np.concatenate(parts)) == list(range(101))
    assert [np.bincount(labels[part]).tolist() for part in parts][1] == [10, 6, 4]
    np.testing.assert_array_equal(parts[0], stratified(labels, (71, 20, 10), seed=3)[0])
    assert (parts[0] != stratified(labels, (71, 20, 10), seed=4)[0]).any()


def test_stratified_refuses_more_than_there_is():
    with pytest.raises(ValueError, match="5 examples cannot fill"):
        stratified(np.zeros(5, int), (4, 2), seed=0)


@pytest.fixture
def emoji_groups(monkeypatch):
    monkeypatch.syspath_prepend(DATA)
    return importlib.import_module("emoji_groups")


@pytest.mark.parametrize(
    ("name", "subcategory", "base"),
    [
        ("woman cook", "person-role", "cook"),
        ("man: red hair", "person", "hair"),
        ("person walking: facing right", "person-activity", "walking"),
        ("green apple", "food-fruit", "apple"),
        ("man", "person", "person"),
        ("two-thirty", "time", "clock face"),
        ("right arrow", "arrow", "arrow"),
    ],
)
def test_names_of_near_copies_have_one_base(emoji_groups, name, subcategory, base):
    assert emoji_groups.group_name(name, subcategory) == base


def test_groups_join_equal_pictures_of_a_subcategory_and_no_others(emoji_groups):
    x = np.zeros((4, 4, 4, 3), np.uint8)
    x[2] = 255
    found = emoji_groups.groups(["a", "b", "c", "d"], ["one", "one", "one", "other"], x)
    assert found[0] == found[1]
    assert len(set(found)) == 3


def test_a_grouped_split_parts_no_group_and_keeps_every_share(emoji_groups):
    labels = np.repeat([0, 1], [60, 40])
    group = np.concatenate([np.repeat(np.arange(10), 3), np.arange(10, 80)])
    parts = emoji_groups.grouped_split(labels, group, (70, 10, 20), seed=1)
    assert sorted(np.concatenate(parts)) == list(range(100))
    assert [np.bincount(labels[part]).tolist() for part in parts] == [[42, 28], [6, 4], [12, 8]]
    for one in range(80):
        assert sum(one in group[part] for part in parts) == 1


def test_a_split_that_groups_cannot_fill_is_refused(emoji_groups):
    with pytest.raises(ValueError, match="do not fill parts"):
        emoji_groups.grouped_split(np.zeros(6, int), np.zeros(6, int), (2, 2, 2), seed=0)


def test_photographs_work_offline_and_have_a_licence():
    found = datasets.photographs()
    assert set(found) == set(datasets.PHOTOGRAPHS)
    for name, image in found.items():
        assert image.dtype == np.uint8
        assert image.ndim == 2 or image.shape[2] == 3, name
        assert all(datasets.PHOTOGRAPHS[name])
    assert found["chelsea"].shape == (300, 451, 3)
    assert found["china"].shape == (427, 640, 3)
    assert found["dogs"].shape == (481, 320, 3)


def test_the_card_of_the_photographs_lists_what_lies_there():
    card = datasets.photograph_files()
    there = sorted(path.name for path in (registry.folder() / "photographs").glob("*.jpg"))
    assert sorted(card.files) == [f"photographs/{name}" for name in there]
    assert sorted(card.members) == [name.removesuffix(".jpg") for name in there]


def test_a_damaged_photograph_is_refused(monkeypatch, tmp_path):
    shutil.copytree(DATA / "photographs", tmp_path / "photographs")
    (tmp_path / "photographs" / "fig.jpg").write_bytes(b"half")
    monkeypatch.setattr(registry, "folder", lambda: tmp_path)
    with pytest.raises(ValueError, match=r"fig\.jpg should have 35,694 bytes .* found 4 bytes"):
        datasets.photographs()


@pytest.mark.parametrize("name", SIZES)
def test_prepare_makes_the_same_bytes(monkeypatch, name):
    folder = os.environ.get("COURSE_PACKAGES")
    if not folder:
        pytest.skip("COURSE_PACKAGES does not name a folder with the source packages")
    monkeypatch.syspath_prepend(DATA)
    specification = importlib.util.spec_from_file_location("prepare", DATA / "prepare.py")
    prepare = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(prepare)
    file, make = prepare.MAKERS[name]
    content, splits = make(*prepare.archives(name, Path(folder)))
    card = registry.card(name)
    assert splits == card.splits
    assert hashlib.sha256(content).hexdigest() == card.files[file]["sha256"]
