"""Restarts: more victims to the loop, one claim to everybody else."""

import torch
from engine.problems import Problem, quadratic, starts

from bench.engine.directions import LBFGS
from bench.engine.loop import Minimiser
from bench.engine.restarts import Repeated, Selection
from bench.engine.state import Finished
from bench.engine.steps import Backtracking
from bench.engine.stops import Tolerances
from bench.messages.status import Status


def finished(run: int, objective: float, status: Status = Status.BUDGET) -> Finished:
    none = torch.zeros(0)
    return Finished(run, torch.tensor([float(run)]), objective, 3, 5 + run, 0.5, status, none, none, none, none)


def test_a_victim_is_given_when_its_last_run_ends_with_the_lowest_objective_and_the_sum_of_costs() -> None:
    selection = Selection(3)
    assert selection.add([finished(3, 4.0), finished(1, 2.0), finished(5, 1.0)]) == []
    (one,) = selection.add([finished(0, 7.0), finished(2, 3.0)])
    assert (one.victim, one.x.item(), one.objective) == (0, 1.0, 2.0)
    assert (one.iterations, one.evaluations, one.seconds) == (9, 5 + 6 + 7, 1.5)
    (other,) = selection.add([finished(4, float("nan"))])
    assert (other.victim, other.x.item()) == (1, 5.0)


def test_a_failed_run_is_chosen_only_where_all_failed_and_equals_by_the_earlier_start() -> None:
    nan = float("nan")
    cases = [
        ([(0.1, Status.DIVERGED), (0.5, Status.BUDGET)], 1),
        ([(nan, Status.NONFINITE), (0.5, Status.DIVERGED)], 1),
        ([(0.5, Status.BUDGET), (0.5, Status.CONVERGED)], 0),
        ([(nan, Status.NONFINITE), (nan, Status.NONFINITE)], 0),
    ]
    for runs, expected in cases:
        for order in (0, 1), (1, 0):  # in which they end
            selection = Selection(2)
            chosen = [one for i in order for one in selection.add([finished(i, *runs[i])])]
            assert [int(one.x) for one in chosen] == [expected], (runs, order)


def test_few_victims_are_open_at_a_time_however_many_there_are() -> None:
    """60 victims of 4 runs that end at different times, through 5 slots: at most 6 are held."""
    functions = [quadratic(seed) for seed in range(7)]
    x = starts(240, 12, scale=2.0)
    rule = Minimiser(LBFGS(3, 1e-10), Backtracking(1.0, 1e-4, 20), Tolerances(40, 9, 0.05, 0.0, None, 0.0), "best")
    problem = Problem([functions[victim % 7] for victim in range(60)])
    selection = Selection(4)
    most, given = 0, []
    for runs in rule.run(Repeated(problem, 4), lambda r: x[r], 240, 5, None):
        problem.seen.clear()
        given += [one.victim for one in selection.add(runs)]
        most = max(most, len(selection._open))
    assert sorted(given) == list(range(60))
    assert 1 < most <= 6
