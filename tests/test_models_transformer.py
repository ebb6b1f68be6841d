"""Attention, blocks, patches: equal to NumPy, masked exactly, refused in a sentence, savable."""

import keras
import numpy as np
import pytest
from scipy.special import erf, softmax

import course_utils as cu
from course_utils.models import build_text_transformer, build_vit
from course_utils.models.attention import Positions, ScaledEmbedding, TransformerBlock, sinusoids
from course_utils.models.vit import ClassToken, Patches

pytestmark = pytest.mark.usefixtures("float32")


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture
def tokens(rng):
    ids = rng.integers(1, 30, (4, 12)).astype(np.int32)
    ids[:, 8:] = 0
    return ids


def small_text(**changes):
    sizes = {"width": 16, "heads": 2, "mlp_width": 24}
    return build_text_transformer(30, 12, 3, **(sizes | changes))


def small_vit(**changes):
    sizes = {"patch_size": 4, "width": 16, "heads": 2, "blocks": 2, "mlp_width": 24}
    return build_vit((8, 12, 3), 5, **(sizes | changes))


def randomized(layer, rng):
    """Biases and scales start at 0 and 1, which would hide a forgotten one."""
    layer.set_weights([rng.normal(0, 0.5, w.shape) for w in layer.get_weights()])
    return layer


# --- independent references ------------------------------------------------------------------


def numpy_norm(x, scale, shift):
    centred = x - x.mean(-1, keepdims=True)
    return centred / np.sqrt((centred**2).mean(-1, keepdims=True) + 1e-6) * scale + shift


def numpy_block(block, x, mask):
    """The pre-norm block written out, one head after the other."""
    w = {v.path.split("/", 1)[-1]: np.asarray(v) for v in block.weights}
    names = list(w)
    assert len(names) == len(block.weights) == 16
    scale1, shift1, wq, bq, wk, bk, wv, bv, wo, bo, scale2, shift2, w1, b1, w2, b2 = w.values()
    normal = numpy_norm(x, scale1, shift1)
    total = np.zeros_like(x)
    for h in range(block.heads):
        q = normal @ wq[:, h] + bq[h]
        k = normal @ wk[:, h] + bk[h]
        v = normal @ wv[:, h] + bv[h]
        scores = q @ k.transpose(0, 2, 1) / np.sqrt(q.shape[-1])
        scores = np.where(mask, scores, -1e30)
        total += softmax(scores, -1) @ v @ wo[h]
    x = x + total + bo
    hidden = numpy_norm(x, scale2, shift2) @ w1 + b1
    if block.activation == "relu":
        hidden = np.maximum(hidden, 0)
    else:
        hidden = hidden * (1 + erf(hidden / np.sqrt(2))) / 2
    return x + hidden @ w2 + b2


@pytest.mark.parametrize("activation", ["relu", "gelu"])
@pytest.mark.parametrize("causal", [False, True])
def test_block_equals_the_formulas_written_in_numpy(rng, activation, causal):
    x = rng.normal(size=(3, 7, 12)).astype(np.float32)
    real = np.arange(7) < np.array([[7], [5], [2]])
    block = TransformerBlock(3, 20, 0.5, activation=activation, causal=causal)
    block.build(x.shape)
    randomized(block, rng)
    seen = real[:, None, :] & (np.tri(7, dtype=bool) if causal else True)
    expected = numpy_block(block, x.astype(np.float64), seen)
    np.testing.assert_allclose(block(x, mask=real), expected, atol=2e-5)


def test_sinusoids_are_those_of_the_paper():
    table = sinusoids(50, 16)
    for position, i in ((0, 0), (7, 0), (13, 3), (49, 7)):
        angle = position / 10_000 ** (2 * i / 16)
        assert table[position, 2 * i] == pytest.approx(np.sin(angle), abs=1e-6)
        assert table[position, 2 * i + 1] == pytest.approx(np.cos(angle), abs=1e-6)


def test_embedding_is_scaled_by_the_root_of_the_width(tokens):
    layer = ScaledEmbedding(30, 16, mask_zero=True)
    vectors = layer(tokens)
    np.testing.assert_allclose(vectors, np.asarray(layer.embeddings)[tokens] * 4, rtol=1e-6)


def test_patches_are_cut_row_by_row(rng):
    images = rng.random((2, 8, 12, 3), dtype=np.float32)
    patches = np.asarray(Patches(4)(images))
    assert patches.shape == (2, 6, 48)
    cut = [images[:, r : r + 4, c : c + 4] for r in (0, 4) for c in (0, 4, 8)]
    expected = np.stack([patch.reshape(2, 48) for patch in cut], axis=1)
    np.testing.assert_array_equal(patches, expected)


# --- what attention can and cannot see -------------------------------------------------------


