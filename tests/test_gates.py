"""Every gate turns red on what it must not let pass.

A gate that cannot fail says nothing: nbval passes a stripped notebook and never compares
images, and a build can return 0 with nothing built. So here each gate meets a known-bad
fixture, and a known-good one.
"""

import base64
import copy
import importlib.util
import subprocess
import sys
import xml.etree.ElementTree as ET

import nbformat
import notebook_checks
import pytest
import site_checks
from conftest import ROOT
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from notebook_checks import IGNORE, KERNELSPEC, violations

# --- a notebook that keeps the contract ----------------------------------------------------

TITLE = """# Doubling

Twice two is four. Does that hold for every number that a computer can write down?

**You will be able to**

- double a number.

**Needed before:** nothing.

**Time:** about 1 s on 2 CPU cores."""

PIXEL = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk"
    "+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
FIGURE = {
    "figure": {"caption": "A line of slope two.", "name": "fig-doubling-line"},
    "image": {"alt": "Line chart: doubles over numbers."},
}


def printed(source, text, *tags, **metadata):
    if tags:
        metadata["tags"] = list(tags)
    output = new_output("stream", name="stdout", text=text)
    return new_code_cell(source, outputs=[output], metadata=metadata)


def exercise(label):
    return [
        new_markdown_cell(f"```{{exercise}} Three\n:label: {label}\n\nDouble three.\n```"),
        new_markdown_cell(f"```{{solution-start}} {label}\n:class: dropdown\n```"),
        printed("print(2 * 3)", "6\n"),
        new_markdown_cell("```{solution-end}\n```"),
    ]


def stamped(notebook):
    """Numbered and hashed as if it had been executed."""
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    for count, cell in enumerate(cells, 1):
        cell.execution_count = count
    notebook.metadata["course"] = {"code_sha256": notebook_checks.code_hash(notebook)}
    return notebook


def good_notebook():
    dropdowns = "\n\n".join(f"```{{dropdown}} Question {i}?\nYes.\n```" for i in range(3))
    image = new_output("display_data", {"image/png": PIXEL, "text/plain": "<Figure>"})
    table = new_output("display_data", {"text/markdown": "| task | s |\n|--|--|\n| a | 1 |"})
    notebook = new_notebook(
        cells=[
            new_markdown_cell(TITLE),
            printed(notebook_checks.setup_source(), "TensorFlow\n", IGNORE, "setup"),
            printed("print(2 * 2)", "4\n"),
            printed("print(measured := clock())", "0.93\n", IGNORE),
            printed('cu.check("share", measured, at_least=0.9)', "✓ share ≥ 0.9\n"),
            new_code_cell("plt.show()", outputs=[image], metadata={"mystnb": FIGURE}),
            new_markdown_cell("## Exercises"),
            *exercise("ex-doubling-1"),
            *exercise("ex-doubling-2"),
            new_markdown_cell(f"## Quiz\n\n{dropdowns}"),
            new_markdown_cell("## What was measured"),
            new_code_cell("show(table)", outputs=[table], metadata={"tags": [IGNORE]}),
            new_markdown_cell("## Summary\n\n- Twice is more."),
            new_markdown_cell("## References\n\n```{bibliography}\n```"),
        ],
        metadata={"kernelspec": KERNELSPEC, "language_info": {"name": "python"}},
    )
    notebook.nbformat_minor = 5
    for i, cell in enumerate(notebook.cells):
        cell.id = f"cell-{i}"
    return stamped(notebook)


def cell_with(notebook, text):
    return next(cell for cell in notebook.cells if text in cell.source)


def test_a_good_notebook_passes(tmp_path):
    notebook = good_notebook()
    assert violations(notebook) == []
    nbformat.write(notebook, tmp_path / "good.ipynb")
    assert violations(tmp_path / "good.ipynb") == []


# --- the contract: one change, one violation -------------------------------------------------

BROKEN = {}


def breaks(*messages):
    """Register a change of the good notebook, and what the contract must say to it."""

    def register(change):
        BROKEN[change.__name__] = (change, messages)
        return change

    return register


def replaced(text, old, new):
    def change(notebook):
        cell = cell_with(notebook, text)
        assert old in cell.source
        cell.source = cell.source.replace(old, new)
        stamped(notebook)

    return change


