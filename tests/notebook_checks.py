"""The notebook contract, as functions that say in a sentence each what breaks it.

``violations(path)`` is what `test_notebook_contract.py` asks of every notebook of the book;
`test_gates.py` shows for every rule a notebook that breaks it. The contract itself is told in
CONTRIBUTING.md. One rule is one generator below.
"""

import base64
import functools
import importlib.util
import math
import re
import statistics
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat

ROOT = Path(__file__).resolve().parents[1]
IGNORE = "nbval-ignore-output"

CELL_METADATA = {"tags", "mystnb"}
CELL_TAGS = {IGNORE, "setup", "hide-input", "hide-output", "remove-input", "full-width"}
NOTEBOOK_METADATA = {"kernelspec", "language_info", "course", "accelerator", "colab"}
KERNELSPEC = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}

MAX_NOTEBOOK_BYTES = 1_000_000
MAX_IMAGE_BYTES = 100_000
MAX_MEDIAN_LINES, MAX_90TH_PERCENTILE_LINES, MAX_LINES = 6, 20, 25
MIN_STRICT_SHARE = 0.6
# A tagged cell's claim must be checked before the reader has forgotten it.
CHECK_WITHIN_CELLS = 6

_MACHINE_PATH = re.compile(
    r"(?<![\w.:/~-])/(?:root|home|tmp|work|Users|mnt|opt|usr|var|content|private)/"
    r"|\b[A-Za-z]:\\+(?:Users|Windows|Temp)\b|file://"
)
_WARNING = re.compile(r"\b[A-Za-z]*Warning:|\bWARNING\b|^[WEIF]\d{4} \d\d:\d\d", re.MULTILINE)
_LITTER = re.compile(r"\r(?!\n)|\x1b\[|\x08|━|\d+(?:\.\d+)?it/s\]|ETA: ")
_ADDRESS = re.compile(r"\bat 0x[0-9a-f]{6,}", re.IGNORECASE)
_MATPLOTLIB_TEXT = re.compile(
    r"^\[?(?:<matplotlib|<Axes|<Figure|Text\(|\(?array\(\[<Axes)", re.MULTILINE
)
_PIP = re.compile(r"\bpip3? install\b(.*)")
# What a page holds inside itself: neither text to be read nor anybody's words.
_DATA_URI = re.compile(r"data:[a-z]+/[a-z0-9.+-]+;base64,([A-Za-z0-9+/=]*)")
_NBVAL_COMMENT = re.compile(r"#\s*(?:NBVAL_\w+|PYTEST_VALIDATE_\w+)")
_FILE_BY_NAME = re.compile(
    r"\b(?:open|imread|imsave|load_img|load_model|save_model|load_weights|save_weights|savefig"
    r"|genfromtxt|loadtxt|savetxt|savez\w*|read_[a-z]+|image_dataset_from_directory|Path"
    r"|np\.load|np\.save|model\.save)\(\s*[rbf]*[\"'](?!https?:)"
)


def setup_source() -> str:
    """The one text of the setup cell, with the repository's URL and the release tag."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    requirement = f"{project['name']} @ git+{repository_url()}@v{project['version']}"
    return (
        "import sys\n\n"
        'if "google.colab" in sys.modules:\n'
        f'    %pip install -q "{requirement}"\n\n'
        "import course_utils as cu\n\n"
        "cu.setup(seed=0)"
    )


def repository_url() -> str:
    """The repository's URL, from the one place where it stands: ``_config.yml``."""
    return _tool("set_repository").current_url()


def code_hash(notebook: nbformat.NotebookNode) -> str:
    """The hash that `tools/execute_notebooks.py` writes beside the outputs."""
    return _tool("execute_notebooks").code_hash(notebook)


