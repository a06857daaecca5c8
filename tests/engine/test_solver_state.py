"""The state of the solver: which slots are computed, and where their iterates go if a step does not lead down."""

import pytest
import torch
from engine.problems import Problem, quadratic, rosenbrock, starts
from torch import Tensor

from bench.engine.adaptive import Adam
from bench.engine.directions import LBFGS, Gradient, Iterate
from bench.engine.loop import Minimiser
from bench.engine.schedules import Constant
from bench.engine.slots import Slots
from bench.engine.solver_state import SolverState
from bench.engine.steps import Backtracking, Scheduled
from bench.engine.stops import CONVERGED, GO_ON, Tolerances
from bench.engine.trace import PICTURES

LONG = Tolerances(100, 100, 0.0, 0.0, None, 0.0)
DOWN = Backtracking(1.0, 1e-4, 20)


class Uphill(Gradient):
    """The gradient itself, along which every objective rises."""

    def __call__(self, state: Slots, at: Iterate) -> Tensor:
        return at.g


def begun(
    functions: list, x: Tensor, victims: list[int | None], *, keeps_size: bool = False, direction=None
) -> tuple[SolverState, Problem]:
    problem = Problem(functions)
    work = SolverState(direction or LBFGS(5, 1e-10), DOWN, LONG, None, problem, PICTURES)
    work.begin(victims, lambda v: x[v], keeps_size=keeps_size)
    return work, problem


def test_a_direction_that_does_not_descend_gives_way_to_steepest_descent() -> None:
    """As long as the step rule is a search; the first step of it is min(1, 1 / |g|_1) long."""
    x = starts(2, 12)
    work, problem = begun([quadratic(0), quadratic(1)], x, [0, 1], direction=Uphill())
    for _ in range(2):
        work.advance()
    for victim in range(2):
        z = x[victim].clone().requires_grad_()
        (g,) = torch.autograd.grad(quadratic(victim)(z), z)
        torch.testing.assert_close(problem.path(victim)[1], x[victim] - g * min(1.0, 1 / float(g.abs().sum())))
    free = SolverState(Uphill(), Scheduled(0.1, Constant()), LONG, None, Problem([quadratic(0)]), PICTURES)
    free.begin([0], lambda v: x[v])
    before = float(quadratic(0)(x[0]))
    free.advance(), free.advance()
    assert float(free.state.f[0]) > before


def test_where_not_even_steepest_descent_goes_lower_the_victim_has_converged() -> None:
    """A gradient that lies: the function rises both ways, so each trial is rejected until the tries are spent."""

    def lies(z: Tensor) -> Tensor:
        return 1 + (z.detach().square() + z - z.detach()).sum()

    work, _ = begun([lies], torch.zeros(1, 3, dtype=torch.float64), [0])
    codes = [int(work.advance()) for _ in range(21)]
    assert codes == [GO_ON] * 20 + [CONVERGED] and int(work.state.iterations[0]) == 0


def test_a_slot_without_a_victim_repeats_the_first_ones_work_and_counts_for_nothing() -> None:
    x = starts(3, 12)
    work, problem = begun([quadratic(seed) for seed in range(3)], x, [2, None, 1], keeps_size=True)
    assert work.state.victim.tolist() == [2, 2, 1] and work.parked.tolist() == [False, True, False]
    work.advance()
    assert work.median() == pytest.approx(float(work.state.f[[0, 2]].min()))
    assert torch.equal(problem.path(2)[0], x[2])


@pytest.mark.parametrize(("keeps_size", "left"), [(True, [2, 0, 1]), (False, [2, 1])])
def test_a_closed_slot_is_dropped_unless_the_number_of_slots_is_fixed(keeps_size: bool, left: list[int]) -> None:
    x = starts(3, 12)
    work, problem = begun([quadratic(seed) for seed in range(3)], x, [2, 0, 1], keeps_size=keeps_size)
    work.advance()
    before = work.state.f.clone()
    work.park(torch.tensor([1]))
    assert work.state.victim.tolist() == problem.slots == left
    assert torch.equal(work.state.f[[0, -1]], before[[0, 2]])
    assert len(work.past) == len(work.search) == len(work.images) == len(left)


def test_a_victim_that_enters_a_slot_starts_there_without_the_past_of_the_one_before() -> None:
    x = starts(3, 12)
    functions = [rosenbrock, quadratic(1), quadratic(2)]
    work, problem = begun(functions, x, [0, 1])
    for _ in range(6):
        work.advance()
    neighbour = {name: value[1].clone() for name, value in vars(work.state).items() if name != "seconds"}
    work.replace(torch.tensor([0]), torch.tensor([2]), x[[2]])
    assert not work.direction.has_past(work.past)[0] and int(work.images.count[0]) == 0
    assert all(torch.equal(getattr(work.state, name)[1], value) for name, value in neighbour.items())
    alone, only = begun(functions, x, [2])
    for _ in range(6):
        work.advance(), alone.advance()
    for ours, theirs in zip(problem.path(2), only.path(2), strict=True):
        torch.testing.assert_close(ours, theirs)


@pytest.mark.parametrize(("to", "reached"), [(1e-3, True), (9.0, False)])
def test_an_iterate_that_jumps_is_evaluated_there_and_the_best_one_is_kept(to: float, reached: bool) -> None:
    """Bowls with their bottom at 0: one victim of two is put near it, or far up the wall, after its third step. A jump
    is no step, but costs an evaluation; the objective that is handed on belongs to the point that is."""
    rule = Minimiser(
        Adam((0.9, 0.999), 1e-8, False, 0.0), Scheduled(0.1, Constant()), Tolerances(6, 20, 0.0, 0.0, None, 0.0), "best"
    )
    seen = []

    def search(work) -> None:
        state = work.state
        due = (state.victim == 1) & (state.iterations == 3)
        if due.any() and not seen:
            seen.append(state.x[due].clone())
            work.jump(due, torch.full_like(state.x, to))

    x = torch.ones(2, 12, dtype=torch.float64)
    bowls = Problem([lambda z: (z**2).sum()] * 2)
    ended = {one.victim: one for group in rule.run(bowls, lambda v: x[v], 2, 2, None, between=search) for one in group}
    assert [ended[i].iterations for i in (0, 1)] == [6, 6]
    assert [ended[i].evaluations for i in (0, 1)] == [7, 8]
    for one in ended.values():
        assert one.objective == pytest.approx(float((one.x**2).sum()))
    if reached:
        assert torch.equal(ended[1].x, torch.full_like(x[1], to))
    else:
        assert torch.equal(ended[1].x, seen[0][0])
