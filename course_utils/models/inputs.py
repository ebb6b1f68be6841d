"""What every image classifier asks of its input, said in one sentence before anything is built."""


def check_image_classifier(
    input_shape: tuple[int, int, int], num_classes: int, *, smallest: int = 1
) -> None:
    """Refuse sizes that a network of images cannot mean.

    Args:
        input_shape: (height, width, channels).
        num_classes: number of logits.
        smallest: pixels of the shortest side that leave something to look at after all the
            network's reductions.

    Raises:
        ValueError: not three positive numbers, a side below ``smallest``, or fewer than two
            classes.
    """
    if len(input_shape) != 3 or min(input_shape) < 1:
        raise ValueError(f"input_shape must be (height, width, channels), not {input_shape}.")
    if min(input_shape[:2]) < smallest:
        raise ValueError(
            f"This network halves its images until little is left: they need at least "
            f"{smallest}×{smallest} pixels, not {input_shape[0]}×{input_shape[1]}."
        )
    if num_classes < 2:
        raise ValueError(f"num_classes must be at least 2, not {num_classes}.")
