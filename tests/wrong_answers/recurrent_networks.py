"""Common wrong answers to the assignment on recurrent networks, and what each must cost."""

WRONG = {
    "a start at zero, no slope, Keras's order of gates": (
        {
            "shape-answer": """
steps, all_states, plain, gated = 50, (50, 32, 24), 960, 3936
""",
            "states-answer": """
def states(x, U, W, b, h0):
    h, found = np.zeros_like(h0), []
    for t in range(x.shape[1]):
        h = np.tanh(x[:, t] @ U + h @ W + b)
        found.append(h)
    return np.stack(found, axis=1)
""",
            "influence-answer": """
def influence(states, W):
    return np.linalg.matrix_power(W.T, len(states) - 1)
""",
            "clip-answer": """
def clip(gradients, longest):
    return [g * min(1, longest / max(np.linalg.norm(g), 1e-9)) for g in gradients]
""",
            "lstm-answer": """
def lstm_step(x, h, c, U, W, b):
    i, f, g, o = np.split(x @ U + h @ W + b, 4, axis=1)
    i, f, o = (1 / (1 + np.exp(-a)) for a in (i, f, o))
    c = f * c + i * np.tanh(g)
    return o * np.tanh(c), c
""",
        },
        # Each array by itself is as long as it may be: together they are too long.
        {"shape": 1.0, "states": 1.5, "influence": 0.0, "clip": 0.0, "lstm": 0.0},
    ),
    "order of the product, states set to zero, closed gates, a bag of symbols": (
        {
            "influence-answer": """
def influence(states, W):
    product = np.eye(len(W))
    for h in states[1:]:
        product = product @ ((1 - h**2)[:, None] * W.T)
    return product
""",
            "mask-answer": """
def last_state(x, mask, U, W, b):
    h = np.zeros((len(x), len(W)))
    for t in range(x.shape[1]):
        h = mask[:, t, None] * np.tanh(x[:, t] @ U + h @ W + b)
    return h
""",
            "lstm-answer": """
def sigmoid(a):
    return 1 / (1 + np.exp(-a))


def lstm_step(x, h, c, U, W, b):
    f, i, o, g = np.split(x @ U + h @ W + b, 4, axis=1)
    c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    return sigmoid(o) * c, c
""",
            "memory-answer": """
def memory():
    U = np.array([[0.0, 0.0, 0.0, 5.0], [-4.0, 8.0, 0.0, 0.0]])
    return U, np.zeros((1, 4)), np.array([1.0, -4.0, 10.0, 0.0])
""",
            "train-answer": """
def train(x, labels):
    counts = np.hstack([x.sum(axis=1), np.ones((len(x), 1))])
    fitted = np.linalg.lstsq(counts, 2.0 * labels - 1, rcond=None)[0]
    return 0.01 * np.eye(6), np.eye(6), np.zeros(6), 100 * fitted[:-1], fitted[-1]
""",
        },
        # One step has a product of one; filling at the front meets a state that is zero anyway.
        {"influence": 1.0, "mask": 3 / 4, "lstm": 1.5, "memory": 0.0, "train": 0.0},
    ),
}
