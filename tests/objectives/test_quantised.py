"""The objective is zero exactly where the client would have shared the same integers."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.objectives.gradient_transforms import TransformedObjective
from bench.objectives.quantised import Quantised
from bench.objectives.squared_error import squared_error


def integers(value: torch.Tensor) -> torch.Tensor:
    """Symmetric int8 of one tensor, rounded to nearest, one victim at a time: what a client sends."""
    return torch.stack([torch.round(row * 127 / row.abs().max()) for row in value])


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 10_000))
def test_zero_for_what_quantises_to_the_same_and_not_for_anything_else(seed: int) -> None:
    g = torch.Generator().manual_seed(seed)
    exact = torch.randn(4, 30, generator=g, dtype=torch.float64)
    step = exact.abs().amax(1, keepdim=True) / 127
    shared = {"w": integers(exact) * step}
    distance = TransformedObjective(squared_error, [Quantised(127, 0.5)])
    assert distance({"w": exact}, shared).max() <= 1e-30  # of rounding: entries that lie on the edge of their cell
    moved = exact + torch.tensor([0.0, 0.3, 0.7, 2.0], dtype=torch.float64).unsqueeze(1) * step * torch.sign(exact)
    inside = ((moved - shared["w"]).abs() <= step * 0.5).all(1)
    assert torch.equal(distance({"w": moved}, shared) <= 1e-30, inside)
    # the squared distance to the nearer edge, entry by entry
    over = ((moved - shared["w"]).abs() - 0.5 * step).clamp(min=0)
    torch.testing.assert_close(distance({"w": moved}, shared), (over**2).sum(1))


def test_stochastic_rounding_has_cells_twice_as_wide() -> None:
    g = torch.Generator().manual_seed(0)
    exact = torch.randn(4, 30, generator=g, dtype=torch.float64)
    step = exact.abs().amax(1, keepdim=True) / 127
    shared = {"w": torch.floor(exact / step + torch.rand(4, 30, generator=g, dtype=torch.float64)) * step}
    assert TransformedObjective(squared_error, [Quantised(127, 1.0)])({"w": exact}, shared).max() <= 1e-25
    assert TransformedObjective(squared_error, [Quantised(127, 0.5)])({"w": exact}, shared).min() > 1e-6


def test_its_derivative_pulls_what_is_outside_to_the_edge_and_leaves_the_rest() -> None:
    shared = {"w": torch.tensor([[127.0, 3.0, -5.0]])}
    ours = {"w": torch.tensor([[127.2, 4.0, -5.6]], requires_grad=True)}
    (slope,) = torch.autograd.grad(
        TransformedObjective(squared_error, [Quantised(127, 0.5)])(ours, shared).sum(), [ours["w"]]
    )
    torch.testing.assert_close(slope, torch.tensor([[0.0, 1.0, -0.2]]), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("levels", "width"), [(0, 0.5), (127, 0.0)])
def test_bad_arguments_are_named(levels: int, width: float) -> None:
    with pytest.raises(ValueError, match="levels"):
        Quantised(levels, width)
