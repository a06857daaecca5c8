"""The relative error is a plain quotient: of which gradients, and what becomes of it at zero."""

import pytest
import torch

from bench.objectives.relative_error import RelativeError, relative_error


def gradients(seed: int) -> dict[str, torch.Tensor]:
    g = torch.Generator().manual_seed(seed)
    return {n: torch.randn(3, *s, generator=g, dtype=torch.float64) for n, s in {"w": (4, 2), "b": (4,)}.items()}


def flat(of: dict[str, torch.Tensor]) -> torch.Tensor:
    return torch.cat([value.flatten(1) for value in of.values()], 1)


def test_it_is_the_quotient_of_two_squared_norms_and_blind_to_a_common_scale() -> None:
    ours, theirs = gradients(0), gradients(1)
    expected = torch.linalg.norm(flat(ours) - flat(theirs), dim=1) ** 2 / torch.linalg.norm(flat(theirs), dim=1) ** 2
    torch.testing.assert_close(RelativeError()(ours, theirs), expected, rtol=1e-12, atol=0)
    scaled = relative_error({n: 1e-9 * v for n, v in ours.items()}, {n: 1e-9 * v for n, v in theirs.items()})
    torch.testing.assert_close(scaled, expected, rtol=1e-9, atol=0)
    assert torch.equal(relative_error(theirs, theirs), torch.zeros(3, dtype=torch.float64))
    without = relative_error({n: 0 * v for n, v in theirs.items()}, theirs)
    assert without.tolist() == pytest.approx([1.0] * 3)


def test_only_what_was_shared_counts_above_and_below() -> None:
    """A parameter whose gradient was withheld is in neither norm."""
    ours, theirs = gradients(0), gradients(1)
    part = {"b": theirs["b"]}
    assert torch.equal(relative_error(ours, part), relative_error({"b": ours["b"]}, part))


def test_a_shared_gradient_of_zero_is_no_division_by_zero() -> None:
    ours, theirs = gradients(0), gradients(1)
    theirs["w"][1], theirs["b"][1] = 0, 0
    value = relative_error(
        {n: torch.where(torch.arange(3).view(-1, *[1] * (v.dim() - 1)) == 1, 0, v) for n, v in ours.items()}, theirs
    )
    assert value[1] == 0 and torch.isfinite(value).all()
