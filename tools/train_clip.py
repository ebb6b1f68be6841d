"""Train the two-tower models: data/checkpoints/emoji-clip, scenes-clip and scenes-clip-twins.

Usage: python tools/train_clip.py emoji-clip|scenes-clip|scenes-clip-twins [--seed 0]
       [--epochs N] [--output FOLDER]

emoji-clip learns from 1,231 emoji with their names and keywords, the scenes from composed
pictures with a sentence. In scenes-clip-twins every scene meets, in the same batch, one in which
the two things have changed places, so that the order of the words decides.
"""

import argparse
import os
import platform
import time
from pathlib import Path

import numpy as np

import course_utils as cu
from course_utils.image_text import embed_images, embed_texts, ranks, recall, tokens, vocabulary_of

EMOJI = {"sequence_length": 24, "text_width": 64, "blocks": 0, "positions": "none", "dropout": 0.3}
SCENES = {
    "sequence_length": 12,
    "image_widths": [16, 32, 64],
    "blocks": 2,
    "positions": "sinusoidal",
    "shift": 0.0,
    "dropout": 0.05,
}
SCENE_COUNT = 4_096
EPOCHS = {"emoji-clip": 60, "scenes-clip": 40, "scenes-clip-twins": 40}


def compile_clip(model, steps: int, learning_rate: float = 2e-3) -> None:
    """Adam, a warm-up over a tenth of the steps and a cosine decay to zero."""
    import keras

    warmup = max(1, steps // 10)
    schedule = keras.optimizers.schedules.CosineDecay(
        0.0, max(1, steps - warmup), warmup_target=learning_rate, warmup_steps=warmup
    )
    model.compile(keras.optimizers.Adam(schedule), loss=cu.models.ContrastiveLoss())


def drawn_captions(rng, names, keywords) -> list[str]:
    """For every picture its name, some of its keywords, or both, in a new draw each epoch."""
    captions = []
    for name, some in zip(names, keywords, strict=True):
        extra = [word for word in some.split(", ") if rng.random() < 0.5]
        captions.append(" ".join(extra if extra and rng.random() < 0.3 else [name, *extra]))
    return captions


def train_emoji(model, epochs: int, batch: int, seed: int, *, vocabulary) -> None:
    """Every epoch a new order, new captions, mirrored pictures, and words made unknown."""
    data = cu.datasets.load("emoji")
    images, _ = data.train
    rng = np.random.default_rng(seed)
    used = len(images) // batch * batch  # a smaller last batch would have an easier question
    compile_clip(model, epochs * used // batch)
    for _ in range(epochs):
        order = rng.permutation(len(images))[:used]
        names, keywords = data.captions["train"][order], data.keywords["train"][order]
        ids = tokens(drawn_captions(rng, names, keywords), vocabulary, EMOJI["sequence_length"])
        ids[(ids > 1) & (rng.random(ids.shape) < 0.1)] = 1
        x = images[order]
        mirrored = rng.random(used) < 0.5
        x[mirrored] = x[mirrored, :, ::-1]
        model.fit([x, ids], np.zeros(used), batch_size=batch, shuffle=False, verbose=0)


def train_scenes(model, epochs: int, batch: int, seed: int, *, vocabulary, twins: bool) -> None:
    """Twins stay neighbours, so that one batch holds both."""
    scenes = cu.datasets.captioned_scenes("train", SCENE_COUNT, twins=twins, seed=seed)
    ids = tokens(scenes.captions, vocabulary, SCENES["sequence_length"])
    rng = np.random.default_rng(seed)
    compile_clip(model, epochs * SCENE_COUNT // batch)
    for _ in range(epochs):
        order = rng.permutation(SCENE_COUNT // 2)[:, np.newaxis] * 2 + [0, 1]
        order = order.ravel() if twins else rng.permutation(SCENE_COUNT)
        x = [scenes.images[order], ids[order]]
        model.fit(x, np.zeros(SCENE_COUNT), batch_size=batch, shuffle=False, verbose=0)


def scene_vocabulary() -> tuple[str, ...]:
    """All words that captions of scenes can hold; 2,000 captions hold every one of them."""
    return vocabulary_of(cu.datasets.captioned_scenes("train", 2_000).captions)


def emoji_vocabulary() -> tuple[str, ...]:
    data = cu.datasets.load("emoji")
    names, keywords = data.captions["train"], data.keywords["train"]
    return vocabulary_of(f"{a} {b}" for a, b in zip(names, keywords, strict=True))


def measure_emoji(model, split: str, vocabulary) -> dict[str, float]:
    """Recall on pairs that training never saw; the text is name and keywords."""
    data = cu.datasets.load("emoji")
    texts = [f"{a} {b}" for a, b in zip(data.captions[split], data.keywords[split], strict=True)]
    ids = tokens(texts, vocabulary, EMOJI["sequence_length"], unknown="mark")
    similarities = embed_images(model, getattr(data, split)[0]) @ embed_texts(model, ids).T
    return _recalls(similarities, split)


def measure_scenes(model, split: str, vocabulary, count: int = 1_000) -> dict[str, float]:
    """Recall, and how often the true caption beats the false ones of the same words."""
    found = {}
    for pairs in ("seen", "unseen"):
        scenes = cu.datasets.captioned_scenes(split, count, pairs=pairs)
        images = embed_images(model, scenes.images)

        def score(captions, images=images):
            ids = tokens(captions, vocabulary, SCENES["sequence_length"])
            return embed_texts(model, ids)

        true = score(scenes.captions)
        found |= _recalls(images @ true.T, f"{split}, {pairs} pairs", (1, 5))
        own = (images * true).sum(1)
        for name in ("swapped", "rebound"):
            beaten = own > (images * score(getattr(scenes, name))).sum(1)
            found[f"{split}, {pairs} pairs, beats {name}"] = round(float(beaten.mean()), 4)
    return found


def _recalls(similarities, name: str, ks=(1, 5, 10)) -> dict[str, float]:
    both = {"image to text": ranks(similarities), "text to image": ranks(similarities.T)}
    return {
        f"{name}, {direction}, recall@{k}": round(recall(places, k).value, 4)
        for direction, places in both.items()
        for k in ks
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("name", choices=EPOCHS)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=None)
    parser.add_argument("--output", type=Path, default=None)
    arguments = parser.parse_args()
    name, seed = arguments.name, arguments.seed
    epochs = arguments.epochs or EPOCHS[name]

    cu.setup(seed=seed, profile="full", precision="float32")
    emoji = name == "emoji-clip"
    vocabulary = emoji_vocabulary() if emoji else scene_vocabulary()
    options = (EMOJI if emoji else SCENES) | {"vocabulary_size": len(vocabulary)}
    model = cu.models.build_clip(**options)
    started = time.perf_counter()
    if emoji:
        train_emoji(model, epochs, 128, seed, vocabulary=vocabulary)
        data = {"name": "emoji", "split": "1,231 training pairs; test on 240 others"}
    else:
        twins = name.endswith("twins")
        train_scenes(model, epochs, 64, seed, vocabulary=vocabulary, twins=twins)
        data = {
            "name": "captioned scenes of MNIST and Fashion-MNIST",
            "split": f"{SCENE_COUNT:,} training scenes{', in twins' if twins else ''}; "
            "test on 1,000 of seen and 1,000 of unseen pairs",
        }
    measure = measure_emoji if emoji else measure_scenes
    print(measure(model, "validation", vocabulary))
    card = cu.checkpoints.CheckpointCard(
        name=name,
        builder="build_clip",
        arguments=options,
        command=f"python tools/train_clip.py {name} --seed {seed} --epochs {epochs}",
        seed=seed,
        data=data,
        metrics={
            "temperature": round(float(np.exp(-model.get_layer("similarity").log_scale)), 4),
        },
        seconds=round(time.perf_counter() - started, 1),
        machine=f"{os.cpu_count()} CPU cores, {platform.machine()}",
    )

    def on_test(stored):
        return measure(stored, "test", vocabulary)

    path = cu.checkpoints.save_measured(model, card, on_test, arguments.output)
    print(path.stat().st_size, "bytes", f"{card.seconds} s")


if __name__ == "__main__":
    main()
