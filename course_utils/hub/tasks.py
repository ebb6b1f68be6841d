"""What a loaded preset does: classes, sentences, masks, pictures.

Every function takes a `Loaded` preset, or a name or folder that it then loads. Images are the
course's: ``(N, height, width, 3)``, uint8 or floats in [0, 1]; each preset's own converter
resizes and scales them to what its network was trained on.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy.special import softmax

from course_utils.batches import in_batches
from course_utils.hub.presets import Loaded, load

# ImageNet's mean colour: zero, once SAM has normalized it. Kirillov et al. pad with zeros then.
_MEAN_COLOUR = np.array([123.675, 116.28, 103.53], np.float32)


class Segments(NamedTuple):
    """Masks for one prompt.

    Attributes:
        masks: bool ``(masks, height, width)``. The first is the answer where the prompt leaves
            no doubt; the others are the alternatives where it does (part, object, group).
        scores: float32 ``(masks,)``, the overlap (IoU) with the truth that the network expects.
    """

    masks: np.ndarray
    scores: np.ndarray


def classify(model: Loaded | str | Path, images: np.ndarray, *, batch_size: int = 32) -> np.ndarray:
    """Probabilities ``(N, classes)`` in float32, of each image.

    Args:
        model: a preset for ``"classification"``.
        images: ``(N, height, width, 3)``, uint8 or floats in [0, 1].
        batch_size: images at a time.

    Raises:
        ValueError: images of another form; and whatever `load` raises.
    """
    import keras

    model, pixels = _loaded("classification", model), _pixels(images)
    outputs = in_batches(
        lambda x: _float32(model.network(_converted(model, x), training=False)),
        pixels,
        size=batch_size,
    )
    # Some presets end with probabilities, most with logits: the configuration says which.
    if keras.activations.get(model.network.activation) is keras.activations.softmax:
        return outputs
    return softmax(outputs, axis=-1)


def embed_images(
    model: Loaded | str | Path, images: np.ndarray, *, batch_size: int = 32
) -> np.ndarray:
    """CLIP's vector of each image, ``(N, width)`` float32 of length 1.

    Raises:
        ValueError: images of another form; and whatever `load` raises.
    """
    model, pixels = _loaded("zero-shot", model), _pixels(images)
    vectors = in_batches(
        lambda x: _float32(model.network.get_vision_embeddings(_converted(model, x))),
        pixels,
        size=batch_size,
    )
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def embed_texts(model: Loaded | str | Path, texts: Sequence[str]) -> np.ndarray:
    """CLIP's vector of each text, ``(N, width)`` float32 of length 1.

    Raises:
        ValueError: no text; and whatever `load` raises.
    """
    if isinstance(texts, str) or not len(texts):
        raise ValueError(f"texts must be a list of at least one sentence, not {texts!r}.")
    model = _loaded("zero-shot", model)
    tokens = model.preprocessor({"images": None, "prompts": list(texts)})["token_ids"]
    vectors = _float32(model.network.get_text_embeddings(tokens))
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def zero_shot(
    model: Loaded | str | Path, images: np.ndarray, texts: Sequence[str], *, batch_size: int = 32
) -> np.ndarray:
    """Probabilities ``(N, texts)`` of each text for each image, with no class ever trained.

    Radford et al. 2021, "Learning Transferable Visual Models From Natural Language
    Supervision", arXiv:2103.00020, section 3.1: cosines of the vectors, times the learnt scale,
    through a softmax over the texts.

    Args:
        model: a preset for ``"zero-shot"`` (CLIP).
        images: ``(N, height, width, 3)``, uint8 or floats in [0, 1].
        texts: one sentence a class, such as "a photo of a cat".
        batch_size: images at a time.

    Raises:
        ValueError: images of another form, or no texts; and whatever `load` raises.
    """
    model = _loaded("zero-shot", model)
    vectors = embed_images(model, images, batch_size=batch_size)
    scale = np.exp(_float32(model.network.clip_head.logit_scale))
    return softmax(scale * vectors @ embed_texts(model, texts).T, axis=-1)


def segment(
    model: Loaded | str | Path,
    image: np.ndarray,
    *,
    points: np.ndarray | None = None,
    labels: np.ndarray | None = None,
    box: np.ndarray | None = None,
) -> Segments:
    """Masks of what a prompt points at (Kirillov et al. 2023, arXiv:2304.02643).

    Args:
        model: a preset for ``"segmentation"`` (SAM).
        image: ``(height, width, 3)``, uint8 or floats in [0, 1].
        points: ``(P, 2)``, x and y in pixels of the image.
        labels: ``(P,)``, 1 for a point on the object and 0 for one beside it; by default 1.
        box: ``(x1, y1, x2, y2)`` in pixels, around the object.

    Raises:
        ValueError: no prompt, or one outside the image; an image or prompt of another form;
            and whatever `load` raises.
    """
    import tensorflow as tf

    model, image = _loaded("segmentation", model), np.asarray(image)
    pixels = _pixels(image[None])[0]
    height, width = pixels.shape[:2]
    points, labels, boxes = _prompt(points, labels, box, height, width)

    # As SAM was trained: the longer side fills the square, the rest below or right is padding.
    side = model.network.backbone.image_encoder.input_shape[1]
    scale = side / max(height, width)
    h, w = max(1, round(scale * height)), max(1, round(scale * width))
    square = np.tile(_MEAN_COLOUR, (side, side, 1))
    square[:h, :w] = tf.image.resize(pixels, (h, w), antialias=True)
    inputs = {
        "images": _converted(model, square[None]),
        "points": points[None] * scale,
        "labels": labels[None],
        "boxes": boxes[None] * scale,
        "masks": np.zeros((1, 0, side, side, 1)),  # a mask as a prompt is not used here
    }
    outputs = model.network({k: tf.cast(v, tf.float32) for k, v in inputs.items()}, training=False)
    logits = _float32(outputs["masks"])[0]  # (masks, side/4, side/4)
    logits = tf.image.resize(logits[..., None], (side, side))[:, :h, :w]
    logits = tf.image.resize(logits, (height, width)).numpy()[..., 0]
    return Segments(logits > 0, _float32(outputs["iou_pred"])[0])


def text_to_image(
    model: Loaded | str | Path,
    prompts: Sequence[str],
    *,
    steps: int = 28,
    guidance: float = 7.0,
    seed: int = 0,
) -> np.ndarray:
    """A picture for each prompt, uint8 ``(N, height, width, 3)``.

    Args:
        model: a preset for ``"text-to-image"`` (Stable Diffusion 3 and others).
        prompts: what the pictures show.
        steps: of denoising; each runs the network once (twice with guidance).
        guidance: scale of classifier-free guidance (Ho and Salimans 2022, arXiv:2207.12598);
            1 switches it off.
        seed: of the noise that it starts from.

    Raises:
        ValueError: no prompt, or less than one step; and whatever `load` raises.
    """
    if isinstance(prompts, str) or not len(prompts):
        raise ValueError(f"prompts must be a list of at least one sentence, not {prompts!r}.")
    if steps < 1:
        raise ValueError(f"steps must be at least 1, not {steps}.")
    network = _loaded("text-to-image", model).network
    return np.asarray(
        network.generate(list(prompts), num_steps=steps, guidance_scale=guidance, seed=seed)
    )


# --- shared ----------------------------------------------------------------------------------


def _loaded(task: str, model: Loaded | str | Path) -> Loaded:
    if not isinstance(model, Loaded):
        return load(task, model)
    if model.task != task:
        raise ValueError(f"{model.preset!r} was loaded for {model.task}, not for {task}.")
    return model


def _pixels(images: np.ndarray) -> np.ndarray:
    """float32 in [0, 255], which is what KerasHub's converters start from."""
    images = np.asarray(images)
    if images.ndim != 4 or images.shape[-1] != 3:
        raise ValueError(f"Images must be (N, height, width, 3), not {images.shape}.")
    if images.dtype == np.uint8:
        return images.astype(np.float32)
    if images.size and not (images.min() >= 0 and images.max() <= 1):
        raise ValueError(
            f"Pixels must be uint8 or lie in [0, 1], but they span "
            f"{images.min():g}..{images.max():g}."
        )
    return images.astype(np.float32) * 255


