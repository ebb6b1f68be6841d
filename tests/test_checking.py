"""`check`: a fixed line when the claim holds, the measured value when it does not."""

import numpy as np
import pytest

import course_utils as cu


@pytest.mark.parametrize(
    ("value", "bounds", "line"),
    [
        (0.991, {"at_least": 0.985}, "✓ accuracy ≥ 0.985"),
        (0.985, {"at_least": 0.985}, "✓ accuracy ≥ 0.985"),
        (1e-7, {"at_most": 1e-5}, "✓ accuracy ≤ 1e-05"),
        (1e-5, {"at_most": 1e-5}, "✓ accuracy ≤ 1e-05"),
        (5, {"at_least": 1, "at_most": 9}, "✓ accuracy ≥ 1 and ≤ 9"),
        (np.float32(0.5), {"at_least": 0}, "✓ accuracy ≥ 0"),
    ],
)
def test_a_claim_that_holds_prints_its_bounds_and_not_its_value(value, bounds, line, capsys):
    assert cu.check("accuracy", value, **bounds) is None
    assert capsys.readouterr().out == line + "\n"


@pytest.mark.parametrize(
    ("value", "bounds", "message"),
    [
        (0.97, {"at_least": 0.985}, "accuracy: expected ≥ 0.985, measured 0.97."),
        (2.0, {"at_most": 1}, "accuracy: expected ≤ 1, measured 2."),
        (0, {"at_least": 1, "at_most": 9}, "accuracy: expected ≥ 1 and ≤ 9, measured 0."),
        (float("nan"), {"at_least": 0}, "accuracy: expected ≥ 0, measured nan."),
        (float("nan"), {"at_most": 0}, "accuracy: expected ≤ 0, measured nan."),
    ],
)
def test_a_claim_that_fails_raises_with_what_was_measured(value, bounds, message, capsys):
    with pytest.raises(AssertionError) as caught:
        cu.check("accuracy", value, **bounds)
    assert str(caught.value) == message
    assert capsys.readouterr().out == ""


def test_a_check_that_could_never_fail_is_refused():
    with pytest.raises(ValueError, match="needs at_least= or at_most="):
        cu.check("accuracy", 0.9)
