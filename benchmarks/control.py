"""Long measurements of control from pixels: data/results/control.json.

Usage: python benchmarks/control.py [dagger] [cameras] [reinforce] [--output FOLDER]

``dagger``: DAgger with one frame and with two, three seeds each, return after every round.
``cameras``: the stored checkpoints before cameras that they did not learn from.
``reinforce``: learning from pixels by return alone. Each part replaces its own results.
"""

import argparse
import json
import os
import platform
import time
from pathlib import Path

import course_utils as cu

PARTS = ("dagger", "cameras", "reinforce")
ROUNDS, EPISODES_A_ROUND, SEEDS = 6, 12, (0, 1, 2)
UPDATES = 240


def dagger() -> dict:
    """Mean return on ten validation episodes after each round, for each seed."""
    import keras

    control, camera = cu.control, cu.control.Camera()
    runs, lessons = {}, {}
    for frames in (1, 2):
        for seed in SEEDS:
            keras.utils.set_random_seed(seed)
            model = cu.models.build_policy((32, 120, frames))

            def learn(known, model=model):
                control.clone(model, known, epochs=4)
                return model

            # Every seed has environments of its own.
            count = ROUNDS * EPISODES_A_ROUND
            mine = control.SEEDS["train"][200 + seed * count :][:count]
            rounds = control.dagger(learn, camera, mine, rounds=ROUNDS, frames=frames)
            key = f"{frames} frame{'s' * (frames > 1)}, seed {seed}"
            runs[key], lessons[key] = [], []
            for network, known in rounds:
                policy = control.network_policy(network)
                seen = control.SEEDS["validation"][:10]
                found = control.run(policy, seen, camera=camera, frames=frames).returns
                runs[key].append(round(float(found.mean()), 1))
                lessons[key].append(len(known[0]))
            print(key, runs[key], flush=True)
    return {"validation return by round": runs, "lessons by round": lessons}


def cameras() -> dict:
    """Mean return on ten test episodes, for each checkpoint and camera."""
    control = cu.control
    table = {}
    for name in ("control-dagger", "control-augmented"):
        policy = control.network_policy(cu.checkpoints.load(name))
        table[name] = {}
        for change, function in {"as in training": None, **control.CHANGES}.items():
            camera = control.Camera(function)
            found = control.run(policy, control.SEEDS["test"][:10], camera=camera).returns
            table[name][change] = round(float(found.mean()), 1)
        print(name, table[name], flush=True)
    return {"test return by camera": table}


def reinforce() -> dict:
    """Return of every update's episodes, and of the network at the end."""
    import keras

    control, camera = cu.control, cu.control.Camera()
    keras.utils.set_random_seed(0)
    model = cu.models.build_policy((32, 120, 2))
    returns, steps, started = [], 0, time.perf_counter()
    for found in control.reinforce(model, camera, updates=UPDATES):
        returns.append(round(float(found.mean()), 1))
        steps += int(found.sum())
        if len(returns) % 20 == 0:
            print(len(returns), sum(returns[-20:]) / 20, flush=True)
    seconds = round(time.perf_counter() - started, 1)
    policy = control.network_policy(model)
    test = control.run(policy, control.SEEDS["test"][:30], camera=camera).returns
    return {
        "return by update": returns,
        "steps": steps,
        "seconds": seconds,
        "test return": round(float(test.mean()), 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("parts", nargs="*", help=f"some of {', '.join(PARTS)}; by default all")
    parser.add_argument("--output", type=Path, default=None)
    options = parser.parse_args()
    unknown = sorted(set(options.parts) - set(PARTS))
    if unknown:
        parser.error(f"parts are {', '.join(PARTS)}, not {unknown[0]}")

    cu.setup(seed=0, precision="float32", profile="full")
    folder = options.output or cu.checkpoints.folder().parent / "results"
    path = folder / "control.json"
    stored = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    for name in options.parts or PARTS:
        stored[name] = globals()[name]()
        stored |= {
            "command": "python benchmarks/control.py",
            "machine": f"{os.cpu_count()} CPU cores, {platform.machine()}",
        }
        path.write_text(json.dumps(stored, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