def shows(text, **output):
    def change(notebook):
        kind = output.get("output_type", "stream")
        fields = {"name": "stdout"} if kind == "stream" else {}
        fields |= {k: v for k, v in output.items() if k != "output_type"}
        if kind == "stream":
            fields["text"] = text
        cell_with(notebook, "print(2 * 2)").outputs = [new_output(kind, **fields)]

    return change


SIMPLE = {
    "no_title": (replaced("# Doubling", "# Doubling", "Doubling"), "first cell is not Markdown"),
    "no_promise": (
        replaced("# Doubling", "Twice two is four. Does that hold for every", "Every"),
        "no paragraph",
    ),
    "no_goals": (replaced("# Doubling", "**You will be able to**", "Goals"), "You will be able to"),
    "no_needs": (replaced("# Doubling", "**Needed before:**", "Before:"), "Needed before"),
    "no_time": (replaced("# Doubling", "about 1 s on", "some s on"), "Time:"),
    "two_titles": (replaced("## Exercises", "## Exercises", "# Exercises"), "2 titles"),
    "another_setup": (replaced("cu.setup", "seed=0", "seed=1"), "not the book's one setup cell"),
    "long_cell": (
        replaced("print(2 * 2)", "print(2 * 2)", "x = 1\n" * 26 + "print(2 * 2)"),
        "The longest code cell has 27 lines",
    ),
    "machine_path_root": (shows("saved /root/x.npz\n"), "path of this machine"),
    "machine_path_home": (shows("/home/ann/x.npz\n"), "path of this machine"),
    "machine_path_tmp": (shows("in '/tmp/ipykernel_1/2.py'\n"), "path of this machine"),
    "machine_path_work": (shows("[/work/course]\n"), "path of this machine"),
    "machine_path_windows": (shows("C:\\Users\\Ann\n"), "path of this machine"),
    "machine_path_in_prose": (
        replaced("## Exercises", "## Exercises", "## Exercises\n\nIn /home/ann/course."),
        "path of a machine",
    ),
    "stderr": (shows("2026 oneDNN is on\n", name="stderr"), "wrote to stderr"),
    "warning": (shows("x.py:3: UserWarning: careful\n"), "shows a warning"),
    "log_line": (shows("WARNING:tensorflow:5 out of 5 calls\n"), "shows a warning"),
    "carriage_return": (shows("1/2\r2/2\n"), "progress-bar"),
    "keras_bar": (shows("469/469 ━━━━━ 2s\n"), "progress-bar"),
    "colour_codes": (shows("\x1b[1mbold\x1b[0m\n"), "progress-bar"),
    "address": (shows("<object at 0x7f33c3f11dd0>\n"), "memory address"),
    "error_output": (
        shows("", output_type="error", ename="ValueError", evalue="no", traceback=[]),
        "raised ValueError",
    ),
    "matplotlib_text": (
        shows(
            "",
            output_type="execute_result",
            execution_count=2,
            data={"text/plain": "[<matplotlib.lines.Line2D>]"},
        ),
        "Matplotlib's return value",
    ),
    "widget_output": (
        shows(
            "",
            output_type="display_data",
            data={"application/vnd.jupyter.widget-view+json": {"model_id": "1"}},
        ),
        "shows a widget",
    ),
    "unquoted_pip": (
        replaced("## Exercises", "## Exercises", "## Exercises\n\n`pip install keras>=3`"),
        "pip install without quotes",
    ),
    "second_install": (
        replaced("print(2 * 2)", "print(2 * 2)", '%pip install "keras"\nprint(2 * 2)'),
        "Only the setup cell installs",
    ),
    "shell": (replaced("print(2 * 2)", "print(2", "!ls\nprint(2"), "calls the shell"),
    "capture": (replaced("print(2 * 2)", "print(2", "%%capture\nprint(2"), "hides its output"),
    "relative_file": (
        replaced("print(2 * 2)", "print(2", 'open("data/x.csv")\nprint(2'),
        "names a file",
    ),
    "saved_file": (
        replaced("print(2 * 2)", "print(2", 'model.save("m.keras")\nprint(2'),
        "names a file",
    ),
    "nbval_comment": (
        replaced("print(2 * 2)", "print(2", "# NBVAL_IGNORE_OUTPUT\nprint(2"),
        "speaks to nbval",
    ),
    "image_without_alt_in_prose": (
        replaced("## Exercises", "## Exercises", "## Exercises\n\n![](x.svg)"),
        "Markdown image has no alt",
    ),
    "html_image_without_alt": (
        replaced("## Exercises", "## Exercises", "## Exercises\n\n<img src='x.svg'>"),
        "<img> has no alt",
    ),
    "figure_directive_without_alt": (
        replaced("## Exercises", "## Exercises", "## Exercises\n\n```{figure} x.svg\nText\n```"),
        "figure directive has no :alt:",
    ),
    "no_quiz": (replaced("## Quiz", "## Quiz", "## Riddles"), "no section ## Quiz"),
    "short_quiz": (replaced("## Quiz", "{dropdown} Question 2", "{note} 2"), "quiz has 2"),
    "no_measured": (replaced("## What was", "measured", "seen"), "no section ## What was"),
    "no_summary": (replaced("## Summary", "## Summary", "## End"), "no section ## Summary"),
    "empty_summary": (replaced("## Summary", "- Twice", "Twice"), "summary has no list"),
    "no_references": (replaced("## References", "## Ref", "## Def"), "no section ## References"),
    "no_bibliography": (replaced("## Ref", "{bibliography}", "{note}"), "no {bibliography}"),
    "solution_open": (replaced("ex-doubling-1\n:class", ":class: dropdown", ""), "not a dropdown"),
    "solution_of_another": (
        replaced("ex-doubling-1\n:class", "ex-doubling-1", "ex-doubling-9"),
        "ex-doubling-1 has no solution",
    ),
    "exercise_without_label": (
        replaced("ex-doubling-1\n\n", ":label: ex-doubling-1\n", ""),
        "An exercise has no :label:",
    ),
}