@functools.cache
def _tool(name: str) -> Any:
    spec = importlib.util.spec_from_file_location(name, ROOT / "tools" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def read(path: Path) -> nbformat.NotebookNode:
    """Read without the silent repairs that nbformat does (missing or doubled ids)."""
    return nbformat.v4.reads(Path(path).read_text(encoding="utf-8"))


def violations(notebook: Path | str | nbformat.NotebookNode) -> list[str]:
    """Everything in which a notebook breaks the contract; empty when it keeps it.

    Args:
        notebook: a notebook, or the path of one (then the rules about its place count too:
            pages in ``book/code`` ask Colab for a GPU).
    """
    path = None
    if not isinstance(notebook, nbformat.NotebookNode):
        path = Path(notebook)
        notebook = read(path)
    form = list(_form(notebook))
    if form:
        return form
    found = [message for rule in RULES for message in rule(notebook)]
    size = path.stat().st_size if path else len(nbformat.writes(notebook).encode())
    if size >= MAX_NOTEBOOK_BYTES:
        found.append(f"The notebook has {size:,} bytes, allowed are {MAX_NOTEBOOK_BYTES:,}.")
    if path and path.parent.name == "code" and notebook.metadata.get("accelerator") != "GPU":
        found.append('Pages in book/code ask Colab for a GPU: metadata "accelerator": "GPU".')
    return found


def figure_names(notebook: nbformat.NotebookNode) -> list[str]:
    """Names of the figures that cells make; unique over the book, as they are link targets."""
    return [name for cell in _code(notebook) if (name := _mystnb(cell, "figure", "name"))]


def exercise_labels(notebook: nbformat.NotebookNode) -> list[str]:
    """Labels of the exercises; unique over the book."""
    return re.findall(
        r"\{exercise(?:-start)?\}[^\n]*\n(?::[^\n]*\n)*?:label: *(\S+)", _markdown(notebook)
    )


# --- the rules ---------------------------------------------------------------------------


def _form(notebook: nbformat.NotebookNode) -> Iterator[str]:
    """Format 4.5 and unique ids, without which the other rules make no sense."""
    if (notebook.get("nbformat"), notebook.get("nbformat_minor")) != (4, 5):
        yield "The notebook is not in nbformat 4.5."
        return
    ids = [cell.get("id") for cell in notebook.cells]
    doubled = sorted({str(i) for i in ids if ids.count(i) > 1})
    if doubled:
        yield f"Cell ids are missing or doubled: {', '.join(doubled)}."
        return
    try:
        nbformat.validate(notebook)
    except nbformat.ValidationError as error:
        yield f"The notebook is not valid: {str(error).splitlines()[0]}"


def _title(notebook: nbformat.NotebookNode) -> Iterator[str]:
    cell = notebook.cells[0] if notebook.cells else None
    if cell is None or cell.cell_type != "markdown" or not cell.source.startswith("# "):
        yield "The first cell is not Markdown that starts with '# Title'."
        return
    promise = cell.source.partition("\n")[2].partition("**You will be able to**")[0].strip()
    if len(promise) < 60:
        yield "The first cell has no paragraph between title and '**You will be able to**'."
    if not re.search(r"^\*\*You will be able to\*\*\s*\n\s*\n?[-*] ", cell.source, re.MULTILINE):
        yield "The first cell has no '**You will be able to**' followed by a list."
    if "\n**Needed before:** " not in cell.source:
        yield "The first cell has no line '**Needed before:** ...'."
    if not re.search(r"^\*\*Time:\*\* about \d+ s on 2 CPU cores\.", cell.source, re.MULTILINE):
        yield "The first cell has no line '**Time:** about N s on 2 CPU cores.'."
    levels = re.findall(r"^# ", _without_fences(_markdown(notebook)), re.MULTILINE)
    if len(levels) > 1:
        yield f"The notebook has {len(levels)} titles ('# '); sections start with '## '."


def _setup_cell(notebook: nbformat.NotebookNode) -> Iterator[str]:
    cells = [cell for cell in _code(notebook) if "setup" in _tags(cell)]
    if len(cells) != 1 or len(notebook.cells) < 2 or notebook.cells[1] is not cells[0]:
        yield "The second cell, and only that, must be the setup cell (tag 'setup')."
        return
    if cells[0].source != setup_source():
        yield "The setup cell is not the book's one setup cell."
    if _tags(cells[0]) != {"setup", IGNORE}:
        yield f"The setup cell's tags must be 'setup' and '{IGNORE}'."


def _lengths(notebook: nbformat.NotebookNode) -> Iterator[str]:
    """Lines that hold something: the blank lines that the formatter adds are free."""
    lengths = sorted(
        sum(bool(line.strip()) for line in cell.source.splitlines()) for cell in _code(notebook)
    )
    if not lengths:
        yield "The notebook has no code."
        return
    median, ninety = statistics.median(lengths), lengths[math.ceil(0.9 * len(lengths)) - 1]
    if median > MAX_MEDIAN_LINES:
        yield f"The median code cell has {median:g} lines, allowed are {MAX_MEDIAN_LINES}."
    if ninety > MAX_90TH_PERCENTILE_LINES:
        yield f"A tenth of the code cells have over {MAX_90TH_PERCENTILE_LINES} lines ({ninety})."
    if lengths[-1] > MAX_LINES:
        yield f"The longest code cell has {lengths[-1]} lines, allowed are {MAX_LINES}."


def _executed(notebook: nbformat.NotebookNode) -> Iterator[str]:
    """nbval passes a stripped notebook; this rule is why the book cannot hold one."""
    counts = [cell.execution_count for cell in _code(notebook)]
    if any(count is None for count in counts):
        yield f"{counts.count(None)} code cells were never executed."
    elif counts != list(range(1, len(counts) + 1)):
        yield f"Execution counts are not 1, 2, 3, ... in order: {counts}."
    if not any(cell.outputs for cell in _code(notebook)):
        yield "No code cell has an output."
    if notebook.metadata.get("course", {}).get("code_sha256") != code_hash(notebook):
        yield "The outputs are not those of this code: run tools/execute_notebooks.py."


def _clean_outputs(notebook: nbformat.NotebookNode) -> Iterator[str]:
    for number, cell in enumerate(_code(notebook), 1):
        where = f"Code cell {number}"
        for output in cell.outputs:
            if output.output_type == "error":
                yield f"{where} raised {output.ename}: {output.evalue[:80]}"
            if output.output_type == "stream" and output.name == "stderr":
                yield f"{where} wrote to stderr: {output.text[:80]!r}"
            for text in _texts(output):
                if found := _WARNING.search(text):
                    yield f"{where} shows a warning: {_line_of(text, found)!r}"
                if found := _MACHINE_PATH.search(text):
                    yield f"{where} shows a path of this machine: {_line_of(text, found)!r}"
                if found := _LITTER.search(text):
                    yield f"{where} shows progress-bar or control characters: {found[0]!r}"
                if found := _ADDRESS.search(text):
                    yield f"{where} shows a memory address: {_line_of(text, found)!r}"
            if output.output_type == "execute_result" and _MATPLOTLIB_TEXT.search(
                _joined(output.data.get("text/plain", ""))
            ):
                yield f"{where} shows Matplotlib's return value: end it with plt.show()."


def _clean_sources(notebook: nbformat.NotebookNode) -> Iterator[str]:
    for cell in notebook.cells:
        if found := _MACHINE_PATH.search(cell.source):
            yield f"A cell holds a path of a machine: {_line_of(cell.source, found)!r}"
        for found in _PIP.finditer(cell.source):
            unquoted = re.sub(r"\"[^\"\n]*\"|'[^'\n]*'", "", found[1])
            if re.search(r"[<>]", unquoted):
                yield f"pip install without quotes writes a file: {found[0]!r}"
    for cell in _code(notebook):
        if "setup" not in _tags(cell) and _PIP.search(cell.source):
            yield "Only the setup cell installs something."
        if found := re.search(
            r"^[ \t]*(?:!(?!=)|%%?(?:bash|sh|system|capture)\b).*", cell.source, re.M
        ):
            yield f"A cell calls the shell or hides its output: {found[0].strip()!r}"
        if found := _FILE_BY_NAME.search(cell.source):
            yield f"A cell names a file, which Colab does not have: {found[0]!r}"


def _metadata(notebook: nbformat.NotebookNode) -> Iterator[str]:
    metadata = notebook.metadata
    if "widgets" in metadata:
        yield "The notebook holds widget metadata, with which GitHub shows nothing of it."
    extra = sorted(set(metadata) - NOTEBOOK_METADATA - {"widgets"})
    if extra:
        yield f"The notebook's metadata holds more than it may: {', '.join(extra)}."
    if metadata.get("kernelspec") != KERNELSPEC:
        yield f"The notebook's kernelspec is not {KERNELSPEC}."
    if metadata.get("language_info") != {"name": "python"}:
        yield "The notebook's language_info is not {'name': 'python'}."
    for cell in notebook.cells:
        extra = sorted(set(cell.metadata) - CELL_METADATA)
        if extra:
            yield f"A cell's metadata holds more than it may: {', '.join(extra)}."
        unknown = sorted(_tags(cell) - CELL_TAGS)
        if unknown:
            yield f"A cell has a tag that the book does not use: {', '.join(unknown)}."
        for output in cell.get("outputs", []):
            if "application/vnd.jupyter.widget-view+json" in output.get("data", {}):
                yield "A cell shows a widget, which the site cannot."


def _figures(notebook: nbformat.NotebookNode) -> Iterator[str]:
    for number, cell in enumerate(_code(notebook), 1):
        where = f"Code cell {number}"
        sizes = [size for output in cell.outputs for size in _image_sizes(output)]
        if not sizes:
            continue
        if len(sizes) > 1:
            yield f"{where} shows {len(sizes)} images; one figure a cell."
        if max(sizes) > MAX_IMAGE_BYTES:
            yield f"{where} shows an image of {max(sizes):,} bytes, allowed: {MAX_IMAGE_BYTES:,}."
        if len(_mystnb(cell, "figure", "caption")) < 15:
            yield f"{where} shows a figure without a caption (mystnb.figure.caption)."
        if not re.fullmatch(r"fig-[a-z0-9-]+", _mystnb(cell, "figure", "name")):
            yield f"{where} shows a figure without a name like fig-page-thing (mystnb.figure.name)."
        if len(_mystnb(cell, "image", "alt")) < 15:
            yield f"{where} shows a figure without alt text (mystnb.image.alt)."
    text = _markdown(notebook) + "\n" + "\n".join(_html(notebook))
    if re.search(r"!\[\s*\]\(", text):
        yield "A Markdown image has no alt text."
    if any(
        not re.search(r"\balt\s*=\s*[\"'][^\"']", tag) for tag in re.findall(r"<img\b[^>]*", text)
    ):
        yield "An <img> has no alt text."
    for found in re.finditer(r"^\s*([`:]{3,})\{(?:figure|image)\}.*?^\s*\1", text, re.M | re.S):
        if not re.search(r"^\s*:alt: \S", found[0], re.MULTILINE):
            yield "A figure directive has no :alt:."


def _clips(notebook: nbformat.NotebookNode) -> Iterator[str]:
    """Moving pictures: the reader starts them, and they say what they show."""
    for number, cell in enumerate(_code(notebook), 1):
        where = f"Code cell {number}"
        html = [_joined(o.get("data", {}).get("text/html", "")) for o in cell.outputs]
        for video in re.findall(
            r"<(?:video|audio)\b.*?</(?:video|audio)>", "".join(html), re.DOTALL
        ):
            start = video.partition(">")[0]
            if "controls" not in start or "autoplay" in start:
                yield f"{where} shows a video that plays by itself or that nobody can stop."
            if not re.search(r'aria-label="[^"]{15,}"', start):
                yield f"{where} shows a video that does not say what it shows (aria-label)."
            size = sum(len(base64.b64decode(data)) for data in _DATA_URI.findall(video))
            if not 0 < size <= MAX_IMAGE_BYTES:
                yield f"{where} shows a video of {size:,} bytes, allowed: {MAX_IMAGE_BYTES:,}."
        if any(
            re.search("<(?:video|audio)", page) and not re.search(r"<figcaption>[^<]{15,}", page)
            for page in html
        ):
            yield f"{where} shows a video without a caption (figcaption)."


def _strictness(notebook: nbformat.NotebookNode) -> Iterator[str]:
    """nbval compares what it is not told to ignore: little may be, and a check must follow."""
    cells = _code(notebook)
    for number, cell in enumerate(cells, 1):
        if found := _NBVAL_COMMENT.search(cell.source):
            yield f"Code cell {number} speaks to nbval in a comment: {found[0]!r}"
    bearing = [cell for cell in cells if cell.outputs]
    strict = sum(IGNORE not in _tags(cell) for cell in bearing)
    if bearing and strict < MIN_STRICT_SHARE * len(bearing):
        yield (
            f"Only {strict} of {len(bearing)} cells with outputs are compared strictly; "
            f"at least {MIN_STRICT_SHARE:.0%} must be."
        )
    measured = _position(notebook, "## What was measured")
    for i, cell in enumerate(cells):
        if IGNORE not in _tags(cell) or "setup" in _tags(cell):
            continue
        if not cell.outputs:
            yield f"Code cell {i + 1} has the tag {IGNORE} and no output to ignore."
        elif not (measured is not None and notebook.cells.index(cell) > measured):
            following = cells[i + 1 : i + 1 + CHECK_WITHIN_CELLS]
            if not any("cu.check(" in c.source and IGNORE not in _tags(c) for c in following):
                yield (
                    f"Code cell {i + 1} has the tag {IGNORE}, and none of the next "
                    f"{CHECK_WITHIN_CELLS} code cells holds a strict cu.check(...)."
                )


def _exercises(notebook: nbformat.NotebookNode) -> Iterator[str]:
    labels = exercise_labels(notebook)
    text = _markdown(notebook)
    count = len(re.findall(r"\{exercise(?:-start)?\}", text))
    if count < 2:
        yield f"The notebook has {count} exercises; at least two."
    if count != len(labels):
        yield "An exercise has no :label:."
    running = 0
    for label in labels:
        if re.search(rf"\{{solution\}} *{re.escape(label)} *$", text, re.MULTILINE):
            continue
        start = _position(notebook, f"{{solution-start}} {label}")
        if start is None:
            yield f"Exercise {label} has no solution."
            continue
        if ":class: dropdown" not in notebook.cells[start].source:
            yield f"The solution of {label} is not a dropdown."
        end = _position(notebook, "{solution-end}", start + 1)
        if end is None:
            yield f"The solution of {label} does not end."
        else:
            running += any(c.cell_type == "code" for c in notebook.cells[start:end])
    if count >= 2 and running < 2:
        yield f"{running} exercises have a solution that runs; at least two."


def _ending(notebook: nbformat.NotebookNode) -> Iterator[str]:
    wanted = ["## Quiz", "## What was measured", "## Summary", "## References"]
    positions = [_position(notebook, heading) for heading in wanted]
    missing = [heading for heading, at in zip(wanted, positions, strict=True) if at is None]
    if missing:
        yield f"The notebook has no section {', '.join(missing)}."
        return
    # Headings may share a cell, so the order is that in the text.
    text = _markdown(notebook)
    offsets = [re.search(rf"^{heading}\s*$", text, re.MULTILINE).start() for heading in wanted]
    if offsets != sorted(offsets):
        yield f"The last sections must come in this order: {', '.join(wanted)}."
        return
    quiz, _, summary, references = (
        text[a:b] for a, b in zip(offsets, [*offsets[1:], None], strict=True)
    )
    questions = len(re.findall(r"\{dropdown\} *\S", quiz))
    if questions < 3:
        yield f"The quiz has {questions} questions; at least three."
    if not re.search(r"^\s*[-*] \S", summary, re.MULTILINE):
        yield "The summary has no list."
    if "{bibliography}" not in references:
        yield "The references have no {bibliography}."
    tables = [
        _joined(output.data["text/markdown"])
        for cell in notebook.cells[positions[1] : positions[2] + 1]
        for output in cell.get("outputs", [])
        if "text/markdown" in output.get("data", {})
    ]
    if not any(re.search(r"^\|.*\|\s*$", table, re.MULTILINE) for table in tables):
        yield "Under 'What was measured' no cell computes a Markdown table."


RULES = (
    _title,
    _setup_cell,
    _lengths,
    _executed,
    _clean_outputs,
    _clean_sources,
    _metadata,
    _figures,
    _clips,
    _strictness,
    _exercises,
    _ending,
)


# --- reading a notebook --------------------------------------------------------------------


def _code(notebook: nbformat.NotebookNode) -> list[Any]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def _markdown(notebook: nbformat.NotebookNode) -> str:
    return "\n\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")


