"""Demos reach the pages that name them, say their size, and are made anew only when they must."""

import contextlib
import gzip
import io
import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("sphinx", reason="the site's packages are missing")

from sphinx.application import Sphinx
from sphinx.errors import ExtensionError
from sphinx.util.docutils import docutils_namespace, patch_docutils

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "tools"), str(ROOT / "book" / "_ext")]

import demos  # noqa: E402
import export_demos  # noqa: E402

WORDS = "A toy that shows **nothing**."
RUNTIME = {"ort.wasm.bundle.min.mjs": b"s" * 3000, "ort-wasm-simd-threaded.wasm": b"w" * 100_000}


@pytest.fixture
def workshop(tmp_path, monkeypatch):
    """A place with one small demo, its script, its input, and an npm package of the right form."""
    scripts, package = tmp_path / "scripts", tmp_path / "node_modules" / "onnxruntime-web"
    for folder in (scripts, package / "dist"):
        folder.mkdir(parents=True)
    (scripts / "toy.js").write_text("j" * 500)
    (scripts / "runtime.js").write_text("r" * 500)
    (package / "package.json").write_text('{"version": "1.0.0"}')
    for name, content in RUNTIME.items():
        (package / "dist" / name).write_bytes(content)
    (tmp_path / "course_utils").mkdir()
    (tmp_path / "course_utils" / "deployment.py").write_text("# converts")
    (tmp_path / "weights.npz").write_bytes(b"1")
    noise = np.random.default_rng(0).bytes(400_000)
    toy = export_demos.Demo("play & see", lambda: {"model.onnx": noise}, ("weights.*",))
    monkeypatch.setattr(export_demos, "ROOT", tmp_path)
    monkeypatch.setattr(export_demos, "OUT", tmp_path / "out")
    monkeypatch.setattr(export_demos, "DEMOS", {"toy": toy})
    monkeypatch.setattr(export_demos, "RUNTIME_PACKAGE", package)
    monkeypatch.setattr(demos, "SCRIPTS", scripts)
    monkeypatch.setattr(demos, "ROOT", tmp_path)
    return tmp_path


@pytest.fixture
def build(workshop):
    """Builds a book of two pages, of which the first one has the demo; returns the site."""
    export_demos.make("toy")

    def built(body=f"```{{demo}} toy\n{WORDS}\n```", **overrides):
        book = workshop / "book"
        (book / "_static" / "demos").mkdir(parents=True, exist_ok=True)
        for name in ("start.js", "toy.js", "demos.css"):
            (book / "_static" / "demos" / name).write_text("// text")
        (book / "index.md").write_text(f"# First\n\n{body}\n\n```{{toctree}}\nother\n```\n")
        (book / "other.md").write_text("# Other\n\nNo demo.\n")
        options = {"extensions": ["myst_parser", "demos"], "html_static_path": ["_static"]}
        with patch_docutils(), docutils_namespace():
            app = Sphinx(
                book,
                None,
                workshop / "site",
                workshop / "doctrees",
                "html",
                confoverrides=options | overrides,
                status=None,
                warning=io.StringIO(),
            )
            app.build()
        return workshop / "site"

    return built


def test_a_demo_says_its_size_before_it_loads_anything(build, workshop):
    page = (build() / "index.html").read_text()
    own = 500 + (workshop / "out" / "toy" / "model.onnx.gz").stat().st_size
    binary = workshop / "out" / "onnxruntime" / "ort-wasm-simd-threaded.wasm.gz"
    runtime = 500 + 3000 + binary.stat().st_size
    assert f'data-own="{own}"' in page
    assert f'data-runtime="{runtime}"' in page
    assert f"Start ({(own + runtime) / 1e6:.1f} MB)" in page
    assert "packed by gzip" in page


def test_the_text_alternative_is_open_until_a_script_folds_it(build):
    page = (build() / "index.html").read_text()
    assert re.search(
        r"<details open><summary>[^<]+</summary><p>A toy that shows <strong>nothing", page
    )
    assert re.search(r'<button type="button" hidden>', page), "without JavaScript it would be dead"
    assert "<noscript>" in page


def test_a_demo_has_a_name_for_screen_readers(build):
    assert 'aria-label="Demo: play &amp; see"' in (build() / "index.html").read_text()


def test_only_pages_with_a_demo_load_its_script_and_styles(build):
    site = build()
    assert "demos/" not in (site / "other.html").read_text()
    page = (site / "index.html").read_text()
    assert len(re.findall(r'<script[^>]*src="_static/demos/', page)) == 1
    (script,) = re.findall(r'<script[^>]*src="_static/demos/start\.js[^>]*>', page)
    assert 'type="module"' in script
    assert len(re.findall(r'<link[^>]*href="_static/demos/demos\.css', page)) == 1


def test_models_and_runtime_lie_beside_the_pages_with_the_licence(build):
    static = build() / "_static"
    assert (
        len(gzip.decompress((static / "demos" / "toy" / "model.onnx.gz").read_bytes())) == 400_000
    )
    runtime = static / "onnxruntime"
    for name, content in RUNTIME.items():
        packed = runtime / f"{name}.gz"
        assert (
            gzip.decompress(packed.read_bytes())
            if packed.is_file()
            else (runtime / name).read_bytes()
        ) == content
    assert "MIT" in (runtime / "LICENSE").read_text()
    assert not list(static.rglob("manifest.json"))