@breaks("never executed", "no code cell has an output")
def stripped(notebook):
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None


@breaks("1 code cells were never executed")
def one_cell_not_executed(notebook):
    cell_with(notebook, "print(2 * 2)").execution_count = None


@breaks("execution counts are not 1, 2, 3")
def executed_out_of_order(notebook):
    cell_with(notebook, "print(2 * 2)").execution_count = 40


@breaks("outputs are not those of this code")
def code_newer_than_outputs(notebook):
    cell_with(notebook, "print(2 * 2)").source = "print(2 + 2)"


@breaks("second cell, and only that, must be the setup cell")
def setup_cell_elsewhere(notebook):
    notebook.cells.insert(1, notebook.cells.pop(2))
    stamped(notebook)


@breaks("setup cell's tags")
def setup_cell_compared(notebook):
    cell_with(notebook, "cu.setup").metadata.tags = ["setup"]


@breaks("median code cell has 7 lines")
def long_cells(notebook):
    for cell in notebook.cells:
        if cell.cell_type == "code" and "setup" not in cell.metadata.get("tags", []):
            cell.source += "\nx = 1" * 6
    stamped(notebook)


@breaks("a tenth of the code cells have over 20 lines (21)")
def long_tail(notebook):
    for text in ("print(2 * 2)", "plt.show()"):
        cell_with(notebook, text).source += "\nx = 1" * 20
    stamped(notebook)


@breaks("widget metadata")
def widget_metadata(notebook):
    notebook.metadata["widgets"] = {"application/vnd.jupyter.widget-state+json": {}}


@breaks("metadata holds more than it may: vscode")
def editor_metadata(notebook):
    notebook.metadata["vscode"] = {}


@breaks("cell's metadata holds more than it may: execution")
def timing_metadata(notebook):
    cell_with(notebook, "print(2 * 2)").metadata["execution"] = {"iopub.busy": "now"}


@breaks("kernelspec")
def another_kernel(notebook):
    notebook.metadata["kernelspec"] = {"name": "venv", "display_name": "venv", "language": "x"}


@breaks("language_info")
def python_version_in_metadata(notebook):
    notebook.metadata["language_info"]["version"] = "3.11.7"