def _without_fences(text: str) -> str:
    return re.sub(r"^\s*(`{3,}|:{3,}).*?^\s*\1", "", text, flags=re.MULTILINE | re.DOTALL)


def _position(notebook: nbformat.NotebookNode, line: str, start: int = 0) -> int | None:
    """Index of the first Markdown cell from ``start`` with a line that ends with ``line``."""
    pattern = re.compile(rf"^[`:]*{re.escape(line)}\s*$", re.MULTILINE)
    for i, cell in enumerate(notebook.cells[start:], start):
        if cell.cell_type == "markdown" and pattern.search(cell.source):
            return i
    return None


def _tags(cell: Any) -> set[str]:
    return set(cell.metadata.get("tags", []))


def _mystnb(cell: Any, part: str, key: str) -> str:
    return str(cell.metadata.get("mystnb", {}).get(part, {}).get(key, "")).strip()


def _joined(text: str | list[str]) -> str:
    return text if isinstance(text, str) else "".join(text)


def _texts(output: Any) -> Iterator[str]:
    if output.output_type == "stream":
        yield _joined(output.text)
    for kind, value in output.get("data", {}).items():
        if kind.startswith("text/") or kind == "image/svg+xml":
            yield _DATA_URI.sub("", _joined(value))


def _html(notebook: nbformat.NotebookNode) -> Iterator[str]:
    for cell in _code(notebook):
        for output in cell.outputs:
            if "text/html" in output.get("data", {}):
                yield _joined(output.data["text/html"])


def _image_sizes(output: Any) -> Iterator[int]:
    for kind, value in output.get("data", {}).items():
        if kind == "image/svg+xml":
            yield len(_joined(value).encode())
        elif kind.startswith("image/"):
            yield len(base64.b64decode(_joined(value)))


def _line_of(text: str, found: re.Match) -> str:
    start = text.rfind("\n", 0, found.start()) + 1
    return text[start:].split("\n", 1)[0].strip()[:100]
