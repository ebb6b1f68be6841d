"""Kernel, attention and Grad-CAM in the browser: used as a person would, equal to Keras to 1e-3."""

import base64
import functools
import io
import re

import keras
import numpy as np
import pytest
from demos_in_browser import open_demo
from PIL import Image

import course_utils as cu
from course_utils import explain, pretrained

pytestmark = pytest.mark.usefixtures("float32")

TOLERANCE = 1e-3


@functools.cache
def checkpoint(name):
    return cu.checkpoints.load(name)


# --- drag a kernel over a photograph -----------------------------------------------------------


def photograph():
    """The pixels that the page ships: whole numbers out of 255."""
    camera = pretrained.prepare(cu.datasets.photographs()["camera"][None], 64)[..., :1]
    return np.round(camera * 255) / 255


def by_keras(output):
    """What Keras makes of the photograph with the kernel, padding and stride of the demo."""
    at = output["at"]
    kernel = np.reshape(output["kernel"], (at["size"], at["size"], 1, 1)).astype(np.float32)
    result = keras.ops.conv(
        photograph().astype(np.float32), kernel, strides=at["stride"], padding=at["padding"]
    )
    return np.asarray(result)[0, :, :, 0]


def assert_like_keras(output):
    wanted = by_keras(output)
    assert (output["rows"], output["columns"]) == wanted.shape
    found = np.reshape(output["values"], wanted.shape)
    assert np.abs(found - wanted).max() < TOLERANCE
    at = output["at"]
    assert output["sum"] == pytest.approx(wanted[at["row"], at["column"]], abs=TOLERANCE)


def choose(demo, label, option):
    demo.root.get_by_label(label, exact=True).select_option(label=option)


def test_every_kernel_size_padding_and_stride_gives_what_keras_gives(page, site_url):
    demo = open_demo(page, site_url, "kernel")
    names = demo.root.get_by_label("Kernel", exact=True).locator("option").all_text_contents()
    assert len(names) == 9
    seen = set()
    for size in ("3 × 3", "5 × 5"):
        choose(demo, "Size", size)
        for name in names[:-1]:
            choose(demo, "Kernel", name)
            output = demo.output()
            seen.add(tuple(output["kernel"]))
            assert_like_keras(output)
        for padding in ("valid", "same"):
            choose(demo, "Padding", padding)
            for stride in ("1", "2"):
                choose(demo, "Stride", stride)
                assert_like_keras(demo.output())
    assert len(seen) == 16


def test_a_kernel_of_ones_own_is_typed_in(page, site_url):
    demo = open_demo(page, site_url, "kernel")
    for row, column, weight in ((1, 1, "0.5"), (2, 3, "-3"), (3, 2, "")):
        demo.root.get_by_label(f"weight in row {row}, column {column}").fill(weight)
    output = demo.output()
    assert output["kernel"] == [0.5, 0, 1, -2, 0, -3, -1, 0, 1]
    assert_like_keras(output)
    chosen = demo.root.get_by_label("Kernel", exact=True).locator("option:checked")
    assert chosen.text_content() == "your own"
    choose(demo, "Size", "5 × 5")
    assert chosen.text_content() == "Sobel, left to right"


def test_the_window_follows_arrow_keys_and_stops_at_the_edge(page, site_url):
    demo = open_demo(page, site_url, "kernel")
    window = demo.root.get_by_role("application")
    before = demo.output()["at"]
    window.press("ArrowRight")
    window.press("ArrowDown")
    at = demo.output()["at"]
    assert (at["row"], at["column"]) == (before["row"] + 1, before["column"] + 1)
    assert re.match(r"Sum of the products: .*row 18, column 27", demo.status.text_content())
    for _ in range(9):
        window.press("Shift+ArrowLeft")
    output = demo.output()
    assert output["at"]["column"] == 0
    assert_like_keras(output)
    choose(demo, "Padding", "same")
    window.press("Shift+ArrowLeft")
    # One column of the window lies outside: zeros.
    assert demo.output()["patch"][::3] == [0, 0, 0]