@breaks("tag that the book does not use: nbval-skip")
def skipped_cell(notebook):
    cell_with(notebook, "print(2 * 2)").metadata.tags = ["nbval-skip"]


@breaks("tag that the book does not use: raises-exception")
def allowed_exception(notebook):
    cell_with(notebook, "print(2 * 2)").metadata.tags = ["raises-exception"]


@breaks("has the tag nbval-ignore-output, and none of the next 6 code cells holds a strict")
def ignored_without_a_check(notebook):
    cell_with(notebook, "cu.check").source = "print('fine')"
    stamped(notebook)


@breaks("none of the next 6 code cells holds a strict")
def ignored_check(notebook):
    cell_with(notebook, "cu.check").metadata.tags = [IGNORE]


@breaks("no output to ignore")
def needless_tag(notebook):
    cell_with(notebook, "print(measured").outputs = []


@breaks("only 3 of 8 cells with outputs are compared strictly")
def mostly_ignored(notebook):
    cell_with(notebook, "plt.show()").metadata["tags"] = [IGNORE]
    cell_with(notebook, "print(2 * 2)").metadata["tags"] = [IGNORE]
    extra = printed('cu.check("x", 1, at_least=1)', "✓ x ≥ 1\n")
    extra.id = "extra"
    notebook.cells.insert(6, extra)
    for cell in notebook.cells[7:]:
        if cell.source == "print(2 * 3)":
            cell.outputs = []
            break
    stamped(notebook)


@breaks("figure without alt text")
def figure_without_alt(notebook):
    del cell_with(notebook, "plt.show()").metadata["mystnb"]["image"]


@breaks("figure without a caption")
def figure_without_caption(notebook):
    del cell_with(notebook, "plt.show()").metadata["mystnb"]["figure"]["caption"]


@breaks("figure without a name")
def figure_without_name(notebook):
    del cell_with(notebook, "plt.show()").metadata["mystnb"]["figure"]["name"]


@breaks("2 images; one figure a cell")
def two_figures_in_a_cell(notebook):
    cell = cell_with(notebook, "plt.show()")
    cell.outputs = [*cell.outputs, copy.deepcopy(cell.outputs[0])]


@breaks("image of 100,001 bytes")
def large_image(notebook):
    data = base64.b64encode(b"x" * 100_001).decode()
    cell_with(notebook, "plt.show()").outputs[0].data["image/png"] = data


def with_clip(notebook, video, caption="A square that moves right."):
    html = f"<figure>{video}<figcaption>{caption}</figcaption></figure>"
    cell_with(notebook, "print(2 * 2)").outputs.append(
        new_output("display_data", {"text/html": html, "text/plain": "<clip>"})
    )


def video(attributes, size=1000):
    data = base64.b64encode(b"x" * size).decode()
    return f'<video {attributes}><source src="data:video/mp4;base64,{data}"></video>'


SEEN = 'aria-label="A white square moves to the right."'


def test_a_clip_keeps_the_contract():
    notebook = good_notebook()
    with_clip(notebook, video(f"controls {SEEN}"))
    assert violations(notebook) == []


@breaks("plays by itself or that nobody can stop")
def clip_that_plays(notebook):
    with_clip(notebook, video(f"controls autoplay {SEEN}"))


@breaks("plays by itself or that nobody can stop")
def clip_without_controls(notebook):
    with_clip(notebook, video(SEEN))


@breaks("does not say what it shows")
def clip_without_text(notebook):
    with_clip(notebook, video('controls aria-label=""'))


@breaks("video without a caption")
def clip_without_caption(notebook):
    with_clip(notebook, video(f"controls {SEEN}"), caption="")


@breaks("video of 100,001 bytes")
def large_clip(notebook):
    with_clip(notebook, video(f"controls {SEEN}", 100_001))


@breaks("video of 0 bytes")
def clip_from_elsewhere(notebook):
    with_clip(notebook, f'<video controls {SEEN} src="https://example.org/a.mp4"></video>')


@breaks("bytes, allowed are 1,000,000")
def large_notebook(notebook):
    cell_with(notebook, "print(2 * 2)").outputs[0].text = "4\n" * 500_001


