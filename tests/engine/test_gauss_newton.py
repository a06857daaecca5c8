"""Second-order directions: a quadratic that one step solves, damping, and what they cost."""

import pytest
import torch
from torch import Tensor

from bench.engine.directions import Iterate
from bench.engine.gauss_newton import Damped, GaussNewton, conjugate_gradients, damped_step


def linear(rows: Tensor, target: Tensor):
    return lambda x: rows @ x - target


def drawn() -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    rows = torch.randn(30, 12, generator=generator, dtype=torch.float64)
    return rows, torch.randn(30, generator=generator, dtype=torch.float64)


def test_one_step_without_damping_solves_least_squares_by_both_ways() -> None:
    rows, target = drawn()
    expected = torch.linalg.lstsq(rows, target).solution
    residuals, x = linear(rows, target), torch.zeros(12, dtype=torch.float64)
    downhill = rows.T @ residuals(x)
    assert torch.allclose(damped_step(residuals, x, downhill, 1e-15), expected)
    d, spent = conjugate_gradients(residuals, x, downhill, 200)
    assert 2 <= spent <= 24
    assert (rows.T @ (rows @ d - target)).norm() <= 0.1 * downhill.norm()
    assert conjugate_gradients(residuals, x, downhill, 1)[1] == 2


def test_damping_shortens_the_step_towards_steepest_descent() -> None:
    rows, target = drawn()
    residuals, x = linear(rows, target), torch.zeros(12, dtype=torch.float64)
    downhill = rows.T @ residuals(x)
    lengths = [damped_step(residuals, x, downhill, damping).norm().item() for damping in (1e-6, 1e-1, 1.0, 1e3)]
    assert lengths == sorted(lengths, reverse=True)
    far = damped_step(residuals, x, downhill, 1e3)
    assert torch.cosine_similarity(far, -downhill, dim=0) > 0.999


@pytest.mark.parametrize("bad", [float("nan"), 0.0])
def test_equations_without_a_solution_leave_steepest_descent(bad: float) -> None:
    """A derivative that is not finite, and one that is zero everywhere."""
    x = torch.ones(3, dtype=torch.float64)
    downhill = torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64)
    assert torch.equal(damped_step(lambda z: bad * z, x, downhill, 1e-3), -downhill)
    d, spent = conjugate_gradients(lambda z: bad * z, x, downhill, 5)
    assert spent == 2 and torch.equal(d, -downhill)


def test_damping_falls_after_a_whole_step_and_rises_after_a_shortened_one(problem) -> None:
    matching, truth = problem
    rule = GaussNewton(matching, 1e-3, 1024, 200)
    state = rule.start(truth)
    everyone = torch.tensor([True, True])
    z = torch.full_like(truth, 0.5)
    g = matching(z)[1]
    d = rule(state, Iterate(z, g, g, g, ~everyone, everyone))
    assert state.damping.tolist() == [1e-3, 1e-3] and rule.has_past(state).all()
    assert rule.cost(state).tolist() == [256, 256]
    steps = torch.tensor([[1.0], [0.4]], dtype=torch.float64)
    rule(state, Iterate(z, g, steps * d, g, everyone, everyone))
    assert state.damping.tolist() == pytest.approx([1e-4, 1e-2])


def test_a_slot_without_a_victim_costs_nothing(problem) -> None:
    matching, truth = problem
    rule = GaussNewton(matching, 1e-3, 1024, 200)
    state = rule.start(truth)
    everyone, idle = torch.tensor([True, True]), torch.tensor([False, True])
    g = matching(truth + 0.1)[1]
    rule(state, Iterate(truth + 0.1, g, g, g, ~everyone, everyone, idle))
    assert isinstance(state, Damped) and rule.cost(state).tolist() == [256, 0]
