"""The results table: every task of the course, three seeds, as its chapter measures it.

Each chapter of book/code is run, as it stands, once a seed; the figures are read from the
table that the page itself computes, so nothing here repeats a setting of a page. The GANs
are trained by the command that made the shipped checkpoints. Writes benchmarks/results.json;
`tools/make_results_page.py` turns that into the tables of the site and of the README.

Usage: python benchmarks/results.py [--seeds 0 1 2] [--only PART ...]
"""

import argparse
import json
import re
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import nbformat
from nbclient import NotebookClient

ROOT = Path(__file__).resolve().parent.parent
TARGET = Path(__file__).with_suffix(".json")


@dataclass(frozen=True)
class Task:
    """One row: where its figure stands, and what it is held against."""

    name: str
    chapter: str
    row: str  # a regular expression, searched in the row of the page's table
    target: str
    published: str


TASKS = (
    Task(
        "CNN, MNIST official test",
        "cnn",
        r"^CNN \| MNIST, 20,000",
        "≥ 0.988",
        "LeNet-5: 0.9905, on all 60,000 digits (LeCun et al. 1998)",
    ),
    Task(
        "CNN, all of MNIST, checkpoint",
        "cnn",
        r"^CNN, checkpoint",
        "≥ 0.992",
        "LeNet-5: 0.9905 (LeCun et al. 1998)",
    ),
    Task(
        "CNN, Fashion-MNIST",
        "cnn",
        r"^CNN \| Fashion",
        "≥ 0.90",
        "0.916, two convolutions, 60,000 images (Xiao et al. 2017)",
    ),
    Task("LSTM, movie reviews", "rnn", r"^.*LSTM.* \| [^|]*reviews", "≥ 0.76", ""),
    Task(
        "TextCNN, movie reviews",
        "rnn",
        r"^TextCNN",
        "≥ 0.77",
        "0.761, CNN-rand on MR (Kim 2014)",
    ),
    Task("LSTM over image rows, MNIST", "rnn", r"^.*LSTM.* \| [^|]*MNIST", "≥ 0.975", ""),
    Task(
        "Transformer, movie reviews", "transformer", r"^.*ransformer.* \| [^|]*review", "≥ 0.75", ""
    ),
    Task(
        "vision Transformer, MNIST", "transformer", r"^.*ransformer.* \| [^|]*MNIST", "≥ 0.975", ""
    ),
)


def run_chapter(chapter: str, seed: int) -> list[list[str]]:
    """Cells of the rows of the page's last table, after a run with another seed."""
    notebook = nbformat.read(ROOT / "book" / "code" / f"{chapter}.ipynb", as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.source = re.sub(
                r"(setup\(seed=|set_random_seed\()0\)", rf"\g<1>{seed})", cell.source
            )
    with tempfile.TemporaryDirectory() as empty:
        NotebookClient(notebook, timeout=1800, resources={"metadata": {"path": empty}}).execute()
    tables = [
        output["data"]["text/markdown"]
        for cell in notebook.cells
        if cell.cell_type == "code"
        for output in cell.outputs
        if "text/markdown" in output.get("data", {})
    ]
    if not tables:
        raise RuntimeError(f"The chapter {chapter} showed no table with seed {seed}.")
    return [
        [cell.strip() for cell in line.strip().strip("|").split("|")]
        for line in tables[-1].splitlines()
        if line.startswith("|")
    ]


def read_row(rows: list[list[str]], task: Task) -> tuple[float, float]:
    """Result and training seconds of a task, from the cells (model, data, result, …, time)."""
    for cells in rows:
        if re.search(task.row, " | ".join(cells)):
            result = re.search(r"\d+(?:\.\d+)?", cells[2])
            seconds = re.search(r"\d+(?:\.\d+)?", cells[-1])
            return float(result[0]), float(seconds[0])
    raise RuntimeError(f"No row for {task.name!r} in the table of {task.chapter}.")


def gan_rows(seeds: list[int]) -> list[dict]:
    """Trains the conditional GAN once a seed, by its own command, into a folder of its own."""
    cards = []
    for seed in seeds:
        with tempfile.TemporaryDirectory() as folder:
            command = [sys.executable, ROOT / "tools" / "train_gan.py", "--conditional"]
            command += ["--epochs", "20", "--seed", str(seed), "--output", folder]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            cards.append(json.loads((Path(folder) / "fashion-conditional-gan.json").read_text()))
    metrics, seconds = [card["metrics"] for card in cards], [card["seconds"] for card in cards]
    floor = [m["distance"] / m["distance, real to real"] for m in metrics]
    gain = [m["distance, untrained"] / m["distance"] for m in metrics]
    name = "conditional GAN, Fashion-MNIST"
    quantities = (
        (f"{name}: Fréchet distance over real-to-real", "≤ 10", floor),
        (f"{name}: untrained over trained distance", "≥ 20", gain),
        (f"{name}: smallest class share", "≥ 0.03", [m["smallest class share"] for m in metrics]),
        (f"{name}: judge agrees with the class asked", "≥ 0.85", [m["agreement"] for m in metrics]),
    )
    return [row(task, target, values, seconds, "") for task, target, values in quantities]


def row(task: str, target: str, results: list[float], seconds: list[float], published: str) -> dict:
    return {
        "task": task,
        "target": target,
        "results": [round(result, 4) for result in results],
        "median": round(statistics.median(results), 4),
        "seconds_median": round(statistics.median(seconds), 1),
        "published": published,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--only", nargs="*", default=["cnn", "rnn", "transformer", "gan"])
    arguments = parser.parse_args()

    found = {}
    if TARGET.exists():
        found = {entry["task"]: entry for entry in json.loads(TARGET.read_text(encoding="utf-8"))}
    for chapter in arguments.only:
        if chapter == "gan":
            rows = gan_rows(arguments.seeds)
        else:
            runs = [run_chapter(chapter, seed) for seed in arguments.seeds]
            rows = []
            for task in (task for task in TASKS if task.chapter == chapter):
                results, seconds = zip(*(read_row(run, task) for run in runs), strict=True)
                # A shipped checkpoint is the same whatever the seed of the page.
                shown = [results[0]] if "checkpoint" in task.name else list(results)
                rows.append(row(task.name, task.target, shown, list(seconds), task.published))
        for entry in rows:
            print(f"{entry['task']}: {entry['median']} of {entry['results']}", flush=True)
            found[entry["task"]] = entry
        # In the order of TASKS; whatever stands in no task comes last.
        order = {task.name: place for place, task in enumerate(TASKS)}
        entries = sorted(found.values(), key=lambda entry: order.get(entry["task"], len(order)))
        text = json.dumps(entries, indent=2, ensure_ascii=False) + "\n"
        TARGET.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
