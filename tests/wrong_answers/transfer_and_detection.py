"""Common wrong answers to the assignment on transfer and detection, and what each must cost."""

WRONG = {
    "a slice of minus zero, rows for columns, no peaks": (
        {
            "trainable-answer": """
def trainable(stages, classes, open_stages):
    head = (stages[-1][2] + 1) * classes
    return head + sum(stage[0] for stage in stages[-open_stages:])
""",
            "iou-answer": """
def iou(a, b):
    a, b = a[..., :, None, :], b[..., None, :, :]
    sides = np.minimum(a[..., 2:], b[..., 2:]) - np.maximum(a[..., :2], b[..., :2])
    shared = np.prod(sides, axis=-1)
    areas = [np.prod(boxes[..., 2:] - boxes[..., :2], axis=-1) for boxes in (a, b)]
    return shared / (areas[0] + areas[1] - shared)
""",
            "suppress-answer": """
def suppress(boxes, scores, most):
    shape = (len(boxes), 1, 4), (1, len(boxes), 4)
    a, b = boxes.reshape(shape[0]), boxes.reshape(shape[1])
    sides = np.minimum(a[..., 2:], b[..., 2:]) - np.maximum(a[..., :2], b[..., :2])
    shared = np.prod(np.clip(sides, 0, None), axis=-1)
    areas = [np.prod(one[..., 2:] - one[..., :2], axis=-1) for one in (a, b)]
    overlap = shared / (areas[0] + areas[1] - shared)
    surer = scores[None] > scores[:, None]
    free = ~np.any((overlap > most) & surer, axis=1)
    return [int(i) for i in np.argsort(-scores) if free[i]]
""",
            "encode-answer": """
def encode(boxes, labels, height, width, classes, stride):
    maps = np.zeros((height // stride, width // stride, classes + 4))
    maps[..., classes:] = -1
    for box, label in zip(np.asarray(boxes, float), labels, strict=True):
        middle = (box[:2] + box[2:]) / 2 / stride
        column, row = np.floor(middle).astype(int)
        maps[row, column, label] = 1
        maps[row, column, classes : classes + 2] = box[2:] - box[:2]
        maps[row, column, classes + 2 :] = middle - [column, row]
    return maps
""",
            "decode-answer": """
def decode(maps, classes, stride, least):
    found = []
    for row, column, label in np.argwhere(maps[..., :classes] >= least):
        wide, high, right, down = maps[row, column, classes:]
        x, y = column + right, row + down
        box = stride * np.array([x - wide / 2, y - high / 2, x + wide / 2, y + high / 2])
        found.append([*box, maps[row, column, label], label])
    return np.array(sorted(found, key=lambda one: -one[4])).reshape(-1, 6)
""",
        },
        # Only the probe has no open stage; the single peak in the corner needs no neighbours.
        {
            "trainable": 1.5,
            "iou": 0.0,
            "suppress": 0.0,
            "encode": 2.0,
            "decode": 0.75,
        },
    ),
    "no envelope, absent classes count, lengths compared": (
        {
            "ap-answer": """
def precision_recall(right, objects):
    hits = np.cumsum(np.asarray(right, dtype=int))
    return np.stack([hits / np.arange(1, len(hits) + 1), hits / objects])


def average_precision(right, objects):
    precision, recall = precision_recall(right, objects)
    return float(np.sum(precision * np.diff(recall, prepend=0)))
""",
            "masks-answer": """
def class_iou(truth, guess, classes):
    both = np.array([np.sum((truth == c) & (guess == c)) for c in range(classes)])
    either = np.array([np.sum((truth == c) | (guess == c)) for c in range(classes)])
    return both / np.maximum(either, 1)


def mean_iou(truth, guess, classes):
    return float(np.mean(class_iou(truth, guess, classes)))


def dice_loss(truth, shares):
    true = np.eye(shares.shape[-1])[truth]
    shared, total = np.sum(true * shares), np.sum(true + shares)
    return float(1 - 2 * shared / total)
""",
            "few-answer": """
def few_shot(examples, labels, questions):
    far = np.linalg.norm(questions[:, None] - examples, axis=-1)
    return labels[far.argmin(axis=1)]
""",
        },
        {"ap": 1.5, "masks": 1.0, "few": 0.0},
    ),
    "answers that are known or constant": (
        {
            "few-answer": """
def few_shot(examples, labels, questions):
    *_, known, truth = task(seed=0)
    return truth if np.array_equal(known, questions) else np.zeros(200, int)
""",
            "masks-answer": """
def class_iou(truth, guess, classes):
    return np.array([0.8, 0.5])


def mean_iou(truth, guess, classes):
    return float(np.mean(truth == guess))


def dice_loss(truth, shares):
    return 0.0
""",
        },
        {"few": 0.0, "masks": 0.0},
    ),
}
