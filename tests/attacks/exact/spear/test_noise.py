"""Noise is measured on what lies outside the rank of a gradient, and rounding alone is not taken for it."""

import pytest
import torch
from layer_gradients import known
from noisy_gradients import noisy, with_noise

from bench.attacks.exact.spear.factors import Factors
from bench.attacks.exact.spear.noise import CERTAIN, deviations, hidden


@pytest.mark.parametrize("std", [1e-6, 1e-4])
def test_the_deviation_of_each_row_is_that_of_the_noise(std) -> None:
    problem, found = noisy(4, std)
    assert found is not None
    assert found.deviation.mean().item() == pytest.approx(std, rel=0.02)
    assert found.deviation.median().item() == pytest.approx(std, rel=0.05)
    of_bias = with_noise(problem, std).of_bias
    assert torch.equal(found.layer.of_bias, of_bias[torch.isin(of_bias, found.layer.of_bias)])


def test_rows_of_a_noiseless_gradient_have_no_deviation() -> None:
    problem = known(4, width=300, pixels=100)
    size = problem.layer.of_weight.norm(dim=1)
    assert (deviations(problem.layer.of_weight, problem.factors.images) < 1e-13 * size).all()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_rounding_of_a_type_is_below_what_the_attack_takes_for_zero(dtype) -> None:
    problem = known(6, width=300, pixels=100, dtype=dtype)
    assert hidden(problem.layer, problem.factors, {torch.float32: 5e-8, torch.float64: 1e-13}[dtype]) is None


def test_units_with_nothing_but_noise_are_left_out_and_zeros_are_within_it() -> None:
    """A twentieth of a dead unit's values would pass two deviations; none passes five."""
    problem, found = noisy(4, 1e-4)
    assert found is not None and found.factors.units <= problem.factors.units
    directions = problem.directions @ problem.factors.left.mT  # U q, by the truth
    values = torch.linalg.lstsq(problem.factors.left, directions.mT).solution.mT
    assert values.shape == (4, 4) and (found.factors.slack == CERTAIN).all()
    dead = (problem.slopes == 0).sum(1)
    shares = torch.linalg.pinv(problem.images).mT @ (found.factors.images / found.factors.values[:, None]).mT
    assert (found.factors.zeros(shares * found.factors.values).sum(1) >= 0.9 * (dead - 10)).all()


def test_noise_that_leaves_too_few_units_is_not_searched() -> None:
    assert noisy(4, 1e3)[1] is None


def test_a_layer_without_dimensions_beside_the_batch_says_nothing_of_noise() -> None:
    problem = known(4, width=64, pixels=4)
    factors = Factors.of(problem.layer, 1e-13, 1e-10, 4, torch.Generator().manual_seed(0))
    assert hidden(problem.layer, factors, 1e-13) is None
