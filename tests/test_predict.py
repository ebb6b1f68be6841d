"""`course-predict`: one row an image, nothing half-written, no bad file fatal."""

import csv
import io
import re

import keras
import numpy as np
import pytest
from PIL import Image

from course_utils import datasets, deployment, predict


@pytest.fixture(scope="module")
def brightness(tmp_path_factory):
    """A LiteRT file that says 0 for a dark and 1 for a bright image of 8 × 8, sure of itself."""
    inputs = keras.Input((8, 8, 1))
    mean = keras.layers.GlobalAveragePooling2D()(inputs)
    outputs = keras.layers.Dense(2)(mean)
    model = keras.Model(inputs, outputs)
    model.set_weights([np.array([[-20.0, 20.0]]), np.array([10.0, -10.0])])
    path = tmp_path_factory.mktemp("model") / "brightness.tflite"
    path.write_bytes(deployment.export_litert(model))
    return path


@pytest.fixture
def folder(tmp_path):
    """Images of all kinds, ``bright`` and ``dark`` in their names."""
    found = tmp_path / "images"
    found.mkdir()
    for name, level in (("bright", 230), ("dark", 20)):
        grey = np.full((9, 11), level, np.uint8)
        Image.fromarray(grey).save(found / f"{name}-grey.png")
        Image.fromarray(grey.astype(np.uint16) * 257).save(found / f"{name}-16-bits.png")
        Image.fromarray(np.stack([grey] * 3, -1)).save(found / f"{name}-colour.JPG")
        Image.fromarray(np.stack([grey] * 3, -1)).convert("CMYK").save(found / f"{name}-cmyk.jpeg")
        Image.fromarray(np.stack([grey] * 3, -1)).quantize(4).save(found / f"{name}-palette.png")
    clear = np.zeros((8, 8, 4), np.uint8)  # black, and transparent: nothing but the white behind
    Image.fromarray(clear).save(found / "bright-transparent.png")
    (found / "notes.txt").write_text("no image")
    (found / "below").mkdir()
    return found


def rows(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def run(*arguments):
    return predict.main([str(argument) for argument in arguments])


def test_every_kind_of_image_gets_its_row(brightness, folder, tmp_path, capfd):
    output = tmp_path / "out.csv"
    assert run(brightness, folder, "--output", output) == 0
    found = rows(output)
    assert [row["file"] for row in found] == sorted(p.name for p in folder.glob("*-*"))
    for row in found:
        assert row["class"] == str(int(row["file"].startswith("bright"))), row
        assert row["label"] == ""
        assert float(row["probability"]) > 0.99
    out, err = capfd.readouterr()
    assert out.startswith("11 images in ")
    assert " a second " in out
    assert err == ""  # no progress bar where there is no terminal


def test_the_batch_size_changes_nothing(brightness, folder, tmp_path):
    outputs = [tmp_path / f"{size}.csv" for size in (1, 4, 11, 100)]
    for output in outputs:
        run(brightness, folder, "--output", output, "--batch-size", output.stem)
    assert len({output.read_bytes() for output in outputs}) == 1


def test_what_is_no_image_is_named_and_left_out(brightness, folder, tmp_path, capsys):
    sound = (folder / "dark-grey.png").read_bytes()
    (folder / "cut.png").write_bytes(sound[: len(sound) // 2])
    (folder / "empty.jpg").write_bytes(b"")
    (folder / "text.png").write_text("no image")
    output = tmp_path / "out.csv"
    assert run(brightness, folder, "--output", output) == 1
    assert len(rows(output)) == 11
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 4
    for name in ("cut.png", "empty.jpg", "text.png"):
        assert sum(line.startswith(f"skipped {name}: ") for line in lines) == 1
    assert lines[-1] == "3 of 14 files left out."


def test_an_image_as_large_as_an_attack_is_left_out(folder, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 60)
    with pytest.raises(ValueError, match="exceeds limit of 60 pixels"):
        predict.prepare(folder / "dark-grey.png", (8, 8, 1))


def test_failing_keeps_the_old_output_and_leaves_nothing_else(brightness, folder, tmp_path, capsys):
    output, labels = tmp_path / "out.csv", tmp_path / "labels.txt"
    output.write_text("old")
    labels.write_text("one\ntwo\nthree\n")
    with pytest.raises(SystemExit) as stop:
        run(brightness, folder, "--output", output, "--labels", labels)
    assert stop.value.code == 2
    assert "classifier of 3 classes, but its output is (11, 2)" in capsys.readouterr().err
    assert output.read_text() == "old"
    assert {p.name for p in tmp_path.iterdir()} == {"images", "labels.txt", "out.csv"}


def test_a_checkpoint_reads_digits_and_names_them(tmp_path):
    x, y = datasets.load("mnist").test
    for i in range(5):
        picture = np.round(x[i, ..., 0] * 255).astype(np.uint8)
        Image.fromarray(picture).save(tmp_path / f"{i}.png")
    assert run("mnist-cnn", tmp_path, "--output", tmp_path / "out.csv") == 0
    assert [row["label"] for row in rows(tmp_path / "out.csv")] == [str(one) for one in y[:5]]


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ("mnist-cmm", "no checkpoint 'mnist-cmm'; known checkpoints: .*mnist-cnn"),
        ("missing.onnx", "There is no file missing.onnx"),
        ("moving-mnist-convlstm", r"must take one image \(height, width, 1 or 3 channels\)"),
    ],
)
def test_what_is_no_classifier_is_refused(model, message, folder, tmp_path, capsys):
    with pytest.raises(SystemExit) as stop:
        run(model, folder, "--output", tmp_path / "out.csv")
    assert stop.value.code == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert re.search(message, error)


def test_a_folder_without_images_is_refused(brightness, tmp_path, capsys):
    for folder, message in ((tmp_path, "holds no image"), (tmp_path / "no", "There is no folder")):
        with pytest.raises(SystemExit):
            run(brightness, folder)
        assert message in capsys.readouterr().err


def test_a_wide_image_is_cropped_in_its_middle_and_keeps_its_proportions(tmp_path):
    wide = np.zeros((10, 30), np.uint8)
    wide[:, 10:20] = 255
    Image.fromarray(wide).save(tmp_path / "wide.png")
    found = predict.prepare(tmp_path / "wide.png", (10, 10, 1))
    np.testing.assert_array_equal(found, np.ones((10, 10, 1)))


def test_shrinking_averages_instead_of_skipping_pixels(tmp_path):
    stripes = np.tile(np.array([0, 255], np.uint8), (64, 32))
    Image.fromarray(stripes).save(tmp_path / "stripes.png")
    found = predict.prepare(tmp_path / "stripes.png", (8, 8, 3))
    np.testing.assert_allclose(found, 0.5, atol=0.03)


def test_a_camera_held_upright_is_believed(tmp_path):
    picture = np.zeros((8, 8, 3), np.uint8)
    picture[:4] = 255
    exif = Image.Exif()
    exif[0x0112] = 6  # to be seen rightly, turn by 90 degrees clockwise
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "JPEG", exif=exif, quality=95)
    (tmp_path / "turned.jpg").write_bytes(buffer.getvalue())
    found = predict.prepare(tmp_path / "turned.jpg", (8, 8, 1))[..., 0]
    assert found[:, 4:].mean() > 0.9
    assert found[:, :4].mean() < 0.1