def test_the_window_is_dragged_with_the_mouse(page, site_url):
    demo = open_demo(page, site_url, "kernel")
    window = demo.root.get_by_role("application")
    window.scroll_into_view_if_needed()
    box = window.bounding_box()
    pixel = box["width"] / 64
    page.mouse.move(box["x"] + 10.5 * pixel, box["y"] + 20.5 * pixel)
    page.mouse.down()
    page.mouse.move(box["x"] + 40.5 * pixel, box["y"] + 30.5 * pixel, steps=4)
    page.mouse.up()
    output = demo.output()
    assert (output["at"]["row"], output["at"]["column"]) == (29, 39)  # the middle is held
    image = photograph()[0, 29:32, 39:42, 0]
    np.testing.assert_allclose(output["patch"], image.ravel(), atol=1e-6)
    page.mouse.move(box["x"] + 5 * pixel, box["y"] + 5 * pixel)
    assert demo.output() == output  # let go


# --- attention between patches -----------------------------------------------------------------


def garments():
    """The first test image of each class, then the first two mistakes of the network."""
    images, labels = cu.datasets.load("fashion_mnist").test
    answers = checkpoint("fashion-vit").predict(images[:100], verbose=0).argmax(-1)
    first = [np.flatnonzero(labels == c)[0] for c in range(10)]
    return images[[*first, *np.flatnonzero(answers != labels[:100])[:2]]]


def test_attention_is_that_of_keras_for_every_picture(page, site_url):
    model, images = checkpoint("fashion-vit"), garments()
    wanted = explain.attention_weights(model, images)  # (blocks, pictures, heads, tokens, tokens)
    logits = model.predict(images, verbose=0)
    demo = open_demo(page, site_url, "attention")
    pictures = demo.root.get_by_label("Picture", exact=True)
    assert pictures.locator("option").count() == len(images)
    for i in range(len(images)):
        block, head, query = i % 3, i % 4, i
        choose(demo, "Block", str(block + 1))
        choose(demo, "Head", str(head + 1))
        demo.root.get_by_role("radio").nth(query - 1 if query else 16).click()
        pictures.select_option(index=i)
        shares = np.asarray(keras.ops.softmax(logits[i]))
        output = demo.output_when(
            lambda o, s=shares: np.abs(np.array(o["probabilities"]) - s).max() < TOLERANCE
        )
        assert (output["block"], output["head"], output["query"]) == (block, head, query)
        found = np.array(output["weights"])
        assert np.abs(found - wanted[block, i, head, query]).max() < TOLERANCE
        assert found.sum() == pytest.approx(1, abs=TOLERANCE)


def test_the_mean_of_the_heads_is_their_mean(page, site_url):
    wanted = explain.attention_weights(checkpoint("fashion-vit"), garments()[:1])[2, 0].mean(0)
    demo = open_demo(page, site_url, "attention")
    choose(demo, "Block", "3")
    choose(demo, "Head", "mean")
    assert np.abs(np.array(demo.output()["weights"]) - wanted[0]).max() < TOLERANCE


def test_arrow_keys_move_the_asking_token_and_words_say_where_it_looks(page, site_url):
    demo = open_demo(page, site_url, "attention")
    tokens = demo.root.get_by_role("radio")
    assert tokens.count() == 17
    demo.root.get_by_role("radio", checked=True).press("ArrowUp")  # from the class token
    visited = [demo.output()["query"]]
    for key in ("ArrowRight", "ArrowUp", "ArrowUp", "ArrowUp", "ArrowUp", "ArrowLeft", "ArrowLeft"):
        page.keyboard.press(key)
        visited.append(demo.output()["query"])
    assert visited == [13, 14, 10, 6, 2, 2, 1, 1]
    checked = demo.root.get_by_role("radio", checked=True)
    assert checked.evaluate("one => one === document.activeElement")
    weights = np.array(demo.output()["weights"])
    best = int(weights.argmax())
    place = f"row {(best - 1) // 4 + 1}, column {(best - 1) % 4 + 1}" if best else "class token"
    words = demo.root.locator(".demo-words").text_content().replace("\u00a0", " ")
    assert f"{place} ({100 * weights[best]:.1f} %)" in words
    assert "the patch in row 1, column 1 looks most at" in words
    names = [token.get_attribute("aria-label") for token in tokens.all()]
    assert sum(f"{100 * weights[best]:.1f}" in name for name in names) >= 1


def test_the_mouse_makes_a_patch_ask(page, site_url):
    demo = open_demo(page, site_url, "attention")
    demo.root.get_by_role("radio").nth(9).hover()
    assert demo.output()["query"] == 10


# --- Grad-CAM on a photograph ------------------------------------------------------------------


def png(name):
    """A photograph as a file without losses, so that the browser sees the same pixels."""
    pixels = cu.datasets.photographs()[name]
    Image.fromarray(pixels).save(coded := io.BytesIO(), "PNG")
    return pixels, coded.getvalue()


