"""Rough directions become exact, for one example and for two together, and what is none is told."""

import pytest
import torch
from layer_gradients import known

from bench.attacks.exact.spear.tighten import tighten


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_rough_direction_becomes_exact(dtype) -> None:
    problem = known(6, width=200, dtype=dtype)
    random = torch.Generator().manual_seed(0)
    rough = problem.directions + 3e-2 * torch.randn(6, 6, generator=random, dtype=torch.float64)
    spaces, exact = tighten(problem.factors, rough / rough.norm(dim=1, keepdim=True), 1, 60, random)
    assert exact.all() and spaces.shape == (6, 1, 6)
    assert (spaces[:, 0] * problem.directions).sum(1).abs().min() > 1 - (1e-10 if dtype == torch.float32 else 1e-14)


def test_a_mixture_of_two_examples_is_exact_in_two_dimensions_and_not_in_one() -> None:
    problem = known(6, width=200)
    random = torch.Generator().manual_seed(0)
    mixture = problem.directions[[0]] - 0.8 * problem.directions[[1]]
    mixture = mixture / mixture.norm()
    both = int(((problem.slopes[:2] == 0).all(0)).sum())
    spaces, exact = tighten(problem.factors, mixture, 2, both, random)
    assert exact.tolist() == [True]
    inside = problem.directions[:2]
    torch.testing.assert_close(inside @ spaces[0].mT @ spaces[0], inside, rtol=0, atol=1e-10)


def test_more_units_than_are_dead_for_any_example_are_not_exact() -> None:
    problem = known(6, width=200)
    dead = int((problem.slopes == 0).sum(1).max())
    _, exact = tighten(problem.factors, problem.directions, 1, dead + 20, torch.Generator().manual_seed(0))
    assert not exact.any()
