"""What all tests share: quiet and seeded TensorFlow, one thread a pytest worker, small data."""

import os
import shutil
from pathlib import Path
from types import SimpleNamespace

import matplotlib
import numpy as np
import pytest
import site_server

# Before TensorFlow is imported: two pytest workers on two cores must not fight for them.
os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
for variable in ("COURSE_PROFILE", "TF_CONFIG"):
    os.environ.pop(variable, None)

# Not by MPLBACKEND, which nbval's kernels would inherit: their figures would be missing.
matplotlib.use("Agg")

ROOT = Path(__file__).resolve().parents[1]
# Another built site is tested with COURSE_SITE=folder (make publish-check).
SITE = Path(os.environ.get("COURSE_SITE") or ROOT / "_build" / "html").resolve()
CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), ""
)
# Without these, Chromium asks the network after updates and lists of its own.
CHROMIUM_ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@pytest.fixture
def float32():
    """Keras in full precision, whatever the test before it chose; proofs compare to 1e-5."""
    import keras

    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("float32")
    yield
    keras.config.set_dtype_policy(before)


@pytest.fixture
def seeded(float32):
    """Full precision, and the same random weights in every test."""
    import keras

    keras.utils.set_random_seed(0)


@pytest.fixture
def tiny_data():
    """Three classes of 8 × 8 images, told apart by the bright third: learnt in a second."""
    generator = np.random.default_rng(0)

    def split(examples):
        labels = np.arange(examples, dtype=np.int32) % 3
        images = 0.3 * generator.random((examples, 8, 8, 1), dtype=np.float32)
        for image, label in zip(images, labels, strict=True):
            image[:, 3 * label : 3 * label + 2] += 0.7
        return images, labels

    return SimpleNamespace(
        name="tiny",
        train=split(96),
        validation=split(33),
        test=split(30),
        class_names=("left", "middle", "right"),
        card=None,
    )


@pytest.fixture
def tiny_classifier(float32):
    """A linear classifier of `tiny_data`, freshly initialized with a fixed seed."""
    import keras
    from keras import layers

    keras.utils.set_random_seed(0)
    inputs = keras.Input((8, 8, 1))
    return keras.Model(inputs, layers.Dense(3, dtype="float32")(layers.Flatten()(inputs)))


# --- the built site in a real browser ------------------------------------------------------


@pytest.fixture(scope="session")
def site_url():
    """The address at which the built site is served on this machine, without a closing slash."""
    if not (SITE / "index.html").is_file():
        pytest.skip("no site is built: run make site")
    with site_server.served(SITE) as url:
        yield url


@pytest.fixture(scope="session")
def browser():
    """Headless Chromium, one for all tests of a worker."""
    if not CHROMIUM:
        pytest.skip("Chromium is missing: install Debian's chromium to test the site in a browser")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=CHROMIUM, args=list(CHROMIUM_ARGUMENTS)
        )
        yield chromium
        chromium.close()


@pytest.fixture
def page(browser, site_url):
    """A page of a fresh reader; it fails the test if it asked elsewhere or reported an error."""
    context = browser.new_context(reduced_motion="reduce")
    faults = []

    def only_here(route):
        if route.request.url.startswith((site_url, "data:", "blob:")):
            route.continue_()
        else:
            faults.append(f"asked for {route.request.url}")
            route.abort()

    context.route("**/*", only_here)
    page = context.new_page()
    page.on("console", lambda m: faults.append(m.text) if m.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on(
        "response",
        lambda answer: (
            faults.append(f"{answer.status} {answer.url}") if answer.status >= 400 else None
        ),
    )
    page.faults = faults
    yield page
    context.close()
    assert faults == []
