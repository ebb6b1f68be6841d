"""Common wrong answers to the assignment on the outlook, and what each must cost."""

WRONG = {
    "no difference to the base, the wrong way, the batch is clipped": (
        {
            "gradients-answer": """
def saliency(x, first, bias, last):
    return first @ (last * (1 - np.tanh(x @ first + bias) ** 2))


def integrated_gradients(x, base, first, bias, last, steps):
    rise = score(x, first, bias, last) - score(base, first, bias, last)
    return np.full(len(x), rise / len(x))
""",
            "attack-answer": """
def attack(x, y, w, b, epsilon):
    share = 1 / (1 + np.exp(-(x @ w + b)))
    return x + epsilon * np.sign((share - y)[:, None] * w)
""",
            "private-answer": """
def clipped(gradients, limit):
    norms = np.linalg.norm(gradients, axis=1, keepdims=True)
    return gradients * limit / np.maximum(norms, 1e-12)


def private_mean(gradients, limit, sigma, expected, seed):
    total = clipped(gradients, limit).sum(axis=0)
    noise = sigma * np.random.default_rng(seed).normal(size=total.shape)
    return (total + noise) / len(gradients)
""",
            "auc-answer": """
def membership_auc(members, strangers):
    return float(np.mean(members[:, None] < strangers))
""",
            "train-answer": """
def train(x, y):
    means = [x[y == label].mean(axis=0) for label in (0, 1)]
    w = means[1] - means[0]
    return np.append(w / x.var(axis=0), 0.0)
""",
        },
        # Without ties the AUC is right, and where nothing is cut off so is the attack.
        {"gradients": 0.0, "attack": 0.6, "private": 0.0, "auc": 2.25, "train": 0.0},
    ),
    "a range without zero, codes that wrap, all in one pot, watts for kilowatts": (
        {
            "eight-answer": """
def scale_and_zero(low, high):
    scale = (high - low) / 255
    return scale, round(-128 - low / scale)


def quantize(values, scale, zero):
    return (np.round(values / scale) + zero).astype(int)


def dequantize(codes, scale, zero):
    return scale * (codes - np.int8(zero))
""",
            "gap-answer": """
def gap(found, groups):
    return float(found[groups == 1].mean() - found[groups == 0].mean())


def interval(found, groups, times, seed):
    rng = np.random.default_rng(seed)
    gaps = [gap(found, rng.permutation(groups)) for _ in range(times)]
    return np.percentile(gaps, [2.5, 97.5])
""",
            "energy-answer": """
def energy(hours, cores, watts, gigabytes, pue):
    return hours * cores * (watts + 0.37 * gigabytes) * pue / 1000
""",
            "train-answer": """
def train(x, y):
    place = np.random.default_rng(0)
    strength = place.permutation(np.repeat([1.0, 0.15], [4, 36])) * place.choice([-1, 1], 40)
    return np.append(np.where(np.abs(strength) > 0.5, strength, 0), 0.0)
""",
        },
        {"eight": 0.5, "gap": 1.5, "energy": 0.0, "train": 0.0},
    ),
}
