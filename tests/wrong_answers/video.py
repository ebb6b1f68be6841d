"""Common wrong answers to the assignment on video, and what each must cost."""

WRONG = {
    "one too few, whole numbers that wrap, first come first served": (
        {
            "shape-answer": """
pictures, raw, ready, seconds = 128, 4816896, 19267584, 16 * 2 / 25
""",
            "windows-answer": """
def windows(frames, window, step, stride):
    starts = np.arange(0, max(0, frames - (window - 1) * step - 1), stride)
    return starts[:, None] + step * np.arange(window)
""",
            "change-answer": """
def change(clip):
    return np.abs(np.diff(clip, axis=0)).mean(axis=(1, 2, 3))
""",
            "link-answer": """
def link(before, after, least):
    overlap, pairs = iou(before, after), []
    for flat in np.argsort(-overlap, axis=None):
        i, j = np.unravel_index(flat, overlap.shape)
        free = all(i != row and j != column for row, column in pairs)
        if overlap[i, j] >= least and free:
            pairs.append([int(i), int(j)])
    return sorted(pairs)
""",
            "mota-answer": """
def mota(ids, false_alarms):
    pairs = (ids[1:] >= 0) & (ids[:-1] >= 0)
    switches = np.sum(pairs & (ids[1:] != ids[:-1]))
    errors = np.sum(ids == -1) + np.sum(false_alarms) + switches
    return float(1 - errors / np.sum(ids != -2))
""",
        },
        # Where the last frame belongs to a window, that window is lost; the first crossed pairs go.
        {
            "shape": 1.5,
            "windows": 3 * 3 / 5,
            "change": 0.0,
            "link": 3 * 2 / 5,
            "mota": 3 * 4 / 6,
        },
    ),
    "signs, no halves, one frame": (
        {
            "cuts-answer": """
def histogram_change(clip, bins):
    counts = [np.histogram(frame, bins=bins, range=(0, 256))[0] / frame.size for frame in clip]
    return np.abs(np.diff(counts, axis=0)).sum(axis=1)


def cuts(clip, bins, threshold):
    return [int(i) for i in np.flatnonzero(histogram_change(clip, bins) > threshold)]
""",
            "flow-answer": """
def flow(before, after):
    right, down = np.gradient(before)
    slopes = np.stack([right.ravel(), down.ravel()], axis=1)
    return np.linalg.lstsq(slopes, (before - after).ravel(), rcond=None)[0]
""",
            "classify-answer": """
def classify(clips):
    first = clips[:, 0]
    across = np.abs(np.diff(first, axis=2)).mean(axis=(1, 2))
    down = np.abs(np.diff(first, axis=1)).mean(axis=(1, 2))
    return np.where(across > down, 0, 2)
""",
        },
        {"cuts": 0.0, "flow": 0.0, "classify": 0.0},
    ),
    "a flickering lamp is taken for motion": (
        {
            "classify-answer": """
def classify(clips):
    known, truth = moving(200, seed=0)
    labels = {clip.tobytes(): label for clip, label in zip(known, truth)}
    return np.array([labels.get(clip.tobytes(), 0) for clip in clips])
""",
            "flow-answer": """
def flow(before, after):
    down, right = np.gradient(before)
    slopes = np.stack([right.ravel(), down.ravel()], axis=1)
    return np.linalg.lstsq(slopes, (before - after).ravel(), rcond=None)[0]
""",
        },
        {"classify": 0.0, "flow": 3 * 5 / 6},
    ),
}
