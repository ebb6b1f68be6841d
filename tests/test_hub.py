"""Models of a hub: found, refused and run through the very calls that published presets take.

The presets are tiny, saved to disk once for all tests; where a test needs a published name, the
name is made to lead to such a folder.
"""

import importlib.util
import json
import shutil
import subprocess
import sys

import numpy as np
import pytest

from course_utils import checkpoints, hub, runtime
from course_utils.hub import presets

pytestmark = [
    pytest.mark.skipif(importlib.util.find_spec("keras_hub") is None, reason="needs the extra hub"),
    pytest.mark.usefixtures("float32"),
]


@pytest.fixture(scope="session")
def saved(tmp_path_factory):
    """Folders by task; each is written when a test first asks for it."""
    import keras

    root, made = tmp_path_factory.mktemp("presets"), {}

    def folder(task):
        if task not in made:
            keras.utils.set_random_seed(0)
            made[task] = hub.save_tiny(task, root / task)
        return made[task]

    return folder


@pytest.fixture(scope="session")
def loaded(saved):
    """Loaded tiny presets by task."""
    found = {}

    def one(task):
        if task not in found:
            found[task] = hub.load(task, saved(task))
        return found[task]

    return one


@pytest.fixture
def no_network(monkeypatch):
    """No host answers; and nothing may be asked a second time by KerasHub itself."""
    monkeypatch.setattr(presets, "is_reachable", lambda host="": False)


def images(count=2, height=40, width=30):
    return np.random.default_rng(0).random((count, height, width, 3), dtype=np.float32)


# --- finding and refusing --------------------------------------------------------------------


def test_importing_it_imports_no_keras_hub():
    code = "import sys, course_utils.hub; print({'keras_hub', 'tensorflow'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_without_keras_hub_it_says_what_to_install(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ImportError, match=r'pip install "course-utils\[hub\]"'):
        hub.load("classification", "resnet_50_imagenet")


def test_every_default_is_a_published_preset_of_its_task():
    assert list(hub.PUBLISHED) == list(hub.TASKS)
    for task, name in hub.PUBLISHED.items():
        assert name in hub.names(task)


def test_an_unknown_task_is_refused():
    for ask in (hub.names, lambda task: hub.save_tiny(task, "nowhere")):
        with pytest.raises(ValueError, match="no task 'cooking'; known: classification"):
            ask("cooking")


def test_a_misspelt_name_gets_the_closest_names():
    with pytest.raises(ValueError, match="closest names: resnet_50_imagenet"):
        hub.check("classification", "resnet_50_imagnet")


def test_a_name_of_another_task_is_unknown_to_this_one():
    with pytest.raises(ValueError, match="for segmentation; closest names: sam_"):
        hub.check("segmentation", "clip_vit_base_patch32")


def test_a_folder_without_a_preset_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"is not a preset, it has no config\.json"):
        hub.check("classification", tmp_path)


@pytest.mark.parametrize("content", ["{", "[]", '{"model_type": "vit"}'])
def test_a_config_of_somebody_else_is_refused(tmp_path, content):
    (tmp_path / "config.json").write_text(content)
    with pytest.raises(ValueError, match="that KerasHub did not write"):
        hub.check("classification", tmp_path)


def test_a_folder_with_another_model_is_refused(saved):
    with pytest.raises(ValueError, match="holds a CLIPBackbone, which does not do segmentation"):
        hub.check("segmentation", saved("zero-shot"))


def test_a_backbone_alone_is_no_classifier_unless_a_new_layer_is_asked_for(saved, tmp_path):
    bare = tmp_path / "bare"
    shutil.copytree(saved("classification"), bare)
    (bare / "task.json").unlink()
    with pytest.raises(ValueError, match="without a last layer: pass num_classes="):
        hub.load("classification", bare)
    model = hub.load("classification", bare, num_classes=3)
    assert hub.classify(model, images()).shape == (2, 3)


