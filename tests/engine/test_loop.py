"""The flat loop: who is handed on when, with which word, at what cost in memory."""

import itertools
import resource
from pathlib import Path

import pytest
import torch
from engine.problems import Bowls, Problem, quadratic, rosenbrock, starts
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.engine.adaptive import SGD, Adam
from bench.engine.directions import LBFGS, Direction
from bench.engine.loop import Minimiser
from bench.engine.schedules import Constant
from bench.engine.steps import Backtracking, Fixed, Scheduled, StepRule
from bench.engine.stops import Tolerances, TorchSteps
from bench.engine.wolfe import StrongWolfe
from bench.messages.status import Status


def test_streaming_through_few_slots_changes_nothing() -> None:
    """Seven victims through two slots end where each ends alone, and each is handed on once."""
    functions = [quadratic(s) for s in range(7)]
    x = starts(7, 12)
    rule = Minimiser(LBFGS(6, 1e-10), Backtracking(1.0, 1e-4, 20), Tolerances(200, 200, 0.0, 1e-9, None, 0.0), "best")
    together = [one for group in rule.run(Problem(functions), lambda v: x[v], 7, 2, None) for one in group]
    assert sorted(one.victim for one in together) == list(range(7))
    for one in together:
        (alone,) = next(iter(rule.run(Problem([functions[one.victim]]), lambda v, i=one.victim: x[[i]], 1, 1, None)))
        assert one.evaluations == alone.evaluations
        torch.testing.assert_close(one.x, alone.x, rtol=1e-9, atol=1e-9)
        assert one.status is Status.CONVERGED


def test_backtracking_never_goes_up_and_solves_rosenbrock() -> None:
    x = starts(6, 4)
    rule = Minimiser(
        LBFGS(10, 1e-10), Backtracking(1.0, 1e-4, 30), Tolerances(2000, 2000, 1e-14, 0.0, None, 0.0), "last"
    )
    for group in rule.run(Problem([rosenbrock] * 6), lambda v: x[v], 6, 6, None):
        for one in group:
            known = one.curve[one.curve_at >= 0]
            assert (known.diff() <= 0).all()
            assert one.status is Status.CONVERGED
            assert one.objective <= 1e-14 * known[0]


def test_what_is_not_finite_is_named_and_never_best() -> None:
    """A function that is nowhere finite, one that leaves the finite on its way, and a sound one side by side."""
    functions = [lambda z: (z * float("nan")).sum(), lambda z: -(z**3).sum() - torch.log(5 - z).sum(), quadratic(1)]
    x = torch.ones(3, 12, dtype=torch.float64)
    rule = Minimiser(LBFGS(5, 1e-10), Fixed(1.0), TorchSteps(5, 20, 1e-7, 1e-9, None, 1), "last")
    ended = {one.victim: one for group in rule.run(Problem(functions), lambda v: x[v], 3, 3, None) for one in group}
    assert ended[0].status is Status.NONFINITE
    assert ended[1].status is Status.DIVERGED
    assert torch.isfinite(ended[1].x).all()
    assert ended[2].status is Status.CONVERGED


def test_budget_counts_every_evaluation() -> None:
    rule = Minimiser(LBFGS(5, 1e-10), Backtracking(1.0, 1e-4, 20), Tolerances(1000, 17, 0.0, 0.0, None, 0.0), "best")
    x = starts(3, 4)
    problem = Problem([rosenbrock] * 3)
    for group in rule.run(problem, lambda v: x[v], 3, 3, None):
        for one in group:
            assert one.status is Status.BUDGET
            assert one.evaluations == 17
    assert len(problem.seen) == 17