def test_padding_has_exactly_no_influence_on_the_answer(tokens):
    """The rows of padding are given other vectors: through the mask nothing may pass."""
    model = small_text()
    before = np.asarray(model(tokens))
    embedding = next(layer for layer in model.layers if isinstance(layer, ScaledEmbedding))
    table = np.array(embedding.embeddings)
    table[0] = 50.0
    embedding.set_weights([table])
    np.testing.assert_array_equal(np.asarray(model(tokens)), before)


def test_longer_padding_does_not_change_the_answer(tokens):
    model = small_text()
    longer = build_text_transformer(30, 20, 3, width=16, heads=2, mlp_width=24)
    longer.set_weights(model.get_weights())
    np.testing.assert_allclose(longer(np.pad(tokens, ((0, 0), (0, 8)))), model(tokens), atol=1e-6)


def test_causal_block_does_not_see_later_tokens(rng):
    x = rng.normal(size=(2, 6, 8)).astype(np.float32)
    block = TransformerBlock(2, 16, causal=True)
    before = np.asarray(block(x))
    x[:, 4:] += 3.0
    after = np.asarray(block(x))
    np.testing.assert_array_equal(after[:, :4], before[:, :4])
    assert np.abs(after[:, 4:] - before[:, 4:]).max() > 0.1


@pytest.mark.parametrize("causal", [False, True])
def test_attention_scores_sum_to_one_over_what_may_be_seen(rng, causal):
    x = rng.normal(size=(2, 6, 8)).astype(np.float32)
    mask = np.arange(6) < np.array([[6], [3]])
    block = TransformerBlock(2, 16, causal=causal)
    block(x)
    scores = np.asarray(block.attention_scores(x, mask))
    assert scores.shape == (2, 2, 6, 6)
    np.testing.assert_allclose(scores.sum(-1), 1, atol=1e-5)
    assert np.all(scores[1, :, :, 3:] == 0)
    assert np.all(scores[..., ~np.tri(6, dtype=bool)] == 0) == causal


def test_without_positions_the_order_of_the_words_is_invisible(tokens, rng):
    tokens[:, 8:] = 5
    shuffled = tokens[:, rng.permutation(12)]
    blind = small_text(positions="none")
    np.testing.assert_allclose(blind(shuffled), blind(tokens), atol=1e-5)
    for kind in ("sinusoidal", "learned"):
        model = randomized(small_text(positions=kind), rng)
        assert np.abs(np.asarray(model(shuffled)) - np.asarray(model(tokens))).max() > 1e-3


def test_class_token_stands_in_front(rng):
    layer = ClassToken()
    x = rng.normal(size=(3, 4, 8)).astype(np.float32)
    y = np.asarray(layer(x))
    np.testing.assert_array_equal(y[:, 1:], x)
    np.testing.assert_array_equal(y[:, 0], np.broadcast_to(layer.token[0, 0], (3, 8)))


def test_vit_that_pools_the_class_token_reads_only_it():
    model = small_vit(pooling="class", blocks=0, positions="none")
    images = np.random.default_rng(0).random((3, 8, 12, 3), dtype=np.float32)
    logits = np.asarray(model(images))
    np.testing.assert_allclose(logits, np.broadcast_to(logits[:1], logits.shape), atol=1e-6)


# --- numbers ---------------------------------------------------------------------------------


def test_parameters_are_those_counted_by_hand():
    width, hidden = 64, 128
    block = 4 * (width + 1) * width + 4 * width + (width + 1) * hidden + (hidden + 1) * width
    text = build_text_transformer(1000, 20, 2, width=width, mlp_width=hidden, blocks=3)
    assert text.count_params() == 1000 * width + 3 * block + 2 * width + (width + 1) * 2
    vit = build_vit(width=width, mlp_width=hidden, blocks=2, positions="learned")
    stem = 50 * width + width + 17 * width  # patches, class token, positions
    assert vit.count_params() == stem + 2 * block + 2 * width + (width + 1) * 10


@pytest.mark.parametrize("build", [small_text, small_vit])
def test_logits_are_float32_in_mixed_precision(build):
    keras.config.set_dtype_policy("mixed_bfloat16")  # the fixture sets it back
    model = build()
    x = np.ones((2, *model.input_shape[1:]), model.inputs[0].dtype)
    assert model(x).dtype == "float32"
    assert model.get_layer(index=-2).compute_dtype == "bfloat16"


@pytest.mark.parametrize(
    "model",
    [
        pytest.param(lambda: small_text(positions="learned"), id="text"),
        pytest.param(lambda: small_vit(pooling="class"), id="vit-class"),
        pytest.param(lambda: small_vit(pooling="mean"), id="vit-mean"),
    ],
)
def test_every_weight_gets_a_gradient(model, tokens, rng):
    import tensorflow as tf

    model = randomized(model(), rng)
    x = tokens if model.name == "text_transformer" else rng.random((4, 8, 12, 3))
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(model(x, training=True) ** 2)
    gradients = tape.gradient(loss, model.trainable_variables)
    assert all(gradient is not None for gradient in gradients)
    # The bias of the keys shifts all scores of a row alike, so that the softmax ignores it.
    for weight, gradient in zip(model.trainable_variables, gradients, strict=True):
        if "key/bias" not in weight.path:
            assert np.abs(np.asarray(tf.convert_to_tensor(gradient))).max() > 0, weight.path


