"""Measure how the loss of a model of pixels falls with its size and its data: scaling.json.

Usage: python benchmarks/scaling.py [--output FILE]

Writes data/results/scaling.json (about a quarter of an hour of one thread). The learning rate of
each width is chosen on one half of the validation images; every loss that is stored is that of
the other half. The run named "held out" is made last; no fit on the page sees it.
"""

import argparse
import json
import os
import platform
import time
from pathlib import Path

import keras
import tensorflow as tf

import course_utils as cu
from course_utils import scaling
from course_utils.datasets.registry import folder

WIDTHS = (4, 8, 16, 32, 64, 128)
PIXELS = (51_200, 160_000, 512_000, 1_600_000)
MOST_PIXELS = 5_120_000
RATES = (1e-3, 3e-3, 1e-2, 3e-2, 1e-1)
SEEDS = (0, 1)
HELD_OUT = (256, 10_240_000)
REPEATED = (128, 51_200, (1, 2, 4, 8, 16, 32, 64))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, default=folder() / "results" / "scaling.json")
    path = parser.parse_args().output

    cu.setup(seed=0, precision="float32")
    data = cu.datasets.load("fashion_mnist")
    pictures = scaling.quantize(data.train[0])
    half = len(data.validation[0]) // 2
    choose = scaling.draw(scaling.quantize(data.validation[0][:half]), 50_000, seed=0)
    measure = scaling.draw(scaling.quantize(data.validation[0][half:]), 100_000, seed=0)

    def run(width, pixels, rate, seed, *, validation=measure, epochs=1):
        keras.utils.set_random_seed(seed)
        model = cu.models.build_pixel_predictor(width)
        x, y = scaling.draw(pictures, pixels, seed)
        started = time.perf_counter()
        curve = scaling.train(model, x, y, rate, validation, epochs=epochs)
        seconds = round(time.perf_counter() - started, 1)
        curve = [[seen, round(loss, 5)] for seen, loss in curve]
        row = {"width": width, "N": model.count_params(), "D": pixels, "rate": rate, "seed": seed}
        print(row, epochs, curve[-1], seconds, flush=True)
        return row | {"loss": curve[-1][1], "seconds": seconds, "curve": curve}

    tuning = [run(width, 512_000, rate, 0, validation=choose) for width in WIDTHS for rate in RATES]
    best = {
        width: min((r for r in tuning if r["width"] == width), key=lambda r: r["loss"])["rate"]
        for width in WIDTHS
    }
    content = {
        "command": "python benchmarks/scaling.py",
        "machine": f"{os.cpu_count()} CPU cores, {platform.machine()}",
        "versions": {"tensorflow": tf.__version__, "keras": keras.__version__},
        "measured on": "100,000 pixels of the second half of the validation images",
        "tuning": [{key: r[key] for key in ("width", "rate", "loss")} for r in tuning],
        "grid": [],
    }
    for pixels in PIXELS:
        for width in WIDTHS:
            content["grid"] += [run(width, pixels, best[width], seed) for seed in SEEDS]
    content["grid"] += [run(width, MOST_PIXELS, best[width], 0) for width in WIDTHS]
    # The sizes once more, at the rate that was best for the smallest model.
    content["one rate"] = [run(width, 512_000, best[WIDTHS[0]], 0) for width in WIDTHS]
    width, pixels, passes = REPEATED
    content["repeated"] = [
        run(width, pixels, best[width], 0, epochs=n) | {"epochs": n} for n in passes
    ]
    content["held out"] = run(*HELD_OUT, best[WIDTHS[-1]], 0)
    path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
