"""The demos work as a person uses them, and compute what Keras computes (to 1e-3)."""

import functools
import json
import re

import numpy as np
import pytest
from demos_in_browser import Demo, image, open_demo, open_playground
from page_checks import AXE

import course_utils as cu

TOLERANCE = 1e-3


@functools.cache
def keras_model(name):
    import keras

    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("float32")
    model = cu.checkpoints.load(name)
    keras.config.set_dtype_policy(before)
    return model


def logits(name, images):
    return keras_model(name).predict(images, verbose=0)


@functools.cache
def examples():
    """The first test image of each digit, found without the exporter's help."""
    images, labels = cu.datasets.load("mnist").test
    return np.stack([images[np.flatnonzero(labels == digit)[0]] for digit in range(10)])


def names_of_demos(page):
    return page.locator(".course-demo").evaluate_all("all => all.map(box => box.dataset.demo)")


# --- what holds for every demo ---------------------------------------------------------------


def test_before_the_start_no_demo_has_loaded_anything(page, site_url):
    loaded = []
    page.on("request", lambda request: loaded.append(request.url))
    open_playground(page, site_url)
    page.wait_for_load_state("networkidle")
    assert [u for u in loaded if re.search(r"\.gz|onnxruntime", u)] == []
    own = {u.split("/_static/demos/")[1].split("?")[0] for u in loaded if "/_static/demos/" in u}
    assert {name for name in own if name.endswith(".js")} == {"start.js", "files.js", "parts.js"}


def test_a_demo_loads_what_its_button_said(page, site_url):
    sizes = {}
    page.on("response", lambda answer: sizes.update({answer.url: answer}))
    open_playground(page, site_url)
    before = set(sizes)
    demo = Demo(page, "digit")
    button = demo.box.get_by_role("button", name="Start")
    said = float(re.search(r"Start \(([\d.]+) MB\)", button.text_content())[1])
    button.press("Enter")
    demo.root.wait_for(timeout=30_000)
    loaded = sum(len(answer.body()) for url, answer in sizes.items() if url not in before)
    assert loaded / 1e6 == pytest.approx(said, abs=0.06)


def test_the_second_demo_loads_no_runtime_and_said_so(page, site_url):
    open_demo(page, site_url, "digit")
    loaded = []
    page.on("request", lambda request: loaded.append(request.url))
    demo = Demo(page, "latent")
    button = demo.box.get_by_role("button", name="Start (0.5 MB)")
    assert "here already" in demo.box.locator(".course-demo-size").text_content()
    button.click()
    demo.root.wait_for(timeout=30_000)
    assert not any("onnxruntime" in url for url in loaded)


@pytest.mark.parametrize("width", [360, 768, 1440])
def test_a_demo_that_starts_moves_nothing_below_it(page, site_url, width):
    page.set_viewport_size({"width": width, "height": 900})
    open_playground(page, site_url)
    for name in names_of_demos(page):
        demo = Demo(page, name)
        stage = demo.box.locator(".course-demo-stage")
        before = stage.bounding_box()["height"]
        demo.box.get_by_role("button", name="Start").click()
        demo.root.wait_for(timeout=30_000)
        assert (name, stage.bounding_box()["height"]) == (name, before)
    assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_in_demos_that_run(page, site_url, scheme):
    if not AXE.is_file():
        pytest.skip("axe-core is missing: run sh tools/make_venv.sh .venv")
    page.emulate_media(color_scheme=scheme)
    open_playground(page, site_url)
    for name in names_of_demos(page):
        demo = Demo(page, name)
        demo.box.get_by_role("button", name="Start").click()
        demo.root.wait_for(timeout=30_000)
    page.add_script_tag(path=AXE)
    found = page.evaluate(
        """() => axe.run(".course-demo", {
          runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"],
        })"""
    )
    faults = [(v["id"], v["nodes"][0]["html"]) for v in found["violations"]]
    assert faults == []


def test_starting_moves_the_focus_into_the_demo_and_says_that_it_is_ready(page, site_url):
    demo = open_demo(page, site_url, "digit")
    assert demo.root.evaluate("root => root === document.activeElement")
    assert demo.status.text_content() == "The demo is ready."
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.getAttribute('aria-label')").startswith("Field")


def test_the_words_are_folded_when_the_demo_starts_and_can_be_had_again(page, site_url):
    demo = open_demo(page, site_url, "latent")
    words = demo.box.locator("details p").first
    assert not words.is_visible()
    demo.box.locator("summary").press("Enter")
    assert words.is_visible()


def test_without_javascript_the_words_stand_open_and_no_dead_button(browser, site_url):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    open_playground(page, site_url)
    for box in page.locator(".course-demo").all():
        assert box.locator("details p").first.is_visible()
        assert not box.locator("button").first.is_visible()
        assert "needs JavaScript" in box.locator("noscript").inner_text()
    context.close()