@functools.cache
def keras_answer(name):
    """Prepared pixels, logits and, for each class asked, the map of `course_utils.explain`."""
    model = checkpoint("efficientnet-lite0")
    pixels = pretrained.prepare(cu.datasets.photographs()[name][None], 224)
    return pixels, model.predict(pixels, verbose=0)[0]


def cam(pixels, label):
    model = checkpoint("efficientnet-lite0")
    return explain.grad_cam(model, pixels, np.array([label], np.int32), "head")[0]


def assert_explained_like_keras(output, name):
    pixels, logits = keras_answer(name)
    assert np.abs(np.reshape(output["pixels"], pixels.shape) - pixels).max() < TOLERANCE
    assert np.abs(np.array(output["logits"]) - logits).max() < TOLERANCE
    assert output["likeliest"] == np.argsort(-logits)[:5].tolist()
    enlarged = np.reshape(output["enlarged"], (224, 224))
    assert np.abs(enlarged - cam(pixels, output["chosen"])).max() < TOLERANCE


def give(demo, name):
    """Choose a photograph with the file button; returns when it has been looked at."""
    file = {"name": f"{name}.png", "mimeType": "image/png", "buffer": png(name)[1]}
    demo.root.get_by_label(re.compile("or your own")).set_input_files(file)
    best = int(keras_answer(name)[1].argmax())
    shown = demo.root.get_by_text("Your photograph.")
    shown.wait_for()
    return demo.output_when(lambda output: output["likeliest"][0] == best)


def test_a_photograph_of_ones_own_is_explained_as_by_the_course_and_goes_nowhere(page, site_url):
    demo = open_demo(page, site_url, "gradcam")
    requests = []
    page.on("request", lambda request: requests.append(request.url))
    # Wide, high, and one that must be enlarged by nothing but reduced a lot.
    for name in ("coffee", "drum", "retina"):
        assert_explained_like_keras(give(demo, name), name)
    assert [url for url in requests if not url.startswith(("blob:", "data:"))] == []


def test_other_classes_are_chosen_with_the_arrow_keys(page, site_url):
    demo = open_demo(page, site_url, "gradcam")
    likeliest = give(demo, "astronaut")["likeliest"]
    demo.root.get_by_role("radio", checked=True).focus()
    for expected in likeliest[1:3]:
        page.keyboard.press("ArrowDown")
        output = demo.output()
        assert output["chosen"] == expected
        assert_explained_like_keras(output, "astronaut")
    words = demo.root.locator(".demo-words").text_content().replace("\u00a0", " ")
    strongest = int(np.argmax(output["map"]))
    assert f"row {strongest // 7 + 1}, column {strongest % 7 + 1} speaks most" in words
    assert f"the logit, {output['logits'][expected]:.2f}" in words


def test_a_photograph_is_dropped_onto_the_demo(page, site_url):
    demo = open_demo(page, site_url, "gradcam")
    transfer = page.evaluate_handle(
        """(text) => {
          const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
          const transfer = new DataTransfer();
          transfer.items.add(new File([bytes], "brushes.png", { type: "image/png" }));
          return transfer;
        }""",
        base64.b64encode(png("brushes")[1]).decode(),
    )
    demo.root.dispatch_event("drop", {"dataTransfer": transfer})
    best = int(keras_answer("brushes")[1].argmax())
    output = demo.output_when(lambda one: one["likeliest"][0] == best)
    assert_explained_like_keras(output, "brushes")


def test_what_is_no_picture_is_refused_in_words_and_the_demo_lives_on(page, site_url):
    demo = open_demo(page, site_url, "gradcam")
    before = demo.output()
    file = {"name": "notes.txt", "mimeType": "text/plain", "buffer": b"no picture"}
    demo.root.get_by_label(re.compile("or your own")).set_input_files(file)
    demo.box.get_by_text("notes.txt is no picture").wait_for()
    assert demo.output() == before
    assert_explained_like_keras(give(demo, "coffee"), "coffee")


def test_the_samples_are_photographs_with_credit(page, site_url):
    demo = open_demo(page, site_url, "gradcam")
    samples = demo.root.get_by_label("Photograph", exact=True)
    credits = set()
    for title in samples.locator("option").all_text_contents():
        samples.select_option(label=title)
        credit = demo.root.get_by_text(f"{title}. ")
        credit.wait_for()
        credits.add(credit.text_content())
    assert len(credits) == 4
    assert all(re.search(r", (CC|public domain)", credit) for credit in credits)