@pytest.mark.parametrize(
    "build",
    [
        pytest.param(lambda: small_text(), id="text-sinusoidal"),
        pytest.param(lambda: small_text(positions="learned", dropout=0.1), id="text-learned"),
        pytest.param(lambda: small_vit(pooling="class", shift=0.1), id="vit-class"),
        pytest.param(lambda: small_vit(pooling="mean", positions="sinusoidal"), id="vit-mean"),
    ],
)
def test_saved_models_give_equal_outputs(build, tokens, rng, tmp_path):
    model = randomized(build(), rng)
    x = tokens if model.name == "text_transformer" else rng.random((4, 8, 12, 3))
    keras.models.save_model(model, tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    expected = np.asarray(model(x, training=False))
    np.testing.assert_allclose(loaded(x, training=False), expected, atol=1e-5)


def test_saved_causal_block_stays_causal(rng, tmp_path):
    inputs = keras.Input((6, 8))
    model = keras.Model(inputs, TransformerBlock(2, 16, 0.2, "gelu", causal=True)(inputs))
    keras.models.save_model(model, tmp_path / "block.keras")
    loaded = keras.models.load_model(tmp_path / "block.keras")
    x = rng.normal(size=(2, 6, 8)).astype(np.float32)
    np.testing.assert_allclose(loaded(x), model(x), atol=1e-6)


# --- refusals --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: build_vit((28, 30, 1)), "divisible by 7, not 28×30"),
        (lambda: build_vit((28, 28)), r"\(height, width, channels\), not \(28, 28\)"),
        (lambda: build_vit((28, 28, 0)), r"\(height, width, channels\), not \(28, 28, 0\)"),
        (lambda: build_vit(patch_size=0), "Patches of 0×0"),
        (lambda: build_vit(pooling="max"), "class or mean, not 'max'"),
        (lambda: build_vit(num_classes=1), "at least 2, not 1"),
        (lambda: build_vit(width=30, heads=4), "divisible by heads, not 30 by 4"),
        (lambda: build_text_transformer(positions="after"), "sinusoidal, learned, none"),
        (lambda: build_text_transformer(heads=3), "divisible by heads, not 64 by 3"),
        (lambda: build_text_transformer(num_classes=1), "at least 2, not 1"),
        (lambda: build_text_transformer(vocabulary_size=1), "at least 2 .* not 1 and 48"),
        (lambda: build_text_transformer(sequence_length=0), "at least 1, not 10000 and 0"),
        (lambda: Positions(8, "both"), "sinusoidal or learned, not 'both'"),
        (lambda: Positions(8)(np.zeros((1, 9, 4), "float32")), "at most 8 .* has 9"),
        (lambda: Positions(8)(keras.Input((None, 4))), "at most 8 .* no fixed number"),
        (lambda: TransformerBlock(3, 8)(np.zeros((1, 2, 4), "float32")), "not 4 by 3"),
        (lambda: Patches(3)(np.zeros((1, 8, 9, 1), "float32")), "divisible by 3, not 8×9"),
    ],
)
def test_wrong_sizes_are_refused_in_one_sentence(build, message):
    with pytest.raises(ValueError, match=message):
        build()


def test_fit_refuses_sequences_and_ids_that_do_not_fit(tokens):
    from types import SimpleNamespace

    model, labels = small_text(), np.zeros(4, np.int32)
    for bad, message in ((tokens[:, :9], "12"), (tokens + 20, r"0\.\.29"), (-tokens, r"0\.\.29")):
        data = SimpleNamespace(train=(bad, labels), validation=(tokens, labels))
        with pytest.raises(ValueError, match=message):
            cu.fit(model, data, epochs=1)


# --- they learn ------------------------------------------------------------------------------


def test_transformer_learns_a_task_that_needs_the_order():
    """Does the 2 come before the 3? Both stand in every row, so only positions can tell."""
    from types import SimpleNamespace

    rng = np.random.default_rng(0)

    def split(rows):
        x = rng.integers(4, 12, (rows, 8)).astype(np.int32)
        places = np.sort(np.argsort(rng.random((rows, 8)))[:, :2])
        y = rng.integers(0, 2, rows).astype(np.int32)
        x[np.arange(rows), places[:, 0]] = 2 + y
        x[np.arange(rows), places[:, 1]] = 3 - y
        return x, y

    data = SimpleNamespace(train=split(768), validation=split(256))
    keras.utils.set_random_seed(0)
    sizes = {"width": 32, "heads": 2, "blocks": 2, "mlp_width": 32, "dropout": 0.0}
    model = build_text_transformer(12, 8, 2, **sizes)
    cu.fit(model, data, epochs=8, batch_size=32, learning_rate=3e-3)
    assert cu.evaluation.accuracy(model, *data.validation) >= 0.85
