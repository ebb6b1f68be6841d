"""Train the translators of numerals: data/checkpoints/numerals-{attention,fixed-vector}.*

Usage: python tools/train_translator.py [--fixed-vector] [--seed 0] [--output FOLDER]

Numbers of one to seven digits from Chinese to English, by teacher forcing, drawn anew for every
round. Both networks get the same numbers and as many steps. The validation split is watched;
nothing was tuned by it.
"""

import argparse
import os
import platform
import time
from pathlib import Path

import keras
import numpy as np

import course_utils as cu
from course_utils import sequences

ROUNDS, ROUND, BATCH, RATE = 15, 16_384, 128, 3e-3
DIGITS = (1, 7)
# The longest Chinese and English below 10⁷, with the end: what is shorter is quicker.
LENGTHS = {"source_length": 13, "target_length": 12}
MEASURED = 2000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--fixed-vector", action="store_true", help="without attention")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, default=None)
    arguments = parser.parse_args()

    cu.setup(seed=arguments.seed)
    sizes = {
        "source_words": len(cu.datasets.CHINESE_CHARACTERS),
        "target_words": len(cu.datasets.ENGLISH_WORDS),
        "attention": not arguments.fixed_vector,
    }
    started = time.process_time()
    trained = train(sizes, arguments.rounds, arguments.seed)
    seconds = time.process_time() - started
    # The same weights read any length: that of the card has room for nine digits.
    model = cu.models.build_translator(**sizes)
    model.set_weights(trained.get_weights())
    card = cu.checkpoints.CheckpointCard(
        name="numerals-fixed-vector" if arguments.fixed_vector else "numerals-attention",
        builder="build_translator",
        arguments=sizes,
        command="python tools/train_translator.py"
        + (" --fixed-vector" if arguments.fixed_vector else "")
        + (f" --rounds {arguments.rounds}" if arguments.rounds != ROUNDS else "")
        + f" --seed {arguments.seed}",
        seed=arguments.seed,
        data={
            "name": "numerals, Chinese to English, generated",
            "split": f"train, {arguments.rounds * ROUND} numbers of {DIGITS[0]} to {DIGITS[1]} "
            f"digits; measured on {MEASURED} numbers of the test split for every row",
        },
        metrics={},
        seconds=round(seconds, 1),
        machine=f"{os.cpu_count()} CPU cores, {platform.machine()}; processor time",
    )
    path = cu.checkpoints.save_measured(model, card, measure, arguments.output)
    print(card.metrics, f"{card.seconds} s", path.name, path.stat().st_size)


def train(sizes: dict[str, int | bool], rounds: int, seed: int) -> keras.Model:
    """Adam with a warm-up and a cosine to zero; the validation split is only watched."""
    model = cu.models.build_translator(**sizes, **LENGTHS)
    steps = rounds * ROUND // BATCH
    schedule = keras.optimizers.schedules.CosineDecay(
        0.0, steps - steps // 20, warmup_target=RATE, warmup_steps=steps // 20
    )
    model.compile(
        keras.optimizers.Adam(schedule, global_clipnorm=1.0),
        keras.losses.SparseCategoricalCrossentropy(
            from_logits=True, ignore_class=sequences.PADDING
        ),
    )
    watched = pairs("validation", 1000, DIGITS, seed=0, **LENGTHS)
    for number in range(rounds):
        x, y = pairs("train", ROUND, DIGITS, seed=1000 * seed + number + 1, **LENGTHS)
        before = cu.models.words_before(y)
        run = model.fit([x, before], y, batch_size=BATCH, verbose=0)
        if number % 5 == 4 or number == rounds - 1:
            words, _ = cu.models.translate(model, watched[0])
            exact = sequences.exact_match(words, watched[1]).mean()
            loss = run.history["loss"][0]
            print(f"round {number + 1}: loss {loss:.4f}, exact {exact:.4f}", flush=True)
    return model


def pairs(
    split: str,
    count: int,
    digits: tuple[int, int],
    seed: int,
    source_length: int = 18,
    target_length: int = 16,
) -> tuple[np.ndarray, np.ndarray]:
    """Ids of numbers in both languages."""
    numbers = cu.datasets.numerals(split, count, digits=digits, seed=seed)
    x = cu.datasets.encode_chinese(numbers, source_length)
    return x, cu.datasets.encode_english(numbers, target_length)


def measure(model: keras.Model) -> dict[str, float]:
    """Sentences and words right when the model reads its own words, on the test split."""
    found = {}
    for name, digits in (("1 to 7", DIGITS), ("7", (7, 7)), ("8", (8, 8)), ("9", (9, 9))):
        x, y = pairs("test", MEASURED, digits, seed=0)
        words, _ = cu.models.translate(model, x)
        found[f"exact match, {name} digits"] = sequences.exact_match(words, y).mean()
        found[f"word accuracy, {name} digits"] = np.nanmean(sequences.right_words(words, y))
    return {name: round(float(value), 4) for name, value in found.items()}


if __name__ == "__main__":
    main()
