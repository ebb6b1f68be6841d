"""Networks that listen: what they keep when a sound moves, and that they survive being saved."""

import keras
import numpy as np
import pytest

from course_utils import models


def noise(*shape):
    return np.random.default_rng(0).random(shape, dtype=np.float32)


SMALL = {
    "spectrogram": (lambda: models.build_spectrogram_cnn((24, 16, 1), 3, widths=(4, 8)), (24, 16)),
    "both": (
        lambda: models.build_spectrogram_cnn((24, 16, 1), 3, widths=(4, 8), average="both"),
        (24, 16),
    ),
    "masked": (
        lambda: models.build_spectrogram_cnn((24, 16, 1), 3, widths=(4, 8), masking=0.5),
        (24, 16),
    ),
    "waveform": (lambda: models.build_waveform_cnn(400, 3, widths=(4, 8), kernel=16), (400,)),
}


@pytest.mark.parametrize("name", SMALL)
def test_saved_and_loaded_networks_answer_the_same(name, tmp_path, seeded):
    build, shape = SMALL[name]
    model, x = build(), noise(2, *shape, 1)
    model.save(tmp_path / "one.keras")
    again = keras.models.load_model(tmp_path / "one.keras")
    assert model.output_shape == (None, 3)
    np.testing.assert_allclose(again(x), model(x), atol=1e-6)


def moved(x, axis, by):
    """Zeros come in from one side; the sound was black there on the other."""
    return np.roll(x, by, axis)


def inside():
    """Something in the middle of black, so that it may move by four without loss."""
    x = np.zeros((1, 64, 32, 1), np.float32)
    x[:, 24:40, 12:20] = noise(1, 16, 8, 1)
    return x


def trained_a_little(average):
    """Random weights, and normalizations that keep black what is black."""
    return models.build_spectrogram_cnn((64, 32, 1), 4, widths=(4, 8), average=average)


def test_a_move_in_time_by_whole_strides_changes_nothing(seeded):
    for average in ("time", "both"):
        model, x = trained_a_little(average), inside()
        np.testing.assert_allclose(model(moved(x, 1, 4)), model(x), atol=1e-5)


def test_a_move_in_frequency_matters_only_where_frequencies_are_kept_apart(seeded):
    x = inside()
    both, time = trained_a_little("both"), trained_a_little("time")
    np.testing.assert_allclose(both(moved(x, 2, 4)), both(x), atol=1e-5)
    assert np.abs(time(moved(x, 2, 4)) - time(x)).max() > 1e-2


def test_masks_are_black_stripes_of_every_width_up_to_the_largest(seeded):
    layer = models.SpectrogramMasking(0.5, 0.25, seed=0)
    images = np.ones((400, 40, 32, 1), np.float32)
    masked = np.asarray(layer(images, training=True))[..., 0]
    assert set(np.unique(masked)) == {0, 1}
    frames = (masked.max(2) == 0).sum(1)  # black at all frequencies
    frequencies = (masked.max(1) == 0).sum(1)
    assert frames.max() in (19, 20, 21)
    assert frequencies.max() in (7, 8, 9)
    assert 8 < frames.mean() < 12
    assert 3 < frequencies.mean() < 5
    for axis in (1, 2):  # one stripe: black begins at most once in a row
        black = masked.max(axis) == 0
        assert (np.diff(black.astype(int), axis=1) == 1).sum(1).max() == 1
    # Every frame is masked about as often, those at the ends less.
    rate = (masked.max(2) == 0).mean(0)
    assert rate[10:30].min() > 0.2
    np.testing.assert_array_equal(layer(images, training=False), images)


def test_masking_outside_training_needs_no_batch_of_a_known_size(seeded):
    model = models.build_spectrogram_cnn((24, 16, 1), 3, widths=(4,), masking=0.3)
    x, y = noise(5, 24, 16, 1), np.array([0, 1, 2, 0, 1])
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    assert np.isfinite(model.train_on_batch(x, y))


def test_what_cannot_be_built_is_refused():
    with pytest.raises(ValueError, match="average must be 'time' or 'both', not 'frequency'"):
        models.build_spectrogram_cnn(average="frequency")
    with pytest.raises(ValueError, match="need at least 8×8"):
        models.build_spectrogram_cnn((77, 4, 1))
    with pytest.raises(ValueError, match="4 stages need at least 1024 samples, not 500"):
        models.build_waveform_cnn(500)
    with pytest.raises(ValueError, match=r"must lie in 0\.\.1, not 1\.5 and 0"):
        models.SpectrogramMasking(1.5, 0.0)
