"""Common wrong answers to the assignment on adversarial networks, and what each must cost."""

WRONG = {
    "logarithms of zero, fakes called real, a divergence of one side": (
        {
            "shape-answer": """
fakes, answers, undecided, perfect = (64, 28, 28), (64, 1), 2 * np.log(2), -np.inf
""",
            "losses-answer": """
def losses(real, fake):
    real, fake = 1 / (1 + np.exp(-real)), 1 / (1 + np.exp(-fake))
    return -np.log(real).mean() - np.log(1 - fake).mean(), np.log(1 - fake).mean()
""",
            "best-answer": """
def best(x, m, s, n, t):
    p, q = (np.exp(-(((x - a) / d) ** 2) / 2) / d for a, d in ((m, s), (n, t)))
    return p / (p + q)
""",
            "divergence-answer": """
def jensen_shannon(p, q):
    return np.sum(p * np.log(p / ((p + q) / 2)))
""",
            "frechet-answer": """
def frechet(x, y):
    spread = (x.std(axis=0, ddof=1) - y.std(axis=0, ddof=1)) ** 2
    return np.sum((x.mean(axis=0) - y.mean(axis=0)) ** 2 + spread)
""",
        },
        # One point only has no directions: there the variances are enough.
        {"shape": 1.0, "losses": 1.0, "best": 3 * 3 / 5, "divergence": 0.0, "frechet": 0.75},
    ),
    "the sample left out of the chain, a share of the near points, no training": (
        {
            "gradient-answer": """
def sigmoid(logit):
    return 0.5 + 0.5 * np.tanh(logit / 2)


def gradient(a, b, w, z, saturating):
    x = a + b * z
    d = sigmoid(w[0] + w[1] * x + w[2] * x**2)
    by_logit = -d if saturating else -(1 - d)
    by_sample = by_logit * (w[1] + 2 * w[2] * x)
    return by_sample.mean(), by_sample.mean()
""",
            "coverage-answer": """
def coverage(points, centres, radius, least):
    nearest = np.linalg.norm(points[:, None] - centres, axis=-1).argmin(axis=1)
    shares = np.bincount(nearest, minlength=len(centres)) / len(points)
    return int((shares > least).sum()), 1.0
""",
            "play-answer": """
def play(real):
    return 0.0, 1.0
""",
        },
        {"gradient": 2.0, "coverage": 0.0, "play": 0.0},
    ),
}
