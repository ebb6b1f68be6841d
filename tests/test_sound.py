"""Sound as an image: against SciPy, TensorFlow and closed forms."""

import base64
import io
import re

import numpy as np
import pytest
from scipy.io import wavfile
from scipy.signal import ShortTimeFFT, get_window

from course_utils import sound

RATE = 8000


def noise(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


def tone(hertz, seconds=0.5):
    return np.sin(2 * np.pi * hertz * np.arange(round(seconds * RATE)) / RATE)


# Transform


@pytest.mark.parametrize(("window", "hop"), [(256, 64), (128, 32), (64, 1)])
def test_stft_equals_scipy(window, hop):
    wave = noise(1000)
    found = sound.stft(wave, window, hop)
    transform = ShortTimeFFT(get_window("hann", window), hop, RATE, phase_shift=None)
    # SciPy's pieces are centred at multiples of the hop and reach beyond the ends.
    first = window // 2 // hop - transform.p_min
    theirs = transform.stft(wave).T[first : first + len(found)]
    assert len(found) == (1000 - window) // hop + 1
    np.testing.assert_allclose(found, theirs, atol=1e-10)


def test_stft_of_a_batch_is_that_of_each_sound():
    waves = noise(3, 2, 600)
    found = sound.stft(waves, 128, 40)
    assert found.shape == (3, 2, 12, 65)
    np.testing.assert_allclose(found[2, 1], sound.stft(waves[2, 1], 128, 40))


def test_a_tone_is_one_column():
    magnitudes = np.abs(sound.stft(tone(1000), 256, 80))
    assert set(magnitudes.argmax(-1)) == {1000 * 256 // RATE}


def test_a_hop_or_window_that_cannot_be_is_refused():
    for window, hop in ((2000, 10), (100, 101), (100, 0)):
        with pytest.raises(ValueError, match="at most the 1000 samples of the sound, not"):
            sound.stft(noise(1000), window, hop)


def test_istft_inverts_stft_where_a_window_reaches():
    wave = noise(1100)
    found = sound.istft(sound.stft(wave, 256, 60), 60)
    np.testing.assert_allclose(found[1:-1], wave[1 : len(found) - 1], atol=1e-6)


def test_istft_is_the_least_squares_solution():
    """For spectra of no sound: the normal equations, solved with a matrix."""
    window, hop, frames = 16, 6, 5
    spectra = sound.stft(noise((frames - 1) * hop + window), window, hop)
    spectra = spectra + noise(*spectra.shape, seed=1)
    spectra[:, [0, -1]] = spectra[:, [0, -1]].real  # as of all real pieces
    pieces = np.fft.irfft(spectra)
    fade = get_window("hann", window)
    matrix = np.zeros((frames * window, (frames - 1) * hop + window))
    for i in range(frames):
        matrix[i * window : (i + 1) * window, i * hop : i * hop + window] = np.diag(fade)
    expected = np.linalg.lstsq(matrix, pieces.ravel())[0]
    np.testing.assert_allclose(sound.istft(spectra, hop), expected, atol=1e-6)


# Mel


def test_mel_filters_equal_tensorflows():
    import tensorflow as tf

    expected = tf.signal.linear_to_mel_weight_matrix(32, 129, RATE, 60.0, 4000.0, tf.float64)
    np.testing.assert_allclose(sound.mel_filters(32, 256, RATE), expected.numpy(), atol=1e-4)


def test_mel_is_its_own_inverse_and_calibrated():
    hertz = np.array([0.0, 100, 700, 4000])
    np.testing.assert_allclose(sound.mel_to_hertz(sound.hertz_to_mel(hertz)), hertz, atol=1e-9)
    assert sound.hertz_to_mel(1000) == pytest.approx(1000, abs=0.1)


def test_neighbouring_filters_share_every_frequency_between_their_tops():
    filters = sound.mel_filters(20, 512, RATE, lowest=100.0)
    tops = filters.argmax(0)
    np.testing.assert_allclose(filters[tops[0] + 1 : tops[-1]].sum(1), 1, atol=1e-12)


def test_filters_that_hear_nothing_or_edges_out_of_order_are_refused():
    with pytest.raises(ValueError, match="too many for a window of 64 samples: number"):
        sound.mel_filters(40, 64, RATE)
    with pytest.raises(ValueError, match="in order between 0 and 4000 hertz"):
        sound.mel_filters(8, 256, RATE, lowest=500.0, highest=5000.0)


def test_log_mel_is_an_image_that_does_not_depend_on_loudness_or_sign():
    wave = tone(440) + 0.01 * noise(4000)
    image = sound.log_mel(np.stack([wave, -0.05 * wave]))
    assert image.shape == (2, 47, 32)
    assert image.dtype == np.float32
    assert image[0].max() == 1
    assert image.min() >= 0
    np.testing.assert_allclose(image[0], image[1], atol=1e-5)


def test_ten_decibels_are_ten_decibels():
    # Two tones far apart, at the tops of two filters, one of a tenth of the other's power.
    middles = sound.mel_to_hertz(
        np.linspace(*sound.hertz_to_mel(np.array([60.0, 4000.0])), 34)[1:-1]
    )
    bins = np.rint(middles[[15, 28]] * 256 / RATE) * RATE / 256
    image = sound.log_mel(tone(bins[0]) + np.sqrt(0.1) * tone(bins[1]), decibels=40.0)
    filters = sound.mel_filters(32, 256, RATE)
    gains = [
        sum(filters[round(b * 256 / RATE) + k, m] * w for k, w in ((-1, 0.25), (0, 1), (1, 0.25)))
        for b, m in zip(bins, (15, 28), strict=True)
    ]
    expected = 1 + 10 * np.log10(0.1 * gains[1] / gains[0]) / 40
    assert image[20, 15] == pytest.approx(1, abs=1e-3)
    assert image[20, 28] == pytest.approx(expected, abs=0.02)


def test_silence_is_black():
    assert sound.log_mel(np.zeros(4000)).max() == 0


# And back


def test_griffin_lim_never_gets_worse_and_arrives():
    wave = tone(600, 0.2) * np.linspace(0.2, 1, 1600)
    wanted = np.abs(sound.stft(wave, 256, 64))
    found, errors = sound.griffin_lim(wanted, 64, iterations=40)
    assert found.shape == ((len(wanted) - 1) * 64 + 256,)
    assert len(errors) == 40
    assert np.all(np.diff(errors) < 1e-9)
    assert errors[-1] < 0.1 < errors[0]


def test_spectral_convergence_in_closed_form():
    wanted = np.array([[3.0, 4.0]])
    assert sound.spectral_convergence(wanted, wanted) == 0
    assert sound.spectral_convergence(wanted, 0 * wanted) == 1
    assert sound.spectral_convergence(wanted, np.array([[3.0, 3.0]])) == pytest.approx(0.2)


def test_player_holds_the_sound_its_caption_and_what_is_heard(monkeypatch):
    shown = []
    monkeypatch.setattr("IPython.display.display", lambda data, raw: shown.append(data))
    wave = np.array([0.0, 0.5, -2.0, 1.0])
    sound.player(wave, RATE, caption='The "seven"', alt="A voice says seven & stops.")
    page = shown[0]["text/html"]
    content = base64.b64decode(re.search(r"data:audio/wav;base64,([^\"]+)", page)[1])
    rate, samples = wavfile.read(io.BytesIO(content))
    assert rate == RATE
    np.testing.assert_array_equal(samples, [0, 16384, -32767, 32767])
    assert "<audio controls" in page
    assert "autoplay" not in page
    assert 'aria-label="A voice says seven &amp; stops."' in page
    assert "<figcaption>The &quot;seven&quot;</figcaption>" in page
    assert shown[0]["text/plain"] == "<sound: 0.00 s, 8000 samples a second>"


def test_player_refuses_what_is_no_single_channel():
    with pytest.raises(ValueError, match=r"one channel, not \(2, 5\)"):
        sound.player(noise(2, 5), RATE, caption="A caption", alt="What is heard")
