"""Training speed: the course's settings beside plain Keras, the same network, in one run.

Plain means ``model.compile`` and ``model.fit`` in float32 at the article's batch size of 64
(and, for the GAN, the usual step that runs the generator once for each player). The course's
settings are what the chapters use: the precision that `setup` chooses for this machine, the
batch size of the page, one pass through the generator for both players. The two are measured
in turn, several times. Other load on the machine only ever makes a run slower, so the table
gives each one's fastest run (as Python's timeit advises); it is written to benchmarks/speed.md.

Usage: python benchmarks/speed.py [--repeats 5] [--only NAME ...]
"""

import argparse
import time
from collections.abc import Callable
from pathlib import Path

import keras
import tensorflow as tf

import course_utils as cu

ARTICLE_BATCH = 64
TARGET = Path(__file__).with_suffix(".md")

Measure = Callable[[], float]


def classifier(build: Callable[[], keras.Model], data, batch_size: int) -> tuple[Measure, Measure]:
    """Examples a second of a classifier: (plain, course)."""

    def plain() -> float:
        model = build()
        model.compile(
            optimizer="adam",
            loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
            metrics=["accuracy"],
        )
        return timed(model, *data.train, batch_size=ARTICLE_BATCH)

    def course() -> float:
        return cu.fit(build(), data, epochs=2, batch_size=batch_size).examples_per_second

    return plain, course


def timed(model: keras.Model, x, y=None, *, batch_size: int) -> float:
    """Examples a second of the second epoch, when everything is compiled."""
    model.fit(x, y, batch_size=batch_size, verbose=0)
    started = time.perf_counter()
    model.fit(x, y, batch_size=batch_size, verbose=0)
    return len(x) / (time.perf_counter() - started)


class TwoPassGAN(keras.Model):
    """The usual step: the discriminator on one batch of fakes, the generator on another."""

    def __init__(self) -> None:
        super().__init__()
        self.generator = cu.models.build_generator()
        self.discriminator = cu.models.build_discriminator()
        self.binary_crossentropy = keras.losses.BinaryCrossentropy(from_logits=True)
        self.built = True

    def compile(self) -> None:
        super().compile()
        self.generator_adam = keras.optimizers.Adam(1e-3, beta_1=0.5)
        self.discriminator_adam = keras.optimizers.Adam(1e-3, beta_1=0.5)

    def fakes(self, count: tf.Tensor) -> tf.Tensor:
        noise = tf.random.normal((count, self.generator.inputs[0].shape[-1]))
        return self.generator(noise, training=True)

    def train_step(self, real: tf.Tensor) -> dict[str, tf.Tensor]:
        count = tf.shape(real)[0]
        both = tf.concat([self.fakes(count), real], axis=0)
        target = tf.concat([tf.zeros((count, 1)), 0.9 * tf.ones((count, 1))], axis=0)
        with tf.GradientTape() as tape:
            d_loss = self.binary_crossentropy(target, self.discriminator(both, training=True))
        weights = self.discriminator.trainable_variables
        self.discriminator_adam.apply(tape.gradient(d_loss, weights), weights)
        with tf.GradientTape() as tape:
            says = self.discriminator(self.fakes(count), training=True)
            g_loss = self.binary_crossentropy(tf.ones((count, 1)), says)
        weights = self.generator.trainable_variables
        self.generator_adam.apply(tape.gradient(g_loss, weights), weights)
        return {"discriminator_loss": d_loss, "generator_loss": g_loss}


def gan(data) -> tuple[Measure, Measure]:
    """Images a second of the DCGAN: (plain, course)."""
    images = data.train[0][:6400]

    def plain() -> float:
        model = TwoPassGAN()
        model.compile()
        return timed(model, images, batch_size=ARTICLE_BATCH)

    def course() -> float:
        model = cu.models.GAN(cu.models.build_generator(), cu.models.build_discriminator())
        model.compile()
        return timed(model, images, batch_size=ARTICLE_BATCH)

    return plain, course


def cases() -> dict[str, tuple[Measure, Measure]]:
    """What is measured, by name, with the chapters' batch sizes."""
    mnist = cu.datasets.load("mnist")
    reviews, _ = cu.datasets.tokenize(cu.datasets.load("movie_reviews"))
    models = cu.models
    return {
        "CNN, MNIST": classifier(models.build_cnn, mnist, 128),
        "LSTM, movie reviews": classifier(models.build_lstm_classifier, reviews, 128),
        "TextCNN, movie reviews": classifier(models.build_textcnn, reviews, 128),
        "Transformer, movie reviews": classifier(models.build_text_transformer, reviews, 128),
        "LSTM over rows, MNIST": classifier(models.build_row_lstm, mnist, 128),
        "vision Transformer, MNIST": classifier(models.build_vit, mnist, 64),
        "DCGAN, Fashion-MNIST": gan(cu.datasets.load("fashion_mnist")),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--only", nargs="*", default=None, help="names that contain one of these")
    arguments = parser.parse_args()

    cu.setup(seed=0, profile="fast")
    precision = cu.runtime.current().precision
    lines = [
        f"Examples a second, the fastest of {arguments.repeats} runs in turn; course precision: "
        f"{precision}.",
        "",
        "| network | plain, float32, batch 64 | course | course / plain |",
        "|---|---:|---:|---:|",
    ]
    for name, (plain, course) in cases().items():
        if arguments.only and not any(part in name for part in arguments.only):
            continue
        speeds: list[tuple[float, float]] = []
        for _ in range(arguments.repeats):
            keras.config.set_dtype_policy("float32")
            slow = plain()
            keras.config.set_dtype_policy(precision)
            speeds.append((slow, course()))
        slow, fast = (max(column) for column in zip(*speeds, strict=True))
        lines.append(f"| {name} | {slow:,.0f} | {fast:,.0f} | {fast / slow:.2f} × |")
        print(lines[-1], flush=True)
    if not arguments.only:
        TARGET.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
