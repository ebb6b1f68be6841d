"""Train the video classifiers: data/checkpoints/video-<data>-<model>.{npz,json}.

Usage: python tools/train_video_classifiers.py --data camera|actions [--model NAME ...]
       [--seed 0] [--clips 6000] [--epochs N] [--output FOLDER]

Without --model all of them are trained, one after the other; the epochs of each are in MODELS.
Clips are made from photographs and digits that ship with packages: nothing is downloaded.
"""

import argparse
import hashlib
import os
import platform
import tempfile
from pathlib import Path
from types import SimpleNamespace

import numpy as np

import course_utils as cu

# Clips by data set: what makes them.
DATA = {"camera": cu.datasets.camera_motion, "actions": cu.datasets.digit_actions}
# By model: the builder, its arguments, the epochs, the peak of the learning rate.
MODELS = {
    "middle-frame": ("build_frame_classifier", {"frames": "middle"}, 4, 2e-3),
    "average-frame": ("build_frame_classifier", {"frames": "average"}, 6, 2e-3),
    "frame-difference": ("build_difference_classifier", {}, 10, 2e-3),
    "lrcn": ("build_lrcn", {}, 15, 2e-3),
    "c3d": ("build_c3d", {}, 5, 3e-3),
    "r2plus1d": ("build_r2plus1d", {}, 5, 3e-3),
    "two-stream": ("build_two_stream", {"input_shape": [16, 32, 32, 3]}, 8, 2e-3),
    "vivit": ("build_vivit", {}, 10, 1e-3),
}
VALIDATION_CLIPS, TEST_CLIPS = 1000, 2000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", choices=DATA, required=True)
    parser.add_argument("--model", nargs="+", choices=MODELS, default=list(MODELS))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--clips", type=int, default=6000)
    parser.add_argument("--epochs", type=int, default=None)
    parser.add_argument("--output", type=Path, default=None)
    arguments = parser.parse_args()

    cu.setup(seed=arguments.seed, precision="float32", profile="full")
    make = DATA[arguments.data]
    train = make("train", arguments.clips, seed=arguments.seed)
    if arguments.data == "camera":
        train = (vary_contrast(train[0], arguments.seed), train[1])
    validation, test = make("validation", VALIDATION_CLIPS), make("test", TEST_CLIPS)
    for name in arguments.model:
        train_one(name, arguments, train, validation, test)


def vary_contrast(clips: np.ndarray, seed: int) -> np.ndarray:
    """Each clip's deviations from its mean, times 0.25 to 1; then a little noise as at first.

    Eight photographs to train on are few, and the next one may be paler than all of them.
    """
    generator = np.random.default_rng(seed)
    factor = generator.uniform(0.25, 1, (len(clips), 1, 1, 1, 1)).astype(np.float32)
    mean = clips.mean((1, 2, 3, 4), keepdims=True)
    noise = generator.normal(0, 0.02, clips.shape).astype(np.float32)
    return np.clip(mean + factor * (clips - mean) + np.sqrt(1 - factor**2) * noise, 0, 1)


def train_one(name: str, arguments: argparse.Namespace, train, validation, test) -> None:
    import keras

    builder, settings, epochs, learning_rate = MODELS[name]
    epochs = arguments.epochs or epochs
    prepare = cu.datasets.with_flow if name == "two-stream" else lambda clips: clips
    data = SimpleNamespace(
        train=(prepare(train[0]), train[1]), validation=(prepare(validation[0]), validation[1])
    )
    keras.utils.set_random_seed(arguments.seed)
    model = getattr(cu.models, builder)(**settings)
    history = cu.fit(model, data, epochs=epochs, batch_size=64, learning_rate=learning_rate)
    checkpoint = f"video-{arguments.data}-{name}"
    card = cu.checkpoints.CheckpointCard(
        name=checkpoint,
        builder=builder,
        arguments=settings,
        command=f"python tools/train_video_classifiers.py --data {arguments.data} --model {name} "
        f"--seed {arguments.seed} --clips {arguments.clips} --epochs {epochs}",
        seed=arguments.seed,
        data={
            "name": DATA[arguments.data].__name__,
            "split": f"{len(train[0])} clips to train, {len(validation[0])} to validate, "
            f"{len(test[0])} to test",
            "sha256 of the training arrays": hashlib.sha256(
                train[0].tobytes() + train[1].tobytes()
            ).hexdigest(),
        },
        metrics={},
        seconds=round(history.seconds, 1),
        machine=f"{os.cpu_count()} CPU cores, {platform.machine()}",
    )
    # Kernels lose half of their bits when they are stored, so what is stored is what is measured.
    with tempfile.TemporaryDirectory() as folder:
        cu.checkpoints.save(model, card, Path(folder), half=True)
        stored = cu.checkpoints.load(checkpoint, Path(folder))
    for split, (clips, labels) in {"validation": validation, "test": test}.items():
        accuracy = cu.evaluation.accuracy(stored, prepare(clips), labels)
        card.metrics[f"{split} accuracy"] = round(accuracy, 4)
    path = cu.checkpoints.save(model, card, arguments.output, half=True)
    training = history.metrics["accuracy"][-1]
    print(f"{checkpoint}: trained to {training:.3f}, {card.metrics}, {card.seconds} s", flush=True)
    print(f"  {model.count_params():,} parameters, {path.stat().st_size:,} bytes", flush=True)


if __name__ == "__main__":
    main()