@pytest.fixture
def unlucky_page(browser):
    """A page whose faults are wanted, so nobody counts them."""
    context = browser.new_context()
    yield context.new_page()
    context.close()


@pytest.mark.parametrize(
    ("lost", "says"),
    [
        ("digit.js", "the script digit.js could not be loaded"),
        ("digit/model.onnx.gz", "the file model.onnx.gz could not be loaded"),
        ("simd-threaded.wasm.gz", "the file ort-wasm-simd-threaded.wasm.gz could not be loaded"),
        ("ort.wasm.bundle.min.mjs", "the script of ONNX Runtime could not be loaded"),
    ],
)
def test_a_lost_file_gives_a_sentence_and_trying_again_helps(unlucky_page, site_url, lost, says):
    page = unlucky_page
    page.route(f"**/*{lost}*", lambda route: route.abort())
    open_playground(page, site_url)
    demo = Demo(page, "digit")
    demo.box.get_by_role("button", name="Start").press("Enter")
    again = demo.box.get_by_role("button", name="Try again")
    again.wait_for()
    sentence = demo.status.text_content()
    assert sentence.startswith("The demo could not be started: ")
    assert sentence.endswith(f"{says}.")
    assert again.evaluate("button => button === document.activeElement")
    page.unroute(f"**/*{lost}*")
    again.press("Enter")
    demo.root.wait_for(timeout=30_000)
    assert demo.output() is not None


def test_a_browser_without_webassembly_is_told(unlucky_page, site_url):
    unlucky_page.add_init_script("delete globalThis.WebAssembly")
    open_playground(unlucky_page, site_url)
    demo = Demo(unlucky_page, "digit")
    demo.box.get_by_role("button", name="Start").click()
    demo.box.get_by_role("button", name="Try again").wait_for()
    assert "this browser has no WebAssembly" in demo.status.text_content()


# --- draw a digit ----------------------------------------------------------------------------


def check_digit_against_keras(output):
    """Logits and the shown channels of all layers, for whatever input the network got."""
    import keras

    model = keras_model("mnist-cnn")
    rectified = [layer.output for layer in model.layers if isinstance(layer, keras.layers.ReLU)]
    both = keras.Model(model.input, [model.output, *rectified])
    wanted, *layers = both.predict(image(output["input"]), verbose=0)
    np.testing.assert_allclose(output["logits"], wanted[0], atol=TOLERANCE)
    data = json.loads(json.dumps(output["layers"]))
    for shown, layer in zip(data, layers, strict=True):
        values = np.reshape(shown, (*layer.shape[1:3], 8))
        # Every channel shown is one of the layer's, at every place.
        for channel in np.moveaxis(values, -1, 0):
            apart = np.abs(layer[0] - channel[..., None]).max((0, 1))
            assert apart.min() < TOLERANCE
    return int(wanted.argmax())


