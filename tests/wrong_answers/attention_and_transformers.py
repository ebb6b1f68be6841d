"""Common wrong answers to the assignment on attention, and what each must cost."""

WRONG = {
    "no shift, no root, no causal mask, a bare reshape": (
        {
            "shape-answer": """
key_width, scores, score_bytes, weights = 16, (8, 40, 40), 51200, 16640
""",
            "softmax-answer": """
def softmax(scores):
    powers = np.exp(scores)
    return powers / powers.sum(axis=-1, keepdims=True)
""",
            "attention-answer": """
def attention(q, k, v, seen):
    powers = np.exp(q @ k.T) * seen
    return powers / np.maximum(powers.sum(axis=1, keepdims=True), 1e-9) @ v
""",
            "mask-answer": """
def seen(lengths, time):
    real = np.arange(time) < np.asarray(lengths)[:, None]
    return np.repeat(real[:, None, :], time, axis=1)
""",
            "heads-answer": """
def split(x, heads):
    batch, time, width = x.shape
    return x.reshape(batch, heads, time, width // heads)


def join(parts):
    batch, heads, time, part = parts.shape
    return parts.reshape(batch, time, heads * part)
""",
            "patches-answer": """
def patches(images, side):
    return images.reshape(len(images), -1, side * side * images.shape[3])
""",
        },
        {"shape": 1.0, "softmax": 1.5, "attention": 0.0, "mask": 0.0, "heads": 0.0, "patches": 0.0},
    ),
    "the wrong axis, a mask on the weights, sines in one block, the word after": (
        {
            "softmax-answer": """
def softmax(scores):
    powers = np.exp(scores - scores.max())
    return powers / powers.sum(axis=0)
""",
            "attention-answer": """
def attention(q, k, v, seen):
    powers = np.exp(q @ k.T / np.sqrt(q.shape[1]))
    return powers / powers.sum(axis=1, keepdims=True) * seen @ v
""",
            "positions-answer": """
def positions(length, width):
    angle = np.arange(length)[:, None] / 10_000 ** (np.arange(0, width, 2) / width)
    return np.concatenate([np.sin(angle), np.cos(angle)], axis=1)


def shift(width, k):
    M = np.zeros((width, width))
    for i in range(0, width, 2):
        turn = k / 10_000 ** (i / width)
        M[i, i] = M[i + 1, i + 1] = np.cos(turn)
        M[i + 1, i], M[i, i + 1] = np.sin(turn), -np.sin(turn)
    return M
""",
            "lookup-answer": """
def lookup():
    symbol, place, found = np.eye(52)[:, :10], np.eye(52)[:, 10:42], np.eye(52)[:, 42:]
    following = 60 * place @ shift(32, 1), place, symbol @ found.T
    return following, (60 * symbol, found, symbol)
""",
        },
        # Weights need not sum to one again where something is hidden: two of four are right.
        {"softmax": 0.0, "attention": 2.0, "positions": 1.5, "lookup": 0.0},
    ),
    "a softmax that is not sure": (
        {
            "lookup-answer": """
def lookup():
    symbol, place, found = np.eye(52)[:, :10], np.eye(52)[:, 10:42], np.eye(52)[:, 42:]
    previous = 15 * place @ shift(32, -1), place, symbol @ found.T
    return previous, (60 * symbol, found, symbol)
""",
        },
        {"lookup": 3.0},
    ),
}
