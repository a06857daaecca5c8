"""TAG's distance against a plain loop over parameters, with both rules for the weight of the absolute error."""

import pytest
import torch

from bench.objectives.squared_error import squared_error
from bench.objectives.tag import TagDistance, tag_distance

SHAPES = {"embedding": (5, 3), "attention.weight": (3, 3), "attention.bias": (3,), "head": (2, 3)}


def gradients(seed: int) -> dict[str, torch.Tensor]:
    g = torch.Generator().manual_seed(seed)
    return {n: torch.randn(4, *s, generator=g, dtype=torch.float64) for n, s in SHAPES.items()}


@pytest.mark.parametrize(("depth", "shares"), [("constant", [1, 1, 1, 1]), ("linear", [1, 0.75, 0.5, 0.25])])
def test_it_is_a_sum_of_both_errors_entry_by_entry(depth: str, shares: list[float]) -> None:
    ours, theirs = gradients(0), gradients(1)
    found = TagDistance(0.3, depth)(ours, theirs)
    for victim in range(4):
        total = 0.0
        for name, share in zip(SHAPES, shares):
            for one, other in zip(ours[name][victim].flatten().tolist(), theirs[name][victim].flatten().tolist()):
                total += (one - other) ** 2 + 0.3 * share * abs(one - other)
        assert found[victim].item() == pytest.approx(total, rel=1e-12)


def test_without_its_weight_it_is_dlgs_distance_and_at_the_truth_it_is_flat() -> None:
    """The kink at the truth has the slope 0, so an optimiser that stands there stays."""
    ours, theirs = gradients(0), gradients(1)
    torch.testing.assert_close(tag_distance(ours, theirs, 0.0), squared_error(ours, theirs), rtol=1e-12, atol=0)
    here = {name: value.clone().requires_grad_() for name, value in theirs.items()}
    slopes = torch.autograd.grad(tag_distance(here, theirs, 0.3).sum(), list(here.values()))
    assert all((slope == 0).all() for slope in slopes)


def test_withheld_gradients_do_not_count_and_the_next_layer_is_the_first() -> None:
    ours, theirs = gradients(0), gradients(1)
    part = {name: value for name, value in theirs.items() if name != "embedding"}
    expected = tag_distance({name: ours[name] for name in part}, part, 0.3, "linear")
    assert torch.equal(tag_distance(ours, part, 0.3, "linear"), expected)


def test_refusals() -> None:
    with pytest.raises(ValueError, match="weight=-1: must be >= 0"):
        TagDistance(-1, "constant")
    with pytest.raises(ValueError, match="depth='exp': want one of constant, linear"):
        TagDistance(0.1, "exp")