def as_mnist(drawing):
    """LeCun's recipe by OpenCV: into 20 × 20 by areas, centre of mass into the middle."""
    import cv2
    from scipy import ndimage

    rows, columns = np.flatnonzero(drawing.any(1)), np.flatnonzero(drawing.any(0))
    ink = drawing[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    scale = 20 / max(ink.shape)
    size = [max(1, round(side * scale)) for side in ink.shape[::-1]]
    small = cv2.resize(ink, size, interpolation=cv2.INTER_AREA)
    y, x = ndimage.center_of_mass(small)
    field = np.zeros((28, 28), np.float32)
    top = int(np.clip(np.floor(14 - y + 0.5), 0, 28 - small.shape[0]))
    left = int(np.clip(np.floor(14 - x + 0.5), 0, 28 - small.shape[1]))
    field[top : top + small.shape[0], left : left + small.shape[1]] = small
    return field


def drawing_of(demo):
    pixels = demo.root.locator(".demo-field").evaluate(
        "c => Array.from(c.getContext('2d').getImageData(0, 0, c.width, c.height).data)"
    )
    return np.reshape(pixels, (280, 280, 4))[..., 0].astype(np.float32) / 255


def stroke(page, field, points):
    """Draw with the mouse through points given as shares of the field."""
    frame = field.bounding_box()
    places = [
        (frame["x"] + frame["width"] * x, frame["y"] + frame["height"] * y) for x, y in points
    ]
    page.mouse.move(*places[0])
    page.mouse.down()
    for place in places[1:]:
        page.mouse.move(*place, steps=6)
    page.mouse.up()


def test_an_example_is_classified_as_keras_classifies_it(page, site_url):
    demo = open_demo(page, site_url, "digit")
    for digit in (3, 8):
        demo.root.get_by_role("button", name=f"Example: a {digit}").press("Enter")
        wanted = examples()[digit].ravel()
        output = demo.output_when(lambda o, w=wanted: np.allclose(o["input"], w, atol=1e-6))
        assert check_digit_against_keras(output) == digit
        best = demo.root.locator(".demo-best").text_content()
        assert best.startswith(str(digit))
        assert best.endswith("%")


def test_a_digit_drawn_with_the_mouse_is_centred_and_recognized(page, site_url):
    demo = open_demo(page, site_url, "digit")
    demo.root.get_by_role("button", name="Clear").click()
    demo.output_when(lambda o: not any(o["input"]))
    field = demo.root.locator(".demo-field")
    field.scroll_into_view_if_needed()
    # A seven in the upper left corner, smaller than MNIST's.
    stroke(page, field, [(0.12, 0.12), (0.42, 0.12), (0.26, 0.55)])
    output = demo.output_when(lambda o: sum(o["input"]) > 20)
    page.wait_for_timeout(300)
    output = demo.output()
    np.testing.assert_allclose(
        np.reshape(output["input"], (28, 28)), as_mnist(drawing_of(demo)), atol=2e-3
    )
    assert check_digit_against_keras(output) == 7
    assert re.match(r"The network says 7, with \d+ percent", demo.status.text_content())


def test_a_digit_can_be_drawn_by_keyboard_alone(page, site_url):
    demo = open_demo(page, site_url, "digit")
    page.keyboard.press("Tab")  # the field is the first control
    page.keyboard.press("Delete")
    demo.output_when(lambda o: not any(o["input"]))
    page.keyboard.press("Space")
    assert demo.status.text_content() == "The pen is down."
    before = page.evaluate("scrollY")
    for _ in range(15):
        page.keyboard.press("ArrowDown")
    page.keyboard.press("Space")
    output = demo.output_when(lambda o: sum(o["input"]) > 20)
    page.wait_for_timeout(300)
    output = demo.output()
    assert check_digit_against_keras(output) == 1
    assert demo.status.text_content().startswith("The network says 1,")
    assert page.evaluate("scrollY") == before, "arrow keys should draw, not scroll"


# --- walk through latent space ---------------------------------------------------------------


def check_latent_against_keras(output):
    noise = np.float32([output["noise"]])
    wanted = keras_model("fashion-conditional-gan").predict(
        [noise, np.array([output["label"]])], verbose=0
    )
    np.testing.assert_allclose(image(output["image"]), wanted, atol=TOLERANCE)
    return float(np.linalg.norm(noise))


def test_garments_on_the_walk_are_those_that_keras_makes(page, site_url):
    demo = open_demo(page, site_url, "latent")
    first = demo.output()
    radius = check_latent_against_keras(first)
    assert 3 < radius < 7, "noise of 24 normal numbers lies about 4.9 from the origin"
    demo.root.get_by_label("Longitude", exact=True).press("ArrowRight")
    demo.root.get_by_label("Latitude", exact=True).press("PageUp")
    demo.root.get_by_label("Class", exact=True).select_option("Sandal")
    output = demo.output_when(
        lambda o: o["label"] == 5 and np.ptp(np.subtract(o["noise"], first["noise"])) > 0.1
    )
    assert check_latent_against_keras(output) == pytest.approx(radius, rel=1e-5)


def test_another_sphere_is_another_and_comes_from_its_seed(page, site_url):
    demo = open_demo(page, site_url, "latent")
    first = demo.output()["noise"]
    demo.root.get_by_role("button", name="Another sphere").press("Enter")
    second = demo.output_when(lambda o: o["noise"] != first)
    check_latent_against_keras(second)
    demo = open_demo(page, site_url, "latent")
    assert demo.output()["noise"] == first


def test_who_wants_no_motion_walks_by_steps_and_back_round_the_circle(page, site_url):
    demo = open_demo(page, site_url, "latent")
    first = demo.output()["noise"]
    step = demo.root.get_by_role("button", name="Step by 15°")
    step.press("Enter")
    demo.output_when(lambda o: o["noise"] != first)
    page.wait_for_timeout(300)
    assert demo.root.locator("output").first.text_content() == "15°"
    for _ in range(23):
        step.press("Enter")
    demo.output_when(lambda o: np.allclose(o["noise"], first, atol=1e-5))


def test_the_walk_goes_on_until_it_is_stopped(browser, site_url):
    context = browser.new_context(reduced_motion="no-preference")
    demo = open_demo(context.new_page(), site_url, "latent")
    first = demo.output()["noise"]
    demo.root.get_by_role("button", name="Walk").press("Enter")
    demo.output_when(lambda o: np.ptp(np.subtract(o["noise"], first)) > 0.2)
    demo.root.get_by_role("button", name="Stop").press("Enter")
    demo.page.wait_for_timeout(200)
    still = demo.output()
    demo.page.wait_for_timeout(300)
    assert demo.output()["noise"] == still["noise"]
    check_latent_against_keras(still)
    context.close()


def test_a_station_is_the_picture_that_the_walk_shows_there(page, site_url):
    demo = open_demo(page, site_url, "latent")
    read = "c => Array.from(c.getContext('2d').getImageData(0, 0, 28, 28).data)"
    first = demo.output()["noise"]
    station = demo.root.get_by_role("button", name="Go to longitude 90°")
    small = station.locator("canvas").evaluate(read)
    station.press("Enter")
    demo.output_when(lambda o: o["noise"] != first)
    page.wait_for_timeout(200)
    assert demo.root.locator("canvas.demo-large").evaluate(read) == small


# --- epsilon ---------------------------------------------------------------------------------

NETWORKS = {"usual": "mnist-cnn", "hardened": "mnist-robust-cnn"}
EPSILONS = 0.005 * np.arange(61)


def changed_by_keras(name, index, epsilon):
    """The picture under FGSM and under the control, as the course's own functions make them."""
    model, labels = keras_model(NETWORKS[name]), np.arange(10)
    attacked = cu.attacks.fgsm(model, examples(), labels, epsilon)
    return np.stack([attacked[index], cu.attacks.random_signs(examples(), epsilon)[index]])


def check_epsilon_against_keras(output):
    wanted = changed_by_keras(output["name"], output["index"], output["epsilon"])
    pictures = np.reshape(output["pictures"], (2, 28, 28, 1))
    # A gradient of nearly nothing may have either sign: few pixels, if any.
    assert np.mean(np.abs(pictures - wanted) > TOLERANCE) < 0.005
    answers = logits(NETWORKS[output["name"]], pictures.astype(np.float32))
    np.testing.assert_allclose(output["logits"], answers, atol=TOLERANCE)


def flips_by_keras(name, index):
    both = np.stack([changed_by_keras(name, index, epsilon) for epsilon in EPSILONS])
    answers = logits(NETWORKS[name], both.reshape(-1, 28, 28, 1)).reshape(61, 2, 10).argmax(-1)
    return [
        int(np.argmax(line != line[0])) if (line != line[0]).any() else -1 for line in answers.T
    ]


def test_pictures_and_answers_at_an_epsilon_are_those_of_the_courses_attack(page, site_url):
    demo = open_demo(page, site_url, "epsilon")
    slider = demo.root.get_by_label("ε, the most")
    for key, epsilon in (("ArrowRight", 0.005), ("PageUp", None), ("End", 0.3)):
        before = demo.output()["epsilon"]
        slider.press(key)
        output = demo.output_when(lambda o, b=before: o["epsilon"] != b)
        assert epsilon is None or output["epsilon"] == pytest.approx(epsilon)
        check_epsilon_against_keras(output)
        assert slider.get_attribute("aria-valuetext") == f"{output['epsilon']:.3f}"


@pytest.mark.parametrize("name", NETWORKS)
def test_predictions_flip_at_the_epsilon_that_keras_finds(page, site_url, name):
    demo = open_demo(page, site_url, "epsilon")
    demo.root.get_by_label("Network").select_option(index=list(NETWORKS).index(name))
    demo.root.get_by_role("button", name="Test image: a 5").press("Enter")
    output = demo.output_when(lambda o: (o["name"], o["index"]) == (name, 5))
    page.wait_for_timeout(1500)
    output = demo.output()
    check_epsilon_against_keras(output)
    wanted = flips_by_keras(name, 5)
    assert np.abs(np.subtract(output["flips"], wanted)).max() <= 1
    verdict = demo.root.locator(".demo-verdict").text_content()
    for flip, kind in zip(output["flips"], ("FGSM", "Noise of the same size"), strict=True):
        said = "no flip" if flip < 0 else f"flips at ε = {EPSILONS[flip]:.3f}"
        assert f"{kind}: {said}" in verdict


def test_the_prediction_flips_under_the_readers_hand_where_the_mark_is(page, site_url):
    demo = open_demo(page, site_url, "epsilon")
    flip = demo.output_when(lambda o: "flips" in o)["flips"][0]
    assert flip > 0
    answers = []
    slider = demo.root.get_by_label("ε, the most")
    for step in range(1, flip + 1):
        slider.press("ArrowRight")
        output = demo.output_when(lambda o, s=step: abs(o["epsilon"] - EPSILONS[s]) < 1e-9)
        answers.append(int(np.argmax(output["logits"][0])))
    assert len(set(answers[:-1])) == 1
    assert answers[-1] != answers[0]
    best = demo.root.locator(".demo-panel").first.locator(".demo-best").text_content()
    assert best.startswith(str(answers[-1]))