@pytest.mark.parametrize(
    ("preset", "host"),
    [("resnet_50_imagenet", "www.kaggle.com"), ("hf://keras/resnet_50_imagenet", "huggingface.co")],
)
def test_a_hub_out_of_reach_is_one_sentence_at_once(
    no_network, monkeypatch, tmp_path, preset, host
):
    monkeypatch.setenv("KAGGLEHUB_CACHE", str(tmp_path))
    with pytest.raises(ConnectionError, match=f"lies on {host}, which cannot be reached") as error:
        hub.load("classification", preset)
    assert "\n" not in str(error.value)


def test_a_host_that_does_not_exist_is_not_reachable(monkeypatch):
    def refuse(request, timeout):
        assert timeout <= 10
        raise OSError("no such host")

    monkeypatch.setattr(presets.urllib.request, "urlopen", refuse)
    assert not hub.is_reachable("nowhere.invalid")


def test_a_host_that_refuses_has_answered(monkeypatch):
    def refuse(request, timeout):
        raise presets.urllib.error.HTTPError(request.full_url, 403, "no", None, None)

    monkeypatch.setattr(presets.urllib.request, "urlopen", refuse)
    assert hub.is_reachable()


def test_what_lies_in_the_cache_needs_no_network(no_network, monkeypatch, tmp_path):
    monkeypatch.setenv("KAGGLEHUB_CACHE", str(tmp_path))
    import keras_hub

    table = keras_hub.models.ImageClassifier.presets
    handle = table["resnet_50_imagenet"]["kaggle_handle"].removeprefix("kaggle://")
    (hub.cache_folder() / handle).mkdir(parents=True)
    (hub.cache_folder() / handle / "config.json").write_text("{}")
    assert hub.check("classification", "resnet_50_imagenet") == "resnet_50_imagenet"


def test_large_pictures_from_text_need_a_gpu_and_say_how_much_memory(monkeypatch):
    monkeypatch.setattr(presets, "_has_gpu", lambda: False)
    with pytest.raises(RuntimeError, match=r"2,987,080,931 parameters .*\(6 GB .* 12 GB "):
        hub.check("text-to-image", "stable_diffusion_3_medium")
    with pytest.raises(RuntimeError, match="does not say how large it is"):
        hub.check("text-to-image", "hf://somebody/some_model")


# --- sizes -----------------------------------------------------------------------------------


def test_parameters_come_from_the_table_or_from_the_folder(saved, loaded):
    assert hub.parameters("clip_vit_base_patch32") == 151_277_363
    counted = loaded("zero-shot").network.count_params()
    assert hub.parameters(saved("zero-shot")) == counted
    assert hub.parameters("hf://somebody/some_model") is None


def test_gigabytes_are_parameters_times_bytes():
    assert hub.gigabytes(3_000_000_000, "bfloat16") == 6.0
    assert hub.gigabytes(500_000_000) == 2.0
    with pytest.raises(ValueError, match="dtype must be one of"):
        hub.gigabytes(1, "complex64")


def test_a_classifier_loads_in_sixteen_bits(saved):
    model = hub.load("classification", saved("classification"), dtype="bfloat16")
    assert {str(w.dtype) for w in model.network.weights} == {"bfloat16"}
    shares = hub.classify(model, images())
    assert shares.dtype == np.float32
    np.testing.assert_allclose(shares.sum(axis=1), 1, rtol=1e-5)


# --- the choice between name and folder ------------------------------------------------------


@pytest.mark.parametrize(
    ("full", "gpu", "reachable", "named"),
    [
        (True, True, True, True),
        (False, True, True, False),
        (True, False, True, False),
        (True, True, False, False),
    ],
)
def test_published_names_need_the_full_profile_a_gpu_and_the_hub(
    monkeypatch, full, gpu, reachable, named
):
    monkeypatch.setattr(runtime, "by_profile", lambda a, b: b if full else a)
    monkeypatch.setattr(presets, "_has_gpu", lambda: gpu)
    monkeypatch.setattr(presets, "is_reachable", lambda: reachable)
    chosen = hub.choose("segmentation", "local")
    assert chosen == (hub.PUBLISHED["segmentation"] if named else "local")