def _converted(model: Loaded, pixels):
    converter = model.preprocessor.image_converter
    return pixels if converter is None else converter(pixels)


def _prompt(points, labels, box, height: int, width: int) -> tuple[np.ndarray, ...]:
    """Points ``(P, 2)``, labels ``(P,)`` and boxes ``(0 or 1, 2, 2)``, checked, in float32."""
    if points is None and box is None:
        raise ValueError("A prompt is missing: give points=, box= or both.")
    given = np.zeros((0, 2)) if points is None else np.asarray(points, np.float32)
    if given.ndim != 2 or given.shape[1] != 2:
        raise ValueError(f"points must be (P, 2), x and y, not {given.shape}.")
    marks = np.ones(len(given)) if labels is None else np.asarray(labels, np.float32)
    if marks.shape != given.shape[:1] or not np.isin(marks, (0, 1)).all():
        raise ValueError(f"labels must be 0 or 1, one for each of the {len(given)} points.")
    boxes = np.zeros((0, 2, 2))
    if box is not None:
        boxes = np.asarray(box, np.float32).reshape(-1)
        if boxes.shape != (4,) or not (boxes[0] < boxes[2] and boxes[1] < boxes[3]):
            raise ValueError(f"box must be x1, y1, x2, y2 with x1 < x2 and y1 < y2, not {box}.")
        boxes = boxes.reshape(1, 2, 2)
    corners = np.concatenate([given, boxes.reshape(-1, 2)])
    if (corners < 0).any() or (corners > (width, height)).any():
        raise ValueError(f"The prompt lies outside the image of {width} × {height} pixels.")
    if box is None:  # SAM was trained with a point that is none where there is no box
        given, marks = np.concatenate([given, np.zeros((1, 2))]), np.append(marks, -1)
    return tuple(a.astype(np.float32) for a in (given, marks, boxes))


def _float32(x) -> np.ndarray:
    from keras import ops

    return ops.convert_to_numpy(ops.cast(x, "float32"))
