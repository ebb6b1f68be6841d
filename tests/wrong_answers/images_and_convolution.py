"""Common wrong answers to the assignment on images and convolution, and what each must cost."""

WRONG = {
    "true convolution, no rounding down, averages": (
        {
            "convolve-answer": """
def convolve(image, kernel):
    windows = np.lib.stride_tricks.sliding_window_view(image, kernel.shape)
    return np.einsum("ijkl,kl->ij", windows, kernel[::-1, ::-1])
""",
            "size-answer": """
def output_size(size, kernel, stride=1, padding=0):
    return (size + 2 * padding - kernel) / stride + 1
""",
            "pool-answer": """
def max_pool(image, size):
    rows, columns = image.shape[0] // size, image.shape[1] // size
    squares = image[: rows * size, : columns * size].reshape(rows, size, columns, size)
    return squares.mean(axis=(1, 3))
""",
            "cost-answer": """
def cost(height, width, inputs, outputs, kernel):
    weights = kernel * kernel * inputs * outputs
    return weights, height * width * weights
""",
        },
        # 1 by 1 squares have the same mean and maximum; sizes that divide evenly are right.
        {"convolve": 0.0, "size": 2 * 2 / 7, "pool": 3 / 4, "cost": 1.0},
    ),
    "known pictures only": (
        {
            "grey-answer": """
def to_grey(image):
    return np.ones(image.shape[:2])
""",
            "edge-answer": """
def edge_kernel():
    return np.zeros((3, 3))
""",
            "classify-answer": """
def classify(images):
    examples, truth = stripes(200, seed=0)
    known = {image.tobytes(): label for image, label in zip(examples, truth)}
    return np.array([known.get(image.tobytes(), 0) for image in images])
""",
            "shape-answer": """
images, height, numbers, size = 16, 48, 48 * 64, 16 * 48 * 64
""",
        },
        {"grey": 0.0, "edge": 0.0, "classify": 0.0, "shape": 1.0},
    ),
}