def test_a_published_name_is_loaded_and_used_like_a_folder(saved, no_network, monkeypatch):
    """The path of a real download up to the download itself, which a folder stands in for."""
    import keras_hub
    from keras_hub.src.utils import preset_utils

    name, folder = "clip_vit_base_patch32", saved("zero-shot")
    monkeypatch.setattr(presets, "is_reachable", lambda host: True)
    handle = keras_hub.models.CLIPBackbone.presets[name]["kaggle_handle"].removeprefix("kaggle://")

    class Kaggle:
        @staticmethod
        def model_download(asked, path):
            assert asked == handle
            if not (folder / path).is_file():
                raise ValueError(f"{path} is not present in the model files")
            return str(folder / path)

    monkeypatch.setattr(preset_utils, "kagglehub", Kaggle)
    texts = ["a photo of a cat", "a dog"]
    by_name = hub.zero_shot(name, images(), texts)
    np.testing.assert_allclose(by_name, hub.zero_shot(folder, images(), texts), atol=1e-6)


# --- classification --------------------------------------------------------------------------


def test_classes_are_the_softmax_of_the_task_itself(loaded):
    model, x = loaded("classification"), images()
    logits = np.asarray(model.network(model.preprocessor(x * 255)))
    wanted = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(hub.classify(model, x, batch_size=1), wanted, rtol=1e-4)


def test_bytes_and_floats_are_the_same_image(loaded):
    x = np.round(images() * 255).astype(np.uint8)
    a, b = (hub.classify(loaded("classification"), y) for y in (x, x / np.float32(255)))
    np.testing.assert_allclose(a, b, rtol=1e-4)


def test_the_shipped_network_is_a_preset_of_the_hub_and_computes_the_same(tmp_path):
    folder = hub.save_lite0(tmp_path / "lite0")
    model = hub.load("classification", folder)
    x = images(2, 224, 224)
    logits = checkpoints.load("efficientnet-lite0").predict(x, verbose=0)
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(hub.classify(model, x), shares, atol=1e-5)
    trained = sum(int(np.prod(w.shape)) for w in model.network.trainable_weights)
    assert trained == 4_652_008


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (np.zeros((4, 4, 3)), r"must be \(N, height, width, 3\), not \(4, 4, 3\)"),
        (np.full((1, 4, 4, 3), 255.0), r"lie in \[0, 1\], but they span 255..255"),
    ],
)
def test_other_images_are_refused(loaded, x, message):
    with pytest.raises(ValueError, match=message):
        hub.classify(loaded("classification"), x)


def test_a_model_loaded_for_one_task_does_no_other(loaded):
    with pytest.raises(ValueError, match="was loaded for zero-shot, not for classification"):
        hub.classify(loaded("zero-shot"), images())


# --- zero-shot -------------------------------------------------------------------------------


def test_zero_shot_agrees_with_the_logits_of_clip_itself(loaded):
    model, x, texts = loaded("zero-shot"), images(3, 28, 28), ["a photo of a cat", "dog", "a dog"]
    tokens = model.preprocessor({"images": x * 255, "prompts": texts})
    logits = model.network({k: tokens[k] for k in ("images", "token_ids")})["vision_logits"]
    wanted = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(hub.zero_shot(model, x, texts, batch_size=2), wanted, rtol=1e-4)


def test_the_order_of_texts_is_the_order_of_columns(loaded):
    model, texts = loaded("zero-shot"), ["a cat", "a dog", "a photo"]
    forth = hub.zero_shot(model, images(), texts)
    np.testing.assert_allclose(
        forth[:, ::-1], hub.zero_shot(model, images(), texts[::-1]), atol=1e-6
    )


def test_one_string_is_not_a_list_of_texts(loaded):
    for texts in ("a cat", []):
        with pytest.raises(ValueError, match="texts must be a list"):
            hub.zero_shot(loaded("zero-shot"), images(), texts)


def test_every_given_word_is_one_token_and_others_fall_into_letters():
    tokenizer = hub.word_tokenizer(["sneaker", "bag"])
    ends = [tokenizer.token_to_id(word) for word in ("sneaker</w>", "bag</w>")]
    assert list(np.asarray(tokenizer("sneaker bag"))) == ends
    assert len(np.asarray(tokenizer("zebra"))) == 5
    assert tokenizer.end_token_id == tokenizer.vocabulary_size() - 1
    with pytest.raises(ValueError, match="letters a to z, not 'T-shirt'"):
        hub.word_tokenizer(["bag", "T-shirt"])


