"""`check`: a claim of a page, as a line that is the same on every machine, or an error."""

import math


def check(
    claim: str,
    value: float,
    *,
    at_least: float | None = None,
    at_most: float | None = None,
) -> None:
    """Print that ``value`` keeps within the bounds, or raise with what was measured.

    The printed line holds the bounds and never the value, so a stored notebook compares
    equal on another machine while the claim itself can still fail.

    Args:
        claim: what is measured, in words ("test accuracy").
        value: the measured number; NaN fails every bound.
        at_least: lower bound, inclusive.
        at_most: upper bound, inclusive.

    Raises:
        ValueError: no bound was given.
        AssertionError: the value lies outside; the message holds the value.

    Example:
        >>> check("test accuracy", 0.991, at_least=0.985)
        ✓ test accuracy ≥ 0.985
    """
    if at_least is None and at_most is None:
        raise ValueError(f"check({claim!r}) needs at_least= or at_most=, or it could never fail.")
    value = float(value)
    bounds = []
    if at_least is not None:
        bounds.append((f"≥ {at_least:g}", value >= at_least))
    if at_most is not None:
        bounds.append((f"≤ {at_most:g}", value <= at_most))
    wanted = " and ".join(text for text, _ in bounds)
    if math.isnan(value) or not all(holds for _, holds in bounds):
        raise AssertionError(f"{claim}: expected {wanted}, measured {value:.6g}.")
    print(f"✓ {claim} {wanted}")
