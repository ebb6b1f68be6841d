"""The GANs: shapes, one training step against a step by hand, saving, refusals."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from course_utils import checkpoints, models
from course_utils.models import ring_gan

SHAPE = (8, 8, 1)


pytestmark = pytest.mark.usefixtures("seeded")


def small_gan(num_classes=None, **options):
    gan = models.GAN(
        models.build_generator(6, SHAPE, num_classes, width=4),
        models.build_discriminator(SHAPE, num_classes, width=4),
        **options,
    )
    gan.compile()
    return gan


def batch(count=16):
    rng = np.random.default_rng(0)
    return rng.random((count, *SHAPE), dtype=np.float32), rng.integers(0, 3, count)


def test_players_have_the_papers_shapes():
    generator, discriminator = models.build_generator(), models.build_discriminator()
    assert generator.output_shape == discriminator.input_shape == (None, 28, 28, 1)
    assert discriminator.output_shape == (None, 1)
    strides = [
        layer.strides
        for layer in discriminator.layers + generator.layers
        if isinstance(layer, keras.layers.Conv2D | keras.layers.Conv2DTranspose)
    ]
    assert strides == [(2, 2)] * 4


def test_other_image_shapes_fit():
    assert models.build_generator(5, (32, 16, 3)).output_shape == (None, 32, 16, 3)


def test_images_lie_between_0_and_1_and_follow_the_seed():
    gan = small_gan()
    images = gan.sample(7, seed=1)
    assert images.shape == (7, *SHAPE)
    assert images.min() >= 0
    assert images.max() <= 1
    np.testing.assert_array_equal(images, gan.sample(7, seed=1))
    assert np.abs(images - gan.sample(7, seed=2)).max() > 0


def test_labels_change_the_images_and_the_discriminators_answer():
    gan = small_gan(3)
    x, _ = batch(4)
    zeros, ones = np.zeros(4, np.int32), np.ones(4, np.int32)
    assert np.abs(gan.sample(4, labels=zeros) - gan.sample(4, labels=ones)).max() > 1e-6
    answers = [gan.discriminator([x, labels]).numpy() for labels in (zeros, ones)]
    assert np.abs(answers[0] - answers[1]).max() > 1e-6


def test_the_discriminators_label_term_is_a_projection():
    """Logit = linear(features) + <embedding(label), features> (Miyato and Koyama, equation 3)."""
    discriminator = models.build_discriminator(SHAPE, 3, width=4)
    x, y = batch(5)
    flat = next(v for v in discriminator.layers if isinstance(v, keras.layers.Flatten))
    features = keras.Model(discriminator.inputs[0], flat.output)(x).numpy()
    kernel, bias = discriminator.get_layer("logit").get_weights()
    (embedding,) = discriminator.get_layer("embed").get_weights()
    expected = features @ kernel + bias + np.sum(features * embedding[y], axis=1, keepdims=True)
    np.testing.assert_allclose(discriminator([x, y]).numpy(), expected, atol=1e-5)


def test_one_step_equals_the_step_by_hand():
    """Separate tapes, losses by formula, plain Adam: the same weights of both players."""
    gan = small_gan(smoothing=0.9, averaging=0.5)
    x, _ = batch()
    noise = keras.random.normal((16, 6), seed=keras.random.SeedGenerator(3))
    gan.seed_generator = keras.random.SeedGenerator(3)
    copies = [keras.models.clone_model(m) for m in (gan.generator, gan.discriminator)]
    for copy, player in zip(copies, (gan.generator, gan.discriminator), strict=True):
        copy.set_weights(player.get_weights())
    generator, discriminator = copies
    average_before = gan.average.get_weights()

    def cross_entropy(target, logit):
        return tf.reduce_mean(tf.math.softplus(logit) - target * logit)

    with tf.GradientTape() as tape:
        g_loss = cross_entropy(1.0, discriminator(generator(noise, training=True), training=True))
    g_gradients = tape.gradient(g_loss, generator.trainable_variables)
    fakes = generator(noise, training=True)
    with tf.GradientTape() as tape:
        d_loss = cross_entropy(0.9, discriminator(x, training=True))
        d_loss += cross_entropy(0.0, discriminator(fakes, training=True))
    d_gradients = tape.gradient(d_loss, discriminator.trainable_variables)
    keras.optimizers.Adam(1e-3, beta_1=0.5).apply(g_gradients, generator.trainable_variables)
    keras.optimizers.Adam(1e-3, beta_1=0.5).apply(d_gradients, discriminator.trainable_variables)

    result = gan.train_step((x,))
    assert float(result["generator_loss"]) == pytest.approx(float(g_loss), abs=1e-5)
    assert float(result["discriminator_loss"]) == pytest.approx(float(d_loss), abs=1e-5)
    for copy, player in zip(copies, (gan.generator, gan.discriminator), strict=True):
        for expected, found in zip(
            copy.trainable_variables, player.trainable_variables, strict=True
        ):
            np.testing.assert_allclose(found.numpy(), expected.numpy(), atol=2e-5)
    for old, new, mean in zip(
        average_before, gan.generator.get_weights(), gan.average.get_weights(), strict=True
    ):
        np.testing.assert_allclose(mean, (old + new) / 2, atol=1e-6)


@pytest.mark.parametrize("classes", [None, 3])
def test_fit_moves_both_players(classes):
    gan = small_gan(classes)
    before = [m.trainable_variables[0].numpy() for m in (gan.generator, gan.discriminator)]
    x, y = batch(32)
    history = gan.fit(x, y if classes else None, batch_size=16, epochs=1, verbose=0).history
    after = [m.trainable_variables[0].numpy() for m in (gan.generator, gan.discriminator)]
    assert all(np.abs(a - b).max() > 0 for a, b in zip(before, after, strict=True))
    assert set(history) == {"generator_loss", "discriminator_loss", "says_real", "says_fake"}
    assert all(np.isfinite(values).all() for values in history.values())


@pytest.mark.parametrize("classes", [None, 3])
def test_a_saved_gan_draws_the_same_images_and_trains_on(classes, tmp_path):
    gan = small_gan(classes, smoothing=0.8, averaging=0.9)
    gan.compile(generator_rate=5e-4)
    x, y = batch(32)
    gan.train_step((tf.constant(x), tf.constant(y)) if classes else (x,))
    gan.save(tmp_path / "gan.keras")
    loaded = keras.models.load_model(tmp_path / "gan.keras")
    asked = y[:5] if classes else None
    np.testing.assert_allclose(
        loaded.sample(5, labels=asked), gan.sample(5, labels=asked), atol=1e-6
    )
    for player in ("generator", "discriminator"):
        for a, b in zip(getattr(loaded, player).weights, getattr(gan, player).weights, strict=True):
            np.testing.assert_array_equal(a.numpy(), b.numpy())
    assert (loaded.smoothing, loaded.averaging) == (0.8, 0.9)
    assert float(loaded.optimizers[0].learning_rate) == pytest.approx(5e-4)
    assert int(loaded.optimizers[0].iterations) == 1
    loaded.train_step((tf.constant(x), tf.constant(y)) if classes else (x,))
    assert int(loaded.optimizers[0].iterations) == 2


def test_float16_scales_the_loss_of_both_players():
    keras.config.set_dtype_policy("mixed_float16")
    gan = small_gan(3)
    scaled = keras.optimizers.LossScaleOptimizer
    assert all(isinstance(optimizer, scaled) for optimizer in gan.optimizers)
    x, y = batch(16)
    before = gan.discriminator.get_layer("logit").kernel.numpy()
    for _ in range(3):  # a first step may overflow, halve the scale and be skipped
        gan.train_step((tf.constant(x), tf.constant(y)))
    after = gan.discriminator.get_layer("logit").kernel.numpy()
    assert np.isfinite(after).all()
    assert 0 < np.abs(after - before).max() < 0.01  # of the size of Adam's steps, unscaled


def test_bfloat16_trains_without_scaling():
    keras.config.set_dtype_policy("mixed_bfloat16")
    gan = small_gan()
    assert not any(isinstance(v, keras.optimizers.LossScaleOptimizer) for v in gan.optimizers)
    x, _ = batch(16)
    gan.train_step((x,))
    assert gan.sample(2).dtype == np.float32


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: models.build_generator(image_shape=(30, 28, 1)), r"multiples of 4, not \(30, 28"),
        (lambda: models.build_discriminator(image_shape=(28, 28)), "height, width, channels"),
        (lambda: models.build_generator(latent_dim=0), "latent_dim must be at least 1, not 0"),
        (lambda: models.build_generator(num_classes=0), "num_classes must be at least 1, not 0"),
        (lambda: models.build_judge(image_shape=(4, 4, 1)), "at least 8 × 8"),
        (lambda: small_gan().generate(np.zeros((2, 5))), r"\(any, 6\), not \(2, 5\)"),
        (lambda: small_gan().sample(0), "noise should have shape"),
        (lambda: small_gan().sample(2, labels=np.zeros(2, int)), "takes no labels"),
        (lambda: small_gan(3).sample(2), "needs labels in 0..2, but none"),
        (lambda: small_gan(3).sample(2, labels=np.array([0, 3])), "0..2.*from 0 to 3"),
        (lambda: small_gan(3).sample(2, labels=np.array([0])), "2 integers"),
        (lambda: small_gan(3).sample(1, labels=np.array([0.5])), "float64"),
        (lambda: small_gan().fit(np.zeros((4, 9, 8, 1))), r"\(8, 8, 1\), not \(9, 8, 1\)"),
        (lambda: small_gan(3).fit(*batch(4)[:1]), "needs labels"),
        (
            lambda: models.GAN(
                models.build_generator(6, SHAPE), models.build_discriminator((12, 8, 1))
            ),
            r"what the generator makes: \(8, 8, 1\)",
        ),
        (
            lambda: models.GAN(
                models.build_generator(6, SHAPE, 3), models.build_discriminator(SHAPE)
            ),
            "2 inputs",
        ),
        (lambda: ring_gan.modes_of(np.zeros((3, 3))), r"\(count, 2\), not \(3, 3\)"),
        (lambda: ring_gan.train_ring_gan(1e-3, steps=2), "at least 6"),
    ],
)
def test_wrong_sizes_are_refused_in_one_sentence(call, message):
    with pytest.raises(ValueError, match=message) as refused:
        call()
    assert str(refused.value).count(". ") == 0


def test_a_ring_has_all_its_modes_and_a_point_has_none():
    shares = ring_gan.modes_of(ring_gan.ring(8000))
    np.testing.assert_allclose(shares, 1 / 8, atol=0.02)
    assert ring_gan.modes_of(np.zeros((10, 2))).sum() == 0


def test_ring_training_follows_its_seed():
    one, two = (ring_gan.train_ring_gan(1e-3, steps=12, seed=4) for _ in range(2))
    assert one.shape == (6, 1000, 2)
    np.testing.assert_allclose(one, two, atol=1e-6)


@pytest.mark.parametrize("name", ["fashion-judge", "fashion-gan", "fashion-conditional-gan"])
def test_checkpoints_load_and_draw(name):
    model = checkpoints.load(name)
    if name == "fashion-judge":
        assert model(np.zeros((2, 28, 28, 1))).shape == (2, 10)
        return
    labels = np.array([0, 9]) if "conditional" in name else None
    assert models.sample(model, 2, labels=labels).std() > 0.1
