"""Sound as an image, and back: Fourier transform of short pieces, mel scale, Griffin and Lim.

A spectrogram has one column a moment and one row a frequency. The transform is that of Allen and
Rabiner 1977 (doi:10.1109/PROC.1977.10770), its inverse and the reconstruction from magnitudes
alone are those of Griffin and Lim 1984 (doi:10.1109/TASSP.1984.1164317), the mel scale is that
of Stevens, Volkmann and Newman 1937 in the formula that speech recognizers use.
"""

import base64
import io
from html import escape

import numpy as np


def stft(waves: np.ndarray, window: int, hop: int) -> np.ndarray:
    """Short-time Fourier transform: pieces of the sound, faded in and out, and their spectra.

    Args:
        waves: samples ``(..., samples)``.
        window: samples of a piece. A piece of T seconds tells frequencies apart that differ by
            about 2 / T hertz, and no two events within T.
        hop: samples from the beginning of a piece to that of the next.

    Returns:
        complex128 ``(..., frames, window // 2 + 1)``: one row a piece that lies wholly in the
        sound; column k is the frequency ``k * rate / window`` in hertz.

    Raises:
        ValueError: fewer samples than a window, or a hop outside 1 to the window.
    """
    waves = np.asarray(waves)
    if not 1 <= hop <= window <= waves.shape[-1]:
        raise ValueError(
            f"The hop must be at least 1 and at most the window, and the window at most the "
            f"{waves.shape[-1]} samples of the sound, not {hop} and {window}."
        )
    pieces = np.lib.stride_tricks.sliding_window_view(waves, window, axis=-1)[..., ::hop, :]
    return np.fft.rfft(pieces * _hann(window))  # (..., frames, frequencies)


def istft(spectra: np.ndarray, hop: int) -> np.ndarray:
    """The sound whose `stft` is nearest to ``spectra`` (Griffin and Lim 1984, equation 6).

    A spectrogram has more numbers than its sound, so that most are the spectrogram of none; the
    nearest in squared error is the sum of the pieces, faded once more, over the sum of the
    squared windows.

    Args:
        spectra: ``(frames, window // 2 + 1)``, complex.
        hop: as in `stft`.

    Returns:
        float64 ``((frames - 1) * hop + window,)``.
    """
    window = 2 * (spectra.shape[-1] - 1)
    fade = _hann(window)
    wave, weight = np.zeros((2, (len(spectra) - 1) * hop + window))
    for i, piece in enumerate(np.fft.irfft(spectra)):
        wave[i * hop : i * hop + window] += fade * piece
        weight[i * hop : i * hop + window] += fade**2
    # Where all windows are zero, as at the very first sample, nothing is known.
    return wave / np.maximum(weight, 1e-8)


def hertz_to_mel(hertz: np.ndarray | float) -> np.ndarray:
    """Frequency to mel: about even below 700 Hz, then equal ratios are equal steps."""
    return 2595 * np.log10(1 + np.asarray(hertz) / 700)


def mel_to_hertz(mel: np.ndarray | float) -> np.ndarray:
    """Inverse of `hertz_to_mel`."""
    return 700 * (10 ** (np.asarray(mel) / 2595) - 1)


