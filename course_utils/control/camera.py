"""A camera in front of the cart-pole: small grey pictures of given states."""

import os
from collections.abc import Callable
from typing import Any

import numpy as np

# Gymnasium draws 600 pixels wide, 125 a metre, and the track 100 above the lower edge. A screen
# of this height ends above the pole, so nothing is lost and drawing is quicker.
_SCREEN_HEIGHT, _SEEN = 240, 160
_BLOCK = 5  # screen pixels a pixel of the picture, each way

Change = Callable[[np.ndarray], np.ndarray]


def gymnasium() -> Any:
    """The package gymnasium.

    Raises:
        ModuleNotFoundError: it is not installed; the message says how to install it.
    """
    # Drawing into memory needs no display, but SDL asks for one unless it is told so.
    os.environ.setdefault("SDL_VIDEODRIVER", "dummy")
    os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")
    try:
        import gymnasium
        import pygame  # noqa: F401 - the drawing half of gymnasium[classic-control]
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"Control needs {error.name}, which is not installed: "
            'pip install "gymnasium[classic-control]".',
            name=error.name,
        ) from None
    return gymnasium


class Camera:
    """Photographs states of the cart-pole in 32 × 120 grey pixels.

    Args:
        change: what is wrong with this camera: gets colour pictures ``(n, 160, 600, 3)`` uint8
            and returns others of that shape.

    Raises:
        ModuleNotFoundError: gymnasium or pygame is not installed.
    """

    size = (_SEEN // _BLOCK, 600 // _BLOCK)

    def __init__(self, change: Change | None = None) -> None:
        self.change = change
        environment = gymnasium().make("CartPole-v1", render_mode="rgb_array")
        environment.reset(seed=0)
        self._scene = environment.unwrapped
        self._scene.screen_height = _SCREEN_HEIGHT

    def colour(self, states: np.ndarray) -> np.ndarray:
        """States ``(n, 4)`` to colour pictures ``(n, 160, 600, 3)`` uint8.

        Raises:
            ValueError: other than four numbers a state.
        """
        states = np.asarray(states, float)
        if states.ndim != 2 or states.shape[1] != 4:
            raise ValueError(f"A camera photographs states (n, 4), not {states.shape}.")
        pictures = np.empty((len(states), _SEEN, 600, 3), np.uint8)
        for picture, state in zip(pictures, states, strict=True):
            self._scene.state = state
            picture[:] = self._scene.render()[:_SEEN]
        return self.change(pictures) if self.change else pictures

    def photograph(self, states: np.ndarray) -> np.ndarray:
        """States ``(n, 4)`` to grey pictures ``(n, 32, 120)`` uint8.

        Each pixel is the mean of 5 × 5 pixels of the drawing (`cv2.INTER_AREA`), so an edge that
        moves by less than a pixel still changes a grey value.
        """
        import cv2

        grey = np.empty((len(states), *self.size), np.uint8)
        for i, picture in enumerate(self.colour(states)):
            luminance = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
            grey[i] = cv2.resize(luminance, self.size[::-1], interpolation=cv2.INTER_AREA)
        return grey


def _shifted(pictures: np.ndarray) -> np.ndarray:
    """Turned to the left by 4 pixels of the small picture: 0.16 m."""
    return np.pad(pictures, ((0, 0), (0, 0), (20, 0), (0, 0)), mode="edge")[:, :, :-20]


def _dimmed(pictures: np.ndarray) -> np.ndarray:
    return (pictures * 0.6).astype(np.uint8)


def _sky(pictures: np.ndarray) -> np.ndarray:
    """A white wall becomes light blue."""
    white = (pictures == 255).all(axis=-1, keepdims=True)
    return np.where(white, np.array([150, 200, 250], np.uint8), pictures)


def _occluded(pictures: np.ndarray) -> np.ndarray:
    """A grey board hides the upper half of the pole."""
    pictures = pictures.copy()
    pictures[:, :70] = 128
    return pictures


CHANGES: dict[str, Change] = {
    "shifted": _shifted,
    "dimmed": _dimmed,
    "blue wall": _sky,
    "half hidden": _occluded,
}