@breaks("has 1 exercises; at least two")
def one_exercise(notebook):
    del notebook.cells[7:11]
    stamped(notebook)


@breaks("1 exercises have a solution that runs")
def solution_that_is_only_told(notebook):
    notebook.cells.remove(cell_with(notebook, "print(2 * 3)"))
    stamped(notebook)


@breaks("ids are missing or doubled")
def doubled_ids(notebook):
    notebook.cells[3].id = notebook.cells[2].id


@breaks("not in nbformat 4.5")
def old_format(notebook):
    notebook.nbformat_minor = 4


@breaks("no cell computes a Markdown table")
def table_written_by_hand(notebook):
    notebook.cells.remove(cell_with(notebook, "show(table)"))
    stamped(notebook)


@breaks("must come in this order")
def quiz_after_the_summary(notebook):
    quiz = cell_with(notebook, "## Quiz")
    notebook.cells.remove(quiz)
    notebook.cells.insert(-1, quiz)


for _name, (_change, _message) in SIMPLE.items():
    BROKEN[_name] = (_change, (_message,))


@pytest.mark.parametrize("name", BROKEN)
def test_a_notebook_that_breaks_the_contract_is_told_how(name):
    change, messages = BROKEN[name]
    notebook = good_notebook()
    change(notebook)
    found = "\n".join(violations(notebook)).lower()
    for message in messages:
        assert message.lower() in found


def test_a_code_page_asks_colab_for_a_gpu(tmp_path):
    (tmp_path / "code").mkdir()
    path = tmp_path / "code" / "page.ipynb"
    notebook = good_notebook()
    nbformat.write(notebook, path)
    assert [m for m in violations(path) if "GPU" in m]
    notebook.metadata |= {"accelerator": "GPU", "colab": {"gpuType": "T4", "provenance": []}}
    nbformat.write(notebook, path)
    assert violations(path) == []


def test_prose_about_addresses_on_the_web_is_no_machine_path():
    notebook = good_notebook()
    text = "See https://example.org/home/x, <https://example.org/tmp/> and https://x.org/work/1."
    cell_with(notebook, "## Exercises").source += f"\n\n{text}"
    assert violations(notebook) == []


# --- nbval: outputs are compared, errors are errors -------------------------------------------


def clip_cell(stored_caption, stored_bytes):
    """Shows a clip with the caption "A square that moves." and the bytes "YmFy"."""
    page = '<video src="data:video/mp4;base64,{}"></video><figcaption>{}</figcaption>'
    shown = {"text/html": page.format("YmFy", "A square that moves."), "text/plain": "<clip>"}
    stored = {"text/html": page.format(stored_bytes, stored_caption), "text/plain": "<clip>"}
    source = f"from IPython.display import display; display({shown!r}, raw=True)"
    return new_code_cell(source, outputs=[new_output("display_data", stored)])


@pytest.fixture(scope="module")
def nbval_outcomes(tmp_path_factory):
    """Cells that nbval must refuse beside cells that it must pass: name → (passed, message)."""
    folder = tmp_path_factory.mktemp("nbval")
    cells = {
        "same number": printed("print(2 * 2)", "4\n"),
        "changed number": printed("print(2 * 2)", "5\n"),
        "changed result": new_code_cell(
            "2 * 2",
            execution_count=1,
            outputs=[
                new_output("execute_result", execution_count=1, data={"text/plain": "5"}),
            ],
        ),
        "ignored number": printed("print(2 * 2)", "5\n", IGNORE),
        "clip of other bytes": clip_cell("A square that moves.", "Zm9v"),
        "clip of another caption": clip_cell("A circle that moves.", "YmFy"),
        "unexpected stderr": printed(
            "import sys; print(4); print('careful', file=sys.stderr)", "4\n"
        ),
        "missing output": printed("pass", "4\n"),
        "check that holds": printed(
            "import course_utils as cu; cu.check('x', 1, at_least=0.5)", "✓ x ≥ 0.5\n"
        ),
        "check that fails": printed("cu.check('x', 0, at_least=0.5)", "✓ x ≥ 0.5\n"),
        "ignored check that fails": printed("cu.check('x', 0, at_least=0.5)", "✓\n", IGNORE),
        "raising cell": new_code_cell("1 / 0"),
        "ignored raising cell": printed("1 / 0", "4\n", IGNORE),
        "failing solution": printed("assert 2 * 3 == 7\nprint('right')", "right\n"),
    }
    for count, cell in enumerate(cells.values(), 1):
        cell.execution_count = count
    notebook = new_notebook(cells=list(cells.values()), metadata={"kernelspec": KERNELSPEC})
    nbformat.write(notebook, folder / "cells.ipynb")
    run = run_nbval(folder, "cells.ipynb", "--junitxml=report.xml")
    cases = ET.parse(folder / "report.xml").getroot().iter("testcase")
    outcomes = [not {"failure", "error"} & {child.tag for child in case} for case in cases]
    assert len(outcomes) == len(cells), run.stdout
    return run.returncode, dict(zip(cells, outcomes, strict=True))


