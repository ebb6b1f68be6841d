"""LoRA: equal to Keras's own, to the formula, to the merged network; and only it learns."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from course_utils.models import LoRA, add_lora, build_cnn, build_vit, merge_lora

pytestmark = pytest.mark.usefixtures("float32")
RNG = np.random.default_rng(0)


def random(*shape):
    return RNG.normal(size=shape).astype(np.float32)


def vit():
    keras.utils.set_random_seed(0)
    return build_vit((8, 8, 1), 3, patch_size=4, width=8, heads=2, blocks=2, mlp_width=12)


def with_random_adapters(rank=2, alpha=None):
    model = vit()
    add_lora(model, rank, alpha)
    for weight in model.trainable_variables:
        weight.assign(random(*weight.shape))
    return model


def gradients(layer, x, variables):
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(layer(x) ** 2)
    return [np.asarray(g) for g in tape.gradient(loss, variables)]


@pytest.mark.parametrize("kind", ["Dense", "EinsumDense"])
def test_outputs_and_gradients_are_those_of_keras_enable_lora(kind):
    def base():
        if kind == "Dense":
            return layers.Dense(5)
        return layers.EinsumDense("btd,de->bte", (None, 5), bias_axes="e")

    x, a, b = random(4, 3, 7), random(7, 2), random(2, 5)
    theirs, ours = base(), LoRA(base(), rank=2)
    theirs.build(x.shape)
    ours.build(x.shape)
    ours.base.set_weights(theirs.get_weights())
    theirs.enable_lora(2)
    for layer, (down, up) in (
        (theirs, (theirs.lora_kernel_a, theirs.lora_kernel_b)),
        (ours, (ours.a, ours.b)),
    ):
        down.assign(a)
        up.assign(b)
        layer.factors = [down, up]
    np.testing.assert_allclose(ours(x), theirs(x), rtol=1e-5, atol=1e-5)
    wanted = gradients(theirs, x, theirs.factors)
    for found, one in zip(gradients(ours, x, ours.factors), wanted, strict=True):
        np.testing.assert_allclose(found, one, rtol=1e-4, atol=1e-3)


def test_the_change_is_alpha_over_rank_times_a_b():
    layer = LoRA(layers.Dense(5, use_bias=False), rank=2, alpha=6)
    x = random(4, 7)
    layer.build(x.shape)
    layer.b.assign(random(2, 5))
    kernel, a, b = (np.asarray(w) for w in (layer.base.kernel, layer.a, layer.b))
    np.testing.assert_allclose(layer(x), x @ (kernel + 3 * a @ b), rtol=1e-4, atol=1e-5)


def test_adding_adapters_changes_nothing_at_first():
    images, model = random(4, 8, 8, 1), vit()
    before = model.predict(images, verbose=0)
    add_lora(model, 2)
    np.testing.assert_array_equal(model.predict(images, verbose=0), before)


def test_only_the_adapters_and_the_last_layer_learn():
    model = vit()
    add_lora(model, 2)
    # Two blocks, queries and values: A is 8 × 2, B is 2 × 8 (2 heads of 4). Last layer: 8 → 3.
    assert sum(w.shape.num_elements() for w in model.trainable_variables) == 2 * 2 * 32 + 27
    before = {w.path: np.asarray(w) for w in model.variables}
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    model.fit(random(8, 8, 8, 1), np.arange(8) % 3, epochs=3, verbose=0)
    learnt = {w.path for w in model.trainable_variables}
    for weight in model.variables:
        if "seed" not in weight.path:
            same = np.array_equal(np.asarray(weight), before[weight.path])
            assert same == (weight.path not in learnt), weight.path


def test_merging_keeps_the_outputs_and_removes_the_adapters():
    images, model, plain = random(4, 8, 8, 1), with_random_adapters(alpha=3), vit()
    wanted = model.predict(images, verbose=0)
    merge_lora(model)
    model = keras.Model(model.input, model.output)  # predict's compiled function is the old one
    np.testing.assert_allclose(model.predict(images, verbose=0), wanted, rtol=1e-3, atol=1e-4)
    assert len(model.variables) == len(plain.variables)


def test_a_merged_model_survives_saving(tmp_path):
    images, model = random(4, 8, 8, 1), with_random_adapters()
    merge_lora(model)
    model.save(tmp_path / "merged.keras")
    loaded = keras.models.load_model(tmp_path / "merged.keras")
    np.testing.assert_allclose(
        loaded.predict(images, verbose=0), model.predict(images, verbose=0), rtol=1e-5
    )


def test_an_adapted_layer_survives_saving(tmp_path):
    x = random(4, 7)
    inputs = keras.Input((7,))
    model = keras.Model(inputs, LoRA(layers.Dense(5), rank=2, alpha=4)(inputs))
    model.set_weights([random(*w.shape) for w in model.weights])
    model.save(tmp_path / "lora.keras")
    loaded = keras.models.load_model(tmp_path / "lora.keras")
    np.testing.assert_allclose(loaded(x), model(x), rtol=1e-5)
    assert len(loaded.trainable_variables) == 2


def test_what_cannot_be_adapted_is_refused():
    with pytest.raises(ValueError, match="without activation, not Dense"):
        LoRA(layers.Dense(3, activation="relu"), 1)
    with pytest.raises(ValueError, match="without activation, not Embedding"):
        LoRA(layers.Embedding(3, 4), 1)
    with pytest.raises(ValueError, match="rank must be from 1 to 3, not 4"):
        LoRA(layers.Dense(3), 4).build((None, 7))
    with pytest.raises(ValueError, match="rank must be from 1 to 3, not 0"):
        LoRA(layers.Dense(3), 0).build((None, 7))
    with pytest.raises(ValueError, match="maps the last axis only"):
        LoRA(layers.EinsumDense("btd,td->bd", (5,)), 1).build((None, 4, 5))
    with pytest.raises(ValueError, match="no TransformerBlock"):
        add_lora(build_cnn(), 2)
    with pytest.raises(ValueError, match="no adapters to be merged"):
        merge_lora(vit())
    with pytest.raises(ValueError, match="adapters already"):
        add_lora(with_random_adapters(), 2)