# --- segmentation ----------------------------------------------------------------------------


def test_masks_have_the_size_of_the_image_whatever_its_shape(loaded):
    for height, width in ((40, 100), (90, 30)):
        found = hub.segment(
            loaded("segmentation"),
            images(1, height, width)[0],
            points=[[5, 5], [20, 30]],
            labels=[1, 0],
        )
        assert found.masks.shape == (4, height, width)
        assert found.masks.dtype == bool
        assert found.scores.shape == (4,)


def test_points_and_boxes_reach_the_network_as_its_own_predict_would_send_them(loaded):
    import keras

    model, x = loaded("segmentation"), images(1, 64, 64)[0]  # its own size: no resizing
    network = model.network
    theirs = network.predict(
        {
            "images": x[None] * 255,
            "points": np.array([[[10.0, 20.0], [0, 0]]], np.float32),
            "labels": np.array([[1.0, -1.0]], np.float32),
        },
        verbose=0,
    )
    found = hub.segment(model, x, points=[[10, 20]])
    np.testing.assert_allclose(found.scores, theirs["iou_pred"][0], rtol=1e-3, atol=1e-5)
    small = theirs["masks"][0][:, :, :, None]  # four logits a patch of 8: half the resolution
    enlarged = keras.ops.image.resize(small, (64, 64), interpolation="bilinear")[..., 0]
    assert np.mean(found.masks == (np.asarray(enlarged) > 0)) > 0.999


def test_a_box_means_the_same_place_in_an_image_of_another_size(loaded):
    model, x = loaded("segmentation"), np.full((64, 32, 3), 0.4, np.float32)
    large = np.full((128, 64, 3), 0.4, np.float32)
    once = hub.segment(model, x, box=[4, 8, 20, 40]).scores
    np.testing.assert_allclose(
        hub.segment(model, large, box=[8, 16, 40, 80]).scores, once, rtol=1e-3, atol=1e-4
    )
    elsewhere = hub.segment(model, large, box=[4, 8, 20, 40]).scores
    assert np.abs(elsewhere - once).max() > 1e-3


@pytest.mark.parametrize(
    ("prompt", "message"),
    [
        ({}, "A prompt is missing"),
        ({"points": [1, 2]}, r"points must be \(P, 2\)"),
        ({"points": [[1, 2]], "labels": [2]}, "labels must be 0 or 1"),
        ({"points": [[1, 2]], "labels": [1, 0]}, "one for each of the 1 points"),
        ({"box": [5, 5, 5, 9]}, "x1 < x2"),
        ({"points": [[41, 2]]}, "outside the image of 30 × 40 pixels"),
        ({"box": [0, 0, 31, 5]}, "outside the image"),
    ],
)
def test_a_wrong_prompt_is_refused_in_a_sentence(loaded, prompt, message):
    with pytest.raises(ValueError, match=message):
        hub.segment(loaded("segmentation"), images()[0], **prompt)


# --- text to image ---------------------------------------------------------------------------


def test_the_seed_decides_the_picture(loaded):
    model = loaded("text-to-image")
    one, again, other = (
        hub.text_to_image(model, ["a cat"], steps=2, seed=seed) for seed in (1, 1, 2)
    )
    assert one.shape == (1, 64, 64, 3)
    assert one.dtype == np.uint8
    np.testing.assert_array_equal(one, again)
    assert np.abs(one.astype(int) - other).mean() > 1


def test_pictures_need_a_prompt_and_a_step(loaded):
    with pytest.raises(ValueError, match="prompts must be a list"):
        hub.text_to_image(loaded("text-to-image"), "a cat")
    with pytest.raises(ValueError, match="steps must be at least 1, not 0"):
        hub.text_to_image(loaded("text-to-image"), ["a cat"], steps=0)


def test_the_saved_folder_says_what_it_is(saved):
    metadata = json.loads((saved("text-to-image") / "metadata.json").read_text())
    assert metadata["parameter_count"] < presets.WITHOUT_GPU
