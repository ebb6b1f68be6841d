"""Networks that hear spoken digits, three seeds each. Writes data/results/sound.json.

    python benchmarks/sound.py

Runs that are in the file already are kept, so that it can be made in parts. Learning rate, batch
size and masks were set by hand; the splits that are not for validation choose nothing.
"""

import dataclasses
import time
from pathlib import Path

import keras
import numpy as np
from stored_rows import StoredRows

import course_utils as cu

SEEDS = (0, 1, 2)
SPLITS = ("train", "validation", "test", "flite", "person")
SPECTROGRAM, WAVEFORM = cu.models.build_spectrogram_cnn, cu.models.build_waveform_cnn
# Name: builder, arguments, epochs.
NETWORKS = {
    "spectrogram": (SPECTROGRAM, {}, 12),
    "spectrogram, averaged over both": (SPECTROGRAM, {"average": "both"}, 12),
    "spectrogram, masked": (SPECTROGRAM, {"masking": 0.2}, 12),
    "waveform": (WAVEFORM, {}, 12),
    "spectrogram, long": (SPECTROGRAM, {}, 48),
    "spectrogram, masked, long": (SPECTROGRAM, {"masking": 0.2}, 48),
}
STORED = StoredRows(
    Path(__file__).resolve().parents[1] / "data" / "results" / "sound.json",
    {
        "command": "python benchmarks/sound.py",
        "epochs": {name: epochs for name, (_, _, epochs) in NETWORKS.items()},
        "columns": {"runs": ["network", "seed", *SPLITS, "seconds"]},
    },
)


def main() -> None:
    cu.setup(seed=0, precision="float32")
    spoken = cu.datasets.spoken_digits()
    waves = {name: getattr(spoken, name) for name in SPLITS}
    images = {name: (cu.sound.log_mel(x)[..., np.newaxis], y) for name, (x, y) in waves.items()}
    samples = {name: (x[..., np.newaxis], y) for name, (x, y) in waves.items()}
    for name, (build, arguments, epochs) in NETWORKS.items():
        data = dataclasses.replace(spoken, **(samples if build is WAVEFORM else images))
        for seed in SEEDS:
            if STORED.has("runs", name, seed):
                continue
            keras.utils.set_random_seed(seed)
            model, begin = build(**arguments), time.perf_counter()
            cu.fit(model, data, epochs=epochs, batch_size=32, learning_rate=3e-3)
            seconds = round(time.perf_counter() - begin, 1)
            reached = [
                round(cu.evaluation.accuracy(model, *getattr(data, split)), 4) for split in SPLITS
            ]
            STORED.add("runs", [name, seed, *reached, seconds])


if __name__ == "__main__":
    main()
