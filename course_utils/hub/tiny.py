"""Presets made on the spot: the published architectures, small enough for a test or a page.

`save_lite0` writes real, trained weights, those that the course ships, as a preset of
KerasHub's own ``EfficientNetBackbone``. The others start from random weights, which say
nothing sensible until somebody trains them; but they pass through the very calls that the
published ones do.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from course_utils.hub.presets import TASKS, _keras_hub

if TYPE_CHECKING:
    import keras

_START, _END = "<|startoftext|>", "<|endoftext|>"
_WORDS = ("a", "photo", "of", "cat", "dog")


def word_tokenizer(words: Sequence[str], **options: Any) -> "keras.Layer":
    """A CLIP tokenizer whose byte-pair merges make one token of every given word.

    Other words of Latin letters fall apart into letters, as rare words do for the published
    one. The end token has the highest number, because CLIP looks for it with an arg max.

    Args:
        words: in small letters, ``a`` to ``z``.
        **options: of ``keras_hub.models.CLIPTokenizer``.

    Raises:
        ValueError: a word with other characters.
    """
    if bad := [
        word for word in words if not (word.isascii() and word.isalpha() and word.islower())
    ]:
        raise ValueError(f"Words must be of the letters a to z, not {bad[0]!r}.")
    letters = "abcdefghijklmnopqrstuvwxyz"
    tokens = dict.fromkeys(["!", *letters, *(f"{letter}</w>" for letter in letters)])
    merges = {}
    for word in words:
        parts = [*word[:-1], f"{word[-1]}</w>"]
        left = parts[0]
        for right in parts[1:]:
            merges[f"{left} {right}"] = None
            left += right
            tokens[left] = None
    vocabulary = {token: i for i, token in enumerate([*tokens, _START, _END])}
    return _keras_hub().models.CLIPTokenizer(vocabulary=vocabulary, merges=list(merges), **options)


def tiny_clip(
    words: Sequence[str] = _WORDS, *, image_size: int = 28, width: int = 64, layers: int = 2
) -> tuple["keras.Model", "keras.Layer"]:
    """A small CLIP with random weights, and its preprocessor.

    Args:
        words: of the tokenizer (see `word_tokenizer`).
        image_size: side of the images, a multiple of 7; patches are 7 × 7.
        width: of the tokens in both towers, and of the common space; a multiple of 4.
        layers: Transformer blocks in each tower.

    Returns:
        A ``CLIPBackbone`` and a ``CLIPPreprocessor``.
    """
    models, kinds = (hub := _keras_hub()).models, hub.layers
    tokenizer = word_tokenizer(words)
    tower = {
        "hidden_dim": width,
        "num_layers": layers,
        "num_heads": 4,
        "intermediate_dim": 2 * width,
    }
    backbone = models.CLIPBackbone(
        vision_encoder=models.CLIPVisionEncoder(
            patch_size=7, image_shape=(image_size, image_size, 3), **tower
        ),
        text_encoder=models.CLIPTextEncoder(
            vocabulary_size=tokenizer.vocabulary_size(),
            embedding_dim=width,
            max_sequence_length=12,
            **tower,
        ),
        projection_dim=width,
    )
    converter = kinds.CLIPImageConverter(
        image_size=(image_size, image_size), scale=1 / 127.5, offset=-1.0
    )
    return backbone, models.CLIPPreprocessor(
        tokenizer, image_converter=converter, sequence_length=12
    )


def tiny_sam(*, image_size: int = 64, width: int = 64, layers: int = 2) -> "keras.Model":
    """A small Segment Anything with random weights, a ``SAMImageSegmenter``.

    Args:
        image_size: side of the images, a multiple of 8; patches are 8 × 8, masks come at half
            of the resolution.
        width: of the tokens everywhere; a multiple of 8.
        layers: Transformer blocks of the image encoder; the last one looks at all patches,
            the others at windows of 4 × 4.
    """
    models, kinds = (hub := _keras_hub()).models, hub.layers
    patches = (image_size // 8, image_size // 8)
    backbone = models.SAMBackbone(
        image_encoder=models.ViTDetBackbone(
            hidden_size=width,
            num_layers=layers,
            intermediate_dim=2 * width,
            num_heads=4,
            global_attention_layer_indices=[layers - 1],
            patch_size=8,
            num_output_channels=width,
            window_size=4,
            image_shape=(image_size, image_size, 3),
        ),
        prompt_encoder=kinds.SAMPromptEncoder(
            hidden_size=width,
            image_embedding_size=patches,
            input_image_size=(image_size, image_size),
            mask_in_channels=16,
        ),
        mask_decoder=kinds.SAMMaskDecoder(
            num_layers=2,
            hidden_size=width,
            intermediate_dim=2 * width,
            num_heads=4,
            embedding_dim=width,
            num_multimask_outputs=3,
            iou_head_depth=3,
            iou_head_hidden_dim=width,
        ),
    )
    converter = kinds.SAMImageConverter(image_size=(image_size, image_size), scale=1 / 255)
    return models.SAMImageSegmenter(
        backbone, preprocessor=models.SAMImageSegmenterPreprocessor(image_converter=converter)
    )


def _tiny_resnet() -> "keras.Model":
    models, kinds = (hub := _keras_hub()).models, hub.layers
    backbone = models.ResNetBackbone(
        input_conv_filters=[64],
        input_conv_kernel_sizes=[3],
        stackwise_num_filters=[64, 64],  # KerasHub insists on 64 here
        stackwise_num_blocks=[1, 1],
        stackwise_num_strides=[1, 2],
        block_type="basic_block",
    )
    converter = kinds.ResNetImageConverter(image_size=(32, 32), scale=1 / 255)
    return models.ResNetImageClassifier(
        backbone,
        num_classes=10,
        preprocessor=models.ResNetImageClassifierPreprocessor(image_converter=converter),
    )


def _tiny_diffusion() -> "keras.Model":
    """Stable Diffusion 3 with every part: two text towers, MMDiT, autoencoder; 64 × 64 pixels."""
    models = _keras_hub().models
    from keras_hub.src.models.vae.vae_backbone import VAEBackbone  # it has no public name

    tokenizers = [word_tokenizer(_WORDS, pad_with_end_token=end) for end in (True, False)]
    # It runs on the last but one layer, and the projections expect 77 tokens.
    towers = [
        models.CLIPTextEncoder(
            tokenizer.vocabulary_size(), 16, 16, 2, 2, 32, "quick_gelu", -2, name=f"clip_{letter}"
        )
        for tokenizer, letter in zip(tokenizers, "lg", strict=True)
    ]
    backbone = models.StableDiffusion3Backbone(
        mmdit_patch_size=2,
        mmdit_hidden_dim=32,
        mmdit_num_layers=1,
        mmdit_num_heads=2,
        mmdit_position_size=192,
        mmdit_qk_norm=None,
        mmdit_dual_attention_indices=None,
        vae=VAEBackbone([32] * 4, [1] * 4, [32] * 4, [1] * 4, name="vae"),
        clip_l=towers[0],
        clip_g=towers[1],
        image_shape=(64, 64, 3),
    )
    return models.StableDiffusion3TextToImage(
        backbone,
        models.StableDiffusion3TextToImagePreprocessor(
            *(models.CLIPPreprocessor(tokenizer) for tokenizer in tokenizers)
        ),
    )


def save_tiny(task: str, folder: str | Path) -> Path:
    """A tiny preset with random weights for a task, written with ``save_to_preset``.

    Args:
        task: a key of `TASKS`; a ResNet, CLIP, SAM or Stable Diffusion 3.
        folder: of the preset; made if it is not there.

    Returns:
        The folder.

    Raises:
        ValueError: an unknown task.
        ImportError: KerasHub is not installed.
    """
    if task not in TASKS:
        raise ValueError(f"There is no task {task!r}; known: {', '.join(TASKS)}.")
    if task == "zero-shot":
        parts = tiny_clip(width=16, layers=1)
    elif task == "segmentation":
        parts = (tiny_sam(width=16, layers=1),)
    else:
        parts = (_tiny_resnet() if task == "classification" else _tiny_diffusion(),)
    for part in parts:
        part.save_to_preset(str(folder))
    return Path(folder)


def save_lite0(folder: str | Path) -> Path:
    """EfficientNet-Lite0 with the shipped ImageNet weights, as a preset of KerasHub.

    The published twin is called ``efficientnet_lite0_ra_imagenet``. KerasHub's backbone is
    configured for the whole family, so the table of stages goes in as lists; the first stage
    does not expand and is its block type ``"v1"``, the others are ``"unfused"``.

    Returns:
        The folder.

    Raises:
        ImportError: KerasHub is not installed.
    """
    from course_utils import checkpoints
    from course_utils.models.efficientnet import EFFICIENTNET_LITE0

    models, kinds = (hub := _keras_hub()).models, hub.layers
    widths, counts, strides, kernels, expansions = zip(*EFFICIENTNET_LITE0, strict=True)
    stages = len(widths)
    backbone = models.EfficientNetBackbone(
        stackwise_width_coefficients=[1.0] * stages,
        stackwise_depth_coefficients=[1.0] * stages,
        stackwise_kernel_sizes=list(kernels),
        stackwise_num_repeats=list(counts),
        stackwise_input_filters=[32, *widths[:-1]],
        stackwise_output_filters=list(widths),
        stackwise_expansion_ratios=list(expansions),
        stackwise_squeeze_and_excite_ratios=[0.0] * stages,  # Lite has none
        stackwise_strides=list(strides),
        stackwise_block_types=["v1"] + ["unfused"] * (stages - 1),
        activation="relu6",
        include_stem_padding=False,
        stem_conv_padding="same",
        batch_norm_epsilon=1e-3,
        dropout=0.0,
    )
    converter = kinds.EfficientNetImageConverter(
        image_size=(224, 224), scale=1 / 128, offset=-127 / 128
    )
    classifier = models.EfficientNetImageClassifier(
        backbone,
        num_classes=1000,
        preprocessor=models.EfficientNetImageClassifierPreprocessor(image_converter=converter),
    )
    # Both lists run from the first layer to the last, and agree in every shape.
    classifier.set_weights(checkpoints.load("efficientnet-lite0").get_weights())
    classifier.save_to_preset(str(folder))
    return Path(folder)
