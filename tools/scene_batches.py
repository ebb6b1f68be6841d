"""Scenes as a network should see them in training: mirrored, and in other colours every time."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np

import course_utils as cu


class SceneBatches(keras.utils.PyDataset):
    """Scenes in a new order every epoch, mirrored and with exchanged colour channels.

    Fifteen photographs are few: no network shall know them by their colours.

    Args:
        scenes: still scenes.
        batch_size: scenes a batch; what does not fill the last batch is left out.
        seed: of order, mirrors and colours.
        targets: from boxes ``(batch, objects, 4)``, mirrored where the image is, and labels
            ``(batch, objects)``: what the network should answer.
    """

    def __init__(
        self,
        scenes: cu.datasets.Scenes,
        batch_size: int,
        seed: int,
        targets: Callable[[np.ndarray, np.ndarray], Any],
    ):
        super().__init__()
        self.scenes, self.batch_size, self.targets = scenes, batch_size, targets
        self.rng = np.random.default_rng(seed)
        self.on_epoch_end()

    def __len__(self) -> int:
        return len(self.scenes.labels) // self.batch_size

    def on_epoch_end(self) -> None:
        self.order = self.rng.permutation(len(self.scenes.labels))

    def __getitem__(self, index: int) -> tuple[np.ndarray, Any]:
        picked = self.order[self.batch_size * index : self.batch_size * (index + 1)]
        images, boxes = self.scenes.images[picked], self.scenes.boxes[picked]
        mirrored = self.rng.random(len(picked)) < 0.5
        images[mirrored] = images[mirrored, :, ::-1]
        width = images.shape[2]
        boxes[mirrored, :, ::2] = width - boxes[mirrored, :, 2::-2]  # right becomes left
        images = np.stack([one[..., self.rng.permutation(3)] for one in images])
        return images, self.targets(boxes, self.scenes.labels[picked])