def run_nbval(folder, *arguments):
    command = [sys.executable, "-m", "pytest", "--nbval", "-q", "-c", "/dev/null"]
    command += ["--nbval-sanitize-with", str(ROOT / "tests" / "nbval_sanitize.cfg")]
    command += ["--rootdir", ".", "-p", "no:cacheprovider", "-p", "no:randomly", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300)


@pytest.mark.parametrize(
    "cell", ["same number", "ignored number", "check that holds", "clip of other bytes"]
)
def test_nbval_passes(nbval_outcomes, cell):
    assert nbval_outcomes[1][cell]


@pytest.mark.parametrize(
    "cell",
    [
        "changed number",
        "changed result",
        "unexpected stderr",
        "missing output",
        "check that fails",
        "ignored check that fails",
        "raising cell",
        "ignored raising cell",
        "failing solution",
        "clip of another caption",
    ],
)
def test_nbval_refuses(nbval_outcomes, cell):
    returncode, passed = nbval_outcomes
    assert returncode == 1
    assert not passed[cell]


def test_storing_outputs_refuses_a_raising_cell_and_keeps_the_file(tmp_path):
    path = tmp_path / "page.ipynb"
    notebook = new_notebook(
        cells=[printed("print(1)", "old\n"), new_code_cell("raise ValueError('broken')")]
    )
    nbformat.write(notebook, path)
    before = path.read_bytes()
    tool = ROOT / "tools" / "execute_notebooks.py"
    run = subprocess.run([sys.executable, tool, path], capture_output=True, text=True, timeout=300)
    assert run.returncode == 1
    assert "ValueError: broken" in run.stdout
    assert path.read_bytes() == before


# --- the site ---------------------------------------------------------------------------------

GOOD_PAGE = """<html><head><link rel="stylesheet" href="style.css"></head><body>
<h1 id="top">Page</h1><a href="other.html#part">there</a> <a href="#top">up</a>
<a href="https://example.org/x">away</a><img src="a.svg" alt="A line."></body></html>"""
OTHER_PAGE = '<html><body><h2 id="part">Part</h2><a href="index.html">back</a></body></html>'


@pytest.fixture
def site(tmp_path):
    (tmp_path / "index.html").write_text(GOOD_PAGE)
    (tmp_path / "other.html").write_text(OTHER_PAGE)
    (tmp_path / "style.css").write_text("h1 { color: black }")
    (tmp_path / "a.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    return tmp_path


def change_page(site, old, new):
    page = site / "index.html"
    text = page.read_text()
    assert old in text
    page.write_text(text.replace(old, new))


def test_a_good_site_passes(site):
    assert not site_checks.dead_links(site)
    assert not site_checks.outside_requests(site)
    assert not site_checks.images_without_alt(site)
    assert not site_checks.raw_mathematics(site)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("other.html#part", "missing.html"),
        ("other.html#part", "other.html#gone"),
        ('href="#top"', 'href="#bottom"'),
        ('src="a.svg"', 'src="b.svg"'),
    ],
)
def test_a_dead_internal_link_is_found(site, old, new):
    change_page(site, old, new)
    assert site_checks.dead_links(site)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("</head>", '<script src="https://cdn.example.org/mathjax.js"></script></head>'),
        ('href="style.css"', 'href="https://fonts.example.org/css"'),
        ('src="a.svg"', 'src="https://example.org/a.svg"'),
        ("</head>", "<script>load('https://cdn.example.org/mathjax.js')</script></head>"),
        ("</head>", "<style>@import 'https://fonts.example.org/css';</style></head>"),
    ],
)
def test_a_page_that_needs_the_network_is_found(site, old, new):
    change_page(site, old, new)
    assert site_checks.outside_requests(site)


