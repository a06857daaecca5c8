"""Box projection inside the loop: the constrained minimum is found, and bounds are kept."""

import pytest
import torch
from engine.problems import Problem, quadratic, starts

from bench.engine.box import BoxConstraint
from bench.engine.directions import LBFGS
from bench.engine.loop import Minimiser
from bench.engine.steps import Backtracking, StepRule
from bench.engine.stops import Tolerances
from bench.engine.wolfe import StrongWolfe
from bench.messages.status import Status


@pytest.mark.parametrize(
    "step", [Backtracking(1.0, 1e-4, 40), StrongWolfe(1.0, 1e-4, 0.9, 40, 1e-12)], ids=["backtracking", "wolfe"]
)
def test_the_constrained_minimum_of_a_quadratic_is_found(step: StepRule) -> None:
    """Karush, Kuhn and Tucker: where a bound is active the gradient pushes against it, elsewhere it vanishes."""
    box, victims = BoxConstraint(-0.2, 0.3, 9), 6
    functions, x = [quadratic(seed) for seed in range(victims)], starts(victims, 12, scale=0.1).clamp(-0.2, 0.3)
    x[:, 9:] *= 3
    rule = Minimiser(LBFGS(10, 1e-10), step, Tolerances(2000, 2000, 0.0, 0.0, 100, 1e-14), "best")
    active = 0
    for group in rule.run(Problem(functions), lambda v: x[v], victims, 4, None, box):
        for one in group:
            z = one.x.clone().requires_grad_()
            (g,) = torch.autograd.grad(functions[one.victim](z), z)
            low, high = one.x[:9] <= -0.2, one.x[:9] >= 0.3
            assert (one.x[:9] >= -0.2).all() and (one.x[:9] <= 0.3).all()
            assert (g[:9][low] >= -1e-5).all() and (g[:9][high] <= 1e-5).all()
            assert g[:9][~low & ~high].abs().max() < 1e-5
            assert g[9:].abs().max() < 1e-5
            assert one.status is Status.CONVERGED
            active += int(low.sum() + high.sum())
    assert active > 10


def test_a_box_has_a_width() -> None:
    with pytest.raises(ValueError, match="low < high"):
        BoxConstraint(1.0, 1.0, 3)