def mel_filters(
    count: int, window: int, rate: int, *, lowest: float = 60.0, highest: float | None = None
) -> np.ndarray:
    """Triangles, evenly spaced in mel, that sum the frequencies of a spectrum.

    Args:
        count: number of filters.
        window: samples of a piece, as in `stft`.
        rate: samples a second.
        lowest: hertz at which the first triangle begins.
        highest: hertz at which the last one ends, by default the half of ``rate``.

    Returns:
        float64 ``(window // 2 + 1, count)``. Triangle m rises from 0 at edge m to 1 at edge
        m + 1 and falls to 0 at edge m + 2; its sides are straight in mel.

    Raises:
        ValueError: edges out of order, or so many filters that one lies between two frequencies.
    """
    highest = rate / 2 if highest is None else highest
    if not 0 <= lowest < highest <= rate / 2:
        raise ValueError(
            f"lowest and highest must be in order between 0 and {rate / 2:g} hertz, half the "
            f"rate, not {lowest:g} and {highest:g}."
        )
    edges = np.linspace(hertz_to_mel(lowest), hertz_to_mel(highest), count + 2)
    left, middle, right = edges[:-2], edges[1:-1], edges[2:]
    mel = hertz_to_mel(np.arange(window // 2 + 1) * rate / window)[:, None]
    filters = np.minimum((mel - left) / (middle - left), (right - mel) / (right - middle))
    filters = np.maximum(filters, 0)
    if (empty := np.flatnonzero(filters.max(0) == 0)).size:
        raise ValueError(
            f"{count} filters are too many for a window of {window} samples: number {empty[0]} "
            "lies between two frequencies. Take fewer filters or a longer window."
        )
    return filters


def log_mel(
    waves: np.ndarray,
    rate: int = 8000,
    *,
    window: int = 256,
    hop: int = 80,
    mels: int = 32,
    decibels: float = 60.0,
) -> np.ndarray:
    """Images of sounds: power by mel and moment, in decibels below the loudest spot.

    Args:
        waves: samples ``(..., samples)``.
        rate: samples a second.
        window, hop: samples, as in `stft`; by default 32 and 10 milliseconds at 8,000 a second.
        mels: number of `mel_filters`.
        decibels: what is that far below the loudest spot of its sound, or further, is black.

    Returns:
        float32 ``(..., frames, mels)`` in [0, 1]: 1 the loudest, 0 black. Twice as loud a sound
        makes the same image.

    Raises:
        ValueError: as `stft` and `mel_filters`.
    """
    power = np.abs(stft(waves, window, hop)) ** 2 @ mel_filters(mels, window, rate)
    loudest = np.maximum(power.max((-2, -1), keepdims=True), 1e-12)  # silence stays black
    below = 10 * np.log10(np.maximum(power / loudest, 1e-12))
    image = np.maximum(1 + below / decibels, 0) * (loudest > 1e-12)
    return image.astype(np.float32)


def griffin_lim(
    magnitudes: np.ndarray, hop: int, *, iterations: int = 60, seed: int = 0
) -> tuple[np.ndarray, list[float]]:
    """A sound with the given spectrogram, whose phases were lost (Griffin and Lim 1984).

    It starts from random phases and repeats: to the nearest sound, to that sound's phases.

    Args:
        magnitudes: ``(frames, window // 2 + 1)``, not negative.
        hop: as in `stft`.
        iterations: rounds, at least 1.
        seed: of the first phases.

    Returns:
        The sound, float64 ``(samples,)``, and after each round its `spectral_convergence`, which
        never rises.
    """
    turns = np.random.default_rng(seed).random(magnitudes.shape)
    window = 2 * (magnitudes.shape[-1] - 1)
    phases, errors = np.exp(2j * np.pi * turns), []
    for _ in range(iterations):
        wave = istft(magnitudes * phases, hop)
        spectra = stft(wave, window, hop)
        errors.append(spectral_convergence(magnitudes, np.abs(spectra)))
        phases = np.exp(1j * np.angle(spectra))
    return wave, errors


def spectral_convergence(wanted: np.ndarray, found: np.ndarray) -> float:
    """Length of the difference of two spectrograms over that of the first: 0 is equal."""
    return float(np.linalg.norm(wanted - found) / np.linalg.norm(wanted))


def player(wave: np.ndarray, rate: int, *, caption: str, alt: str) -> None:
    """Show a sound with controls, inside the page, with a caption; the reader starts it.

    Args:
        wave: ``(samples,)``; beyond [-1, 1] it is cut.
        rate: samples a second.
        caption: a sentence below the controls.
        alt: what is to be heard, for those who do not hear it.

    Raises:
        ValueError: no samples, or more than one channel.
    """
    from IPython.display import display
    from scipy.io import wavfile

    wave = np.asarray(wave)
    if wave.ndim != 1 or not wave.size:
        raise ValueError(f"A player needs samples (samples,) of one channel, not {wave.shape}.")
    file = io.BytesIO()
    wavfile.write(file, rate, np.rint(np.clip(wave, -1, 1) * 32767).astype(np.int16))
    content = base64.b64encode(file.getvalue()).decode()
    page = (
        f'<figure class="course-clip"><audio controls aria-label="{escape(alt)}" '
        f'src="data:audio/wav;base64,{content}">{escape(alt)}</audio>'
        f"<figcaption>{escape(caption)}</figcaption></figure>"
    )
    text = f"<sound: {len(wave) / rate:.2f} s, {rate} samples a second>"
    display({"text/html": page, "text/plain": text}, raw=True)


def _hann(window: int) -> np.ndarray:
    """The raised cosine, of a period of ``window`` samples."""
    return 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(window) / window)