@pytest.mark.parametrize("new", ["", 'alt=""', 'alt="  "', 'alt="a.svg"'])
def test_an_image_without_alt_text_is_found(site, new):
    change_page(site, 'alt="A line."', new)
    assert site_checks.images_without_alt(site)


@pytest.mark.parametrize("tex", [r"\(x^2\)", r"\[ \frac{1}{2} \]", "$$ x $$"])
def test_mathematics_that_nothing_renders_is_found(site, tex):
    change_page(site, "</body>", f"<p>Twice: {tex}</p></body>")
    assert site_checks.raw_mathematics(site)


def test_the_build_refuses_a_broken_reference(tmp_path):
    """The very command of the Makefile, on a book of one page."""
    if importlib.util.find_spec("jupyter_book") is None:
        pytest.skip("jupyter-book is not installed")
    (tmp_path / "_config.yml").write_text("title: Book\nexecute:\n  execute_notebooks: 'off'\n")
    (tmp_path / "_toc.yml").write_text("format: jb-book\nroot: index\n")
    (tmp_path / "index.md").write_text("# Page\n\n[broken](nowhere.md)\n")
    build = "jupyter-book build . -W --keep-going --quiet"
    assert "-W --keep-going" in (ROOT / "Makefile").read_text()
    code = f"from jupyter_book.cli.main import main; main({build.split()[1:]!r})"
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=300
    )
    assert run.returncode != 0
    assert "nowhere.md" in run.stdout + run.stderr


def test_style_and_spelling_are_refused(tmp_path):
    """`make lint`: an unused import, three spaces and a misspelt word."""
    misspelt = "rec" + "ieve"  # in two parts, or this file would be refused itself
    (tmp_path / "bad.py").write_text(f"import os\nx = 1   # {misspelt}\n")
    for command in (["ruff", "check"], ["ruff", "format", "--check"], ["codespell"]):
        if importlib.util.find_spec(command[0].replace("codespell", "codespell_lib")) is None:
            pytest.skip(f"{command[0]} is not installed")
        module = "codespell_lib" if command[0] == "codespell" else command[0]
        run = subprocess.run(
            [sys.executable, "-m", module, *command[1:], str(tmp_path / "bad.py")],
            capture_output=True,
            cwd=ROOT,
        )
        assert run.returncode != 0, command


# --- the rehearsal of Colab ----------------------------------------------------------------------


@pytest.fixture(scope="module")
def rehearsal():
    spec = importlib.util.spec_from_file_location(
        "rehearse_colab", ROOT / "tools" / "rehearse_colab.py"
    )
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_rehearsal_installs_from_the_address_in_the_setup_cell(rehearsal):
    notebook = good_notebook()
    assert rehearsal.repository_url(notebook) == notebook_checks.repository_url()


def test_the_rehearsal_refuses_a_notebook_that_installs_nothing(rehearsal):
    notebook = good_notebook()
    cell_with(notebook, "cu.setup").source = "import course_utils as cu\ncu.setup(seed=0)"
    with pytest.raises(SystemExit, match="no setup cell that installs"):
        rehearsal.repository_url(notebook)


def test_the_rehearsal_takes_the_release_from_the_working_tree(rehearsal, tmp_path):
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    rehearsal.make_repository(tmp_path)
    tag = notebook_checks.setup_source().split("@v")[1].split('"')[0]
    listed = rehearsal.run("git", "ls-tree", "-r", "--name-only", f"v{tag}", cwd=tmp_path)
    assert "course_utils/runtime.py" in listed.split()
    committed = rehearsal.run("git", "show", f"v{tag}:course_utils/runtime.py", cwd=tmp_path)
    assert committed == (ROOT / "course_utils" / "runtime.py").read_text(encoding="utf-8")
