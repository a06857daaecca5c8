"""The factors of a layer's gradient hold Q, and rounding is told from a zero."""

from dataclasses import replace

import pytest
import torch
from layer_gradients import known

from bench.attacks.exact.spear.factors import Factors, LayerGradient, low_rank

BOTH = [torch.float32, torch.float64]


def test_a_random_range_gives_the_decomposition() -> None:
    """A matrix of rank 170 does not fit the first range of 160 columns."""
    random = torch.Generator().manual_seed(0)
    for rank in (5, 170):
        left, right = (torch.randn(300, rank, generator=random, dtype=torch.float64) for _ in "lr")
        matrix = left @ right.mT
        u, s, v = low_rank(matrix, 1e-10, None, random)
        torch.testing.assert_close(s, torch.linalg.svdvals(matrix)[:rank], rtol=1e-9, atol=0)
        torch.testing.assert_close((u * s) @ v, matrix, rtol=0, atol=1e-10 * float(matrix.abs().max()))
    assert low_rank(matrix, 1e-10, 3, random)[0].shape == (300, 3)


@pytest.mark.parametrize("dtype", BOTH)
def test_the_factors_are_those_of_the_paper(dtype) -> None:
    """D^T = U Q, X = Q^-1 S V, gb = D^T 1: the truth's own columns of Q fulfil all three."""
    problem = known(6, dtype=dtype)
    factors, tolerance = problem.factors, 1e-5 if dtype == torch.float32 else 1e-12
    assert factors.rank == 6
    q = problem.slopes @ factors.left  # Q^T
    torch.testing.assert_close(q @ factors.left.mT, problem.slopes, rtol=0, atol=tolerance)
    images = torch.linalg.solve(q.mT, factors.images)
    torch.testing.assert_close(images, problem.images, rtol=0, atol=100 * tolerance)
    torch.testing.assert_close(factors.left @ factors.bias, problem.layer.of_bias, rtol=0, atol=tolerance)


@pytest.mark.parametrize("dtype", BOTH)
@pytest.mark.parametrize("mean", [0.0, 1.0])
def test_zeros_are_the_dead_units_and_no_others(dtype, mean) -> None:
    problem = known(8, width=200, dtype=dtype, mean=mean)
    assert torch.equal(problem.factors.zeros(problem.directions), problem.slopes == 0)
    # a direction of chance has none
    chance = torch.randn(1, 8, dtype=torch.float64)
    assert not problem.factors.zeros(chance / chance.norm()).any()


def test_a_unit_with_a_gradient_far_below_the_others_is_told_right() -> None:
    """Its row of U has the precision of its own row of the gradient, so a zero of it is below its own rounding."""
    problem = known(8, width=200)
    faint = torch.ones_like(problem.slopes)
    faint[:, 3] = 1e-12
    of_weight = (problem.slopes * faint).mT @ problem.images
    layer = replace(problem.layer, of_weight=of_weight, of_bias=(problem.slopes * faint).sum(0))
    factors = Factors.of(layer, 1e-13, 1e-10, None, torch.Generator().manual_seed(0))
    directions = torch.nn.functional.normalize((problem.slopes * faint) @ factors.left, dim=1)
    assert torch.equal(factors.zeros(directions), problem.slopes == 0)


def test_the_space_of_dead_units_is_that_of_the_examples_that_share_them() -> None:
    """The units dead for one example leave its direction alone; those dead for two leave the space of both."""
    problem = known(6, width=200)
    dead = problem.slopes == 0
    one = problem.factors.null_space(dead[2])
    assert one.shape == (1, 6) and (one @ problem.directions[2]).abs() > 1 - 1e-12
    two = problem.factors.null_space((dead[2] & dead[4]).nonzero()[:, 0])
    assert two.shape == (2, 6)
    inside = problem.directions[[2, 4]]
    torch.testing.assert_close(inside @ two.mT @ two, inside, rtol=0, atol=1e-10)
    assert torch.equal(problem.factors.zeros_of_all(two), dead[2] & dead[4])
    # fewer units than dimensions leave the rest
    assert problem.factors.null_space(torch.tensor([0, 1])).shape == (4, 6)


def test_units_that_are_dead_for_all_are_left_out() -> None:
    weight = torch.tensor([[1.0, 2], [0, 0], [0, 3]])
    live = LayerGradient(weight, torch.tensor([1.0, 0, 2]), weight + 1, torch.tensor([7.0, 8, 9])).live()
    assert live.of_weight.tolist() == [[1, 2], [0, 3]] and live.of_bias.tolist() == [1, 2]
    assert live.weight.tolist() == [[2, 3], [1, 4]] and live.bias.tolist() == [7, 9]