def test_a_page_says_the_new_size_when_only_the_model_has_changed(build, workshop, monkeypatch):
    before = re.search(r'data-own="(\d+)"', (build() / "index.html").read_text())[1]
    smaller = export_demos.Demo("play", lambda: {"model.onnx": b"0"}, ("weights.*",))
    monkeypatch.setattr(export_demos, "DEMOS", {"toy": smaller})
    export_demos.make("toy")
    after = re.search(r'data-own="(\d+)"', (build() / "index.html").read_text())[1]
    assert int(after) < int(before)


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ("```{demo} tay\nWords.\n```", r"index: there is no demo 'tay'; .* are toy\."),
        ("```{demo} toy\n```", r"index: the demo 'toy' needs a body that says in words"),
    ],
)
def test_a_wrong_directive_fails_the_build_in_one_sentence(build, body, sentence):
    with pytest.raises(ExtensionError, match=sentence):
        build(body)


def test_a_missing_npm_package_fails_the_build_and_says_what_to_run(build, workshop):
    (
        workshop / "node_modules" / "onnxruntime-web" / "dist" / "ort-wasm-simd-threaded.wasm"
    ).unlink()
    with pytest.raises(ExtensionError, match=r"need the npm package onnxruntime-web.*run "):
        build()


def test_pages_without_demos_need_no_npm_package(build, workshop):
    (
        workshop / "node_modules" / "onnxruntime-web" / "dist" / "ort-wasm-simd-threaded.wasm"
    ).unlink()
    assert not (build("Nothing.") / "_static" / "onnxruntime").exists()


def test_a_missing_script_fails_the_build(build, workshop):
    (workshop / "scripts" / "toy.js").unlink()
    with pytest.raises(ExtensionError, match=r"A demo needs scripts/toy\.js"):
        build()


def test_an_export_that_fails_ends_the_build_with_its_last_line(workshop, monkeypatch):
    failed = subprocess.CompletedProcess([], 1, "", "Traceback\nValueError: no checkpoint.\n")
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: failed)
    with pytest.raises(
        ExtensionError, match=r"tools/export_demos\.py: ValueError: no checkpoint\.$"
    ):
        demos.make_files(None, None)


def test_nothing_is_exported_again_before_an_input_changes(workshop, monkeypatch):
    assert export_demos.stale() == ["toy"]
    export_demos.make("toy")
    assert export_demos.stale() == []
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: pytest.fail("exported in vain"))
    demos.make_files(None, None)
    (workshop / "weights.npz").write_bytes(b"2")
    assert export_demos.stale() == ["toy"]


def test_the_same_inputs_make_the_same_bytes(workshop):
    contents = []
    for _ in range(2):
        export_demos.make("toy")
        contents.append((workshop / "out" / "toy" / "model.onnx.gz").read_bytes())
    assert contents[0] == contents[1]


def test_an_export_that_breaks_off_leaves_the_old_files(workshop, monkeypatch):
    export_demos.make("toy")
    before = (workshop / "out" / "toy" / "manifest.json").read_bytes()
    broken = export_demos.Demo("play", lambda: {"model.onnx": 1 / 0}, ("weights.*",))
    monkeypatch.setattr(export_demos, "DEMOS", {"toy": broken})
    with contextlib.suppress(ZeroDivisionError):
        export_demos.make("toy")
    assert (workshop / "out" / "toy" / "manifest.json").read_bytes() == before


def test_an_input_that_does_not_exist_is_named(workshop, monkeypatch):
    lost = export_demos.Demo("play", dict, ("lost.*",))
    monkeypatch.setattr(export_demos, "DEMOS", {"toy": lost})
    with pytest.raises(ValueError, match=r"'toy' is made of lost\.\*, but there is no such file"):
        export_demos.stale()


def test_every_demo_has_its_script_and_its_place_on_the_playground():
    page = (ROOT / "book" / "playground.md").read_text(encoding="utf-8")
    assert re.findall(r"^```\{demo\} (\w+)$", page, re.MULTILINE) == list(export_demos.DEMOS)
    for name in export_demos.DEMOS:
        assert (ROOT / "book" / "_static" / "demos" / f"{name}.js").is_file()


def test_one_output_holds_every_part_at_its_offset(tiny_classifier, tiny_data):
    import keras

    flat = tiny_classifier.layers[1].output
    reshaped = keras.layers.Reshape((4, 16))(flat)
    joined, parts = export_demos.one_output(
        tiny_classifier, {"logits": tiny_classifier.output, "rows": reshaped}
    )
    images = tiny_data.test[0][:5]
    values = joined.predict(images, verbose=0)
    assert [(p["name"], p["shape"], p["offset"]) for p in parts] == [
        ("logits", [3], 0),
        ("rows", [4, 16], 3),
    ]
    np.testing.assert_allclose(values[:, :3], tiny_classifier.predict(images, verbose=0), atol=1e-6)
    np.testing.assert_array_equal(values[:, 3:].reshape(5, 8, 8, 1), images)


def test_gradient_signs_are_the_directions_of_the_courses_fgsm(tiny_classifier, tiny_data):
    from course_utils import attacks

    images, labels = (part[:9] for part in tiny_data.test)
    signs = export_demos.gradient_signs(tiny_classifier, images, labels)
    assert set(np.unique(signs)) <= {-1, 0, 1}
    np.testing.assert_allclose(
        np.clip(images + 0.1 * signs, 0, 1),
        attacks.fgsm(tiny_classifier, images, labels, 0.1),
        atol=1e-6,
    )


def test_examples_are_the_first_image_of_each_class():
    labels = np.array([2, 0, 2, 1, 0])
    images = np.arange(5)
    chosen, classes = export_demos.first_of_each_class(images, labels)
    assert chosen.tolist() == [1, 3, 0]
    assert classes == [0, 1, 2]


def test_images_come_back_as_the_bytes_they_were():
    stored = np.arange(256, dtype=np.uint8).reshape(1, 16, 16, 1)
    images = stored.astype(np.float32) / 255
    assert json.loads(export_demos.as_json(export_demos.to_bytes(images)))[0] == list(range(256))
