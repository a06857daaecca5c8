"""Stops: a standstill is noticed, each victim by its own count."""

import pytest
from engine.problems import Problem, starts
from torch import Tensor

from bench.engine.adaptive import SGD
from bench.engine.loop import Minimiser
from bench.engine.schedules import Constant
from bench.engine.steps import Scheduled
from bench.engine.stops import Tolerances
from bench.messages.status import Status


def plain(function, start: Tensor, patience: int, change: float, budget: int) -> int:
    """Evaluations that gradient descent makes until `patience` of them brought no relative decrease by `change`."""
    z, mark, at = start.clone(), float("inf"), 0
    for k in range(1, budget + 1):
        z = z.detach().requires_grad_()
        value = function(z)
        value.backward()
        if value.item() < mark * (1 - change):
            mark, at = value.item(), k
        if k - at >= patience:
            return k
        z = z - 0.1 * z.grad
    return budget


@pytest.mark.parametrize(("patience", "change"), [(5, 1e-3), (20, 1e-9), (1, 0.0)])
def test_patience_ends_a_standstill(patience: int, change: float) -> None:
    """Objectives that sink to a floor at different speeds; a slot's next victim begins with fresh patience."""
    functions = [lambda z, k=k: 1 + ((0.6 + 0.3 * k) * z**2).sum() for k in range(5)]
    x, budget = starts(5, 5), 600
    rule = Minimiser(
        SGD(0.0, 0.0), Scheduled(0.1, Constant()), Tolerances(budget, budget, 0.0, 0.0, patience, change), "best"
    )
    expected = [plain(f, row, patience, change, budget) for f, row in zip(functions, x)]
    assert len(set(expected)) > 3
    for slots in (2, 5):
        ends = [one for group in rule.run(Problem(functions), lambda v: x[v], 5, slots, None) for one in group]
        assert [one.evaluations for one in sorted(ends, key=lambda one: one.victim)] == expected
        for one in ends:
            assert one.status is (Status.BUDGET if one.evaluations == budget else Status.CONVERGED)


def test_without_patience_the_budget_is_used_up() -> None:
    x = starts(3, 5)
    stop = Tolerances(300, 300, 0.0, 0.0, None, 0.5)
    rule = Minimiser(SGD(0.0, 0.0), Scheduled(0.1, Constant()), stop, "best")
    for group in rule.run(Problem([lambda z: 1 + (z**2).sum()] * 3), lambda v: x[v], 3, 3, None):
        for one in group:
            assert (one.evaluations, one.status) == (300, Status.BUDGET)


def test_a_run_converges_at_a_share_of_its_first_objective_whatever_its_unit() -> None:
    """(1 - 2 * 0.1)^2 = 0.64 per step: 0.64^16 is the first power below 1e-3; a slot's next victim begins anew."""
    x = starts(1, 5).double()
    for unit in (1e-12, 1.0, 1e12):
        for slots in (1, 2):
            stop = Tolerances(100, 100, 1e-3, 0.0, None, 0.0)
            rule = Minimiser(SGD(0.0, 0.0), Scheduled(0.1 / unit, Constant()), stop, "best")
            problem = Problem([lambda z, unit=unit: unit * (z**2).sum()] * 3)
            ends = [one for group in rule.run(problem, lambda v: x.expand(len(v), -1), 3, slots, None) for one in group]
            assert [(one.iterations, one.status) for one in ends] == [(16, Status.CONVERGED)] * 3


@pytest.mark.parametrize("bad", [{"patience": 0}, {"change": -1.0}, {"iterations": 0}, {"objective": -1.0}])
def test_what_is_out_of_range_is_named(bad: dict) -> None:
    good = {"iterations": 1, "evaluations": 1, "objective": 0.0, "gradient": 0.0, "patience": None, "change": 0.0}
    with pytest.raises(ValueError, match=next(iter(bad))):
        Tolerances(**(good | bad))
