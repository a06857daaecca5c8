"""Transformations of ATS undone: what was not lost comes back, and the policy with its signs is found."""

import pytest
import torch
from torch import Tensor

from bench.attacks.untransforming import Undoing
from bench.defenses.ats import by_policy

UNDOING = Undoing(error=1e-4, iterations=80, decay=1.0, deviation=0.3)
POLICIES = [[{"translate_x": 0.25}, {"contrast": 0.3}], [{"translate_y": 0.25}, {"contrast": 0.4}]]


def picture() -> Tensor:
    """A smooth image `[1, 8, 8]` whose contrast can rise without clipping."""
    rows, columns = torch.linspace(0, 1, 8, dtype=torch.float64)[:, None], torch.linspace(0, 1, 8, dtype=torch.float64)
    return (0.3 + 0.2 * rows * columns + 0.1 * (3 * columns).sin())[None]


@pytest.mark.parametrize("policy", [0, 1])
@pytest.mark.parametrize("signs", [(False, True), (True, False)])
def test_pixels_that_were_not_lost_come_back(policy: int, signs: tuple[bool, bool]) -> None:
    """A quarter of the rows or columns is pushed out, and what is black in its place says the sign of the contrast.

    The error of 1e-4 lets the prior move pixels by about as much.
    """
    chosen, negative = torch.tensor([policy]), torch.tensor([signs])
    given = by_policy(picture()[None], POLICIES, chosen, negative)[0]
    found = UNDOING(given, POLICIES)
    assert int(found.policy) == policy and found.negative.tolist() == list(signs)
    kept = slice(2, None) if not signs[0] else slice(None, 6)
    part = (..., slice(None), kept) if policy == 0 else (..., kept, slice(None))
    torch.testing.assert_close(found.image[part], picture()[part], rtol=0, atol=2e-3)
    assert (found.image - picture()).square().mean() < 0.02  # what was lost is filled in


@pytest.mark.parametrize("wrong", [{"error": 0.0}, {"iterations": 0}, {"deviation": 0.0}, {"decay": -1.0}])
def test_a_number_out_of_range_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=f"{next(iter(wrong))}="):
        Undoing(**{"error": 1e-3, "iterations": 5, "decay": 1.0, "deviation": 0.3, **wrong})  # type: ignore[arg-type]