@pytest.mark.parametrize("seats", [None, [0, 1, 2]], ids=["slots are closed", "slots without a victim are computed"])
def test_the_victims_share_all_of_the_time(seats: list[int] | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """An evaluation takes one second here, whatever it is of; victims that end at different times divide every one."""
    clock = itertools.count()
    monkeypatch.setattr("bench.engine.solver_state.time.perf_counter", lambda: float(next(clock)))
    x, problem = starts(3, 12), Problem([quadratic(0), quadratic(1), rosenbrock])
    rule = Minimiser(LBFGS(5, 1e-10), Backtracking(1.0, 1e-4, 20), Tolerances(60, 60, 0.0, 1e-6, None, 0.0), "best")
    ends = [one for group in rule.run(problem, lambda v: x[v], 3, 8, None, seats=seats) for one in group]
    assert len({one.evaluations for one in ends}) > 1
    assert sum(one.seconds for one in ends) == pytest.approx(len(problem.seen), rel=1e-12)


RULES: list[tuple[Direction, StepRule]] = [
    (LBFGS(4, 1e-10), Backtracking(1.0, 1e-4, 20)),
    (LBFGS(4, 1e-10), StrongWolfe(1.0, 1e-4, 0.9, 20, 1e-9)),
    (Adam([0.9, 0.99], 1e-8, False, 0.0), Scheduled(0.3, Constant())),
    (SGD(0.5, 0.0), Fixed(0.05)),
]


@pytest.mark.parametrize("rule", range(len(RULES)))
@settings(max_examples=3, deadline=None)
@given(victims=st.integers(1, 5), slots=st.integers(1, 6), first=st.integers(0, 3))
def test_neither_the_slots_nor_the_neighbours_change_a_victims_path(
    rule: int, victims: int, slots: int, first: int
) -> None:
    """Each victim's every evaluated point equals the one it has alone, whenever its slot was filled."""
    functions = [quadratic(seed) if seed % 3 else rosenbrock for seed in range(first, first + victims)]
    x = starts(victims, 12, seed=first, scale=0.4)
    minimiser = Minimiser(*RULES[rule], Tolerances(40, 14, 0.0, 0.02, None, 0.0), "best")
    together = Problem(functions)
    ends = [one for group in minimiser.run(together, lambda v: x[v], victims, slots, None) for one in group]
    assert sorted(one.victim for one in ends) == list(range(victims))
    for one in ends:
        alone = Problem([functions[one.victim]])
        ((only,),) = minimiser.run(alone, lambda v, i=one.victim: x[[i]], 1, 1, None)
        assert (one.status, one.evaluations, one.iterations) == (only.status, only.evaluations, only.iterations)
        ours, reference = together.path(one.victim), alone.path(0)
        torch.testing.assert_close(torch.stack(ours), torch.stack(reference), rtol=1e-8, atol=1e-10)


def test_the_best_iterate_is_found_among_all_that_were_visited() -> None:
    """A run that goes up and down: what is returned is the lowest of its iterates, and the last one where asked for."""
    x = starts(5, 12, scale=0.5)
    for select in ("best", "last"):
        problem = Problem([rosenbrock] * 5)
        rule = Minimiser(SGD(0.9, 0.0), Fixed(4e-4), Tolerances(60, 60, 0.0, 0.0, None, 0.0), select)
        for group in rule.run(problem, lambda v: x[v], 5, 2, None):
            for one in group:
                path = problem.path(one.victim)
                values = torch.stack([rosenbrock(z) for z in path])
                assert (values.diff() > 0).any()
                at = int(values.argmin()) if select == "best" else len(path) - 1
                assert torch.equal(one.x, path[at])
                assert one.objective == values[at]


@pytest.mark.slow
def test_memory_does_not_grow_with_the_victims() -> None:
    """600 victims after 60: were a victim's iterate kept, the process would grow by 540 x 80 kB = 43 MB."""
    n = 10_000
    rule = Minimiser(LBFGS(3, 1e-10), Backtracking(1.0, 1e-4, 20), Tolerances(20, 3, 0.0, 1e-6, None, 0.0), "best")

    def highest(victims: int) -> int:
        torch.manual_seed(0)
        most = 0
        for _ in rule.run(Bowls(victims, n), lambda v: torch.ones(len(v), n, dtype=torch.float64), victims, 16, None):
            most = max(most, _resident())
        return most

    highest(60)
    assert highest(600) - highest(60) < 12 * 2**20


def _resident() -> int:
    """Bytes of this process that are in memory."""
    statm = Path("/proc/self/statm")
    if not statm.exists():
        pytest.skip("no /proc here")
    return int(statm.read_text().split()[1]) * resource.getpagesize()
