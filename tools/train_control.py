"""Train policies that balance the cart-pole from pixels: data/checkpoints/control-*.{npz,json}.

Usage: python tools/train_control.py [--only NAME] [--seed 0] [--output FOLDER]

``control-clone`` learns from an expert that drives itself, ``control-dagger`` by DAgger, and
``control-augmented`` by DAgger with pictures that are moved and dimmed in training.
"""

import argparse
import os
import platform
import time
from pathlib import Path

import course_utils as cu

ROUNDS, EPISODES_A_ROUND, EPOCHS_A_ROUND = 10, 12, 4
AUGMENTATION = {"shift": 0.04, "brightness": 0.3}
NAMES = ("control-clone", "control-dagger", "control-augmented")


def clone(arguments: dict):
    """The expert drives; the network only watches."""
    control = cu.control
    episodes = control.run(control.expert, control.SEEDS["train"][:48])
    known = control.lessons(control.watched(episodes, control.Camera()))
    model = cu.models.build_policy(**arguments)
    control.clone(model, known, epochs=12)
    return model, len(known[0])


def dagger(arguments: dict):
    """The network of the round that did best on validation episodes."""
    control, camera = cu.control, cu.control.Camera()
    model = cu.models.build_policy(**arguments)

    def learn(known):
        control.clone(model, known, epochs=EPOCHS_A_ROUND)
        return model

    seeds = control.SEEDS["train"][: ROUNDS * EPISODES_A_ROUND]
    best, kept = 0.0, None
    for i, (_, known) in enumerate(control.dagger(learn, camera, seeds, rounds=ROUNDS)):
        value = validation_return(model, camera)
        print(f"round {i + 1}: {len(known[0])} lessons, return {value:.1f}", flush=True)
        if value >= best:
            best, kept, count = value, model.get_weights(), len(known[0])
    model.set_weights(kept)
    return model, count


def validation_return(model, camera) -> float:
    control = cu.control
    policy = control.network_policy(model)
    return control.run(policy, control.SEEDS["validation"][:10], camera=camera).returns.mean()


def measured(model) -> dict[str, float]:
    """Returns of the stored network; the test episodes are driven here and nowhere before."""
    control, camera = cu.control, cu.control.Camera()
    policy = control.network_policy(model)
    test = control.run(policy, control.SEEDS["test"][:30], camera=camera).returns
    return {
        "parameters": model.count_params(),
        "validation return": round(float(validation_return(model, camera)), 1),
        "test return": round(float(test.mean()), 1),
        "test return, worst episode": int(test.min()),
    }


def main() -> None:
    import keras

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", choices=NAMES)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, default=None)
    options = parser.parse_args()

    cu.setup(seed=options.seed, precision="float32", profile="full")
    for name in [options.only] if options.only else NAMES:
        keras.utils.set_random_seed(options.seed)
        arguments = {"input_shape": [32, 120, 2]}
        if name == "control-augmented":
            arguments |= AUGMENTATION
        started = time.perf_counter()
        method = clone if name == "control-clone" else dagger
        model, lessons = method(arguments)
        card = cu.checkpoints.CheckpointCard(
            name=name,
            builder="build_policy",
            arguments=arguments,
            command=f"python tools/train_control.py --only {name} --seed {options.seed}",
            seed=options.seed,
            data={
                "name": "Gymnasium's CartPole-v1, 32 × 120 grey pixels",
                "split": "environment seeds: training from 0, 10 for validation from 1000, "
                "30 for test from 2000",
            },
            metrics={"lessons": lessons},
            seconds=round(time.perf_counter() - started, 1),
            machine=f"{os.cpu_count()} CPU cores, {platform.machine()}",
        )
        cu.checkpoints.save_measured(model, card, measured, options.output)
        print(name, card.metrics, f"{card.seconds} s", flush=True)


if __name__ == "__main__":
    main()
