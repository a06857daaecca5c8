"""One example per step: each in its turn, with a past of its own; with one example, nothing else than L-BFGS."""

from itertools import pairwise

import pytest
import torch
from engine.problems import Problem, log_cosh, quadratic
from torch import Tensor

from bench.engine.adaptive import Adam
from bench.engine.directions import LBFGS, Direction, Gradient
from bench.engine.in_turn import InTurn
from bench.engine.loop import Minimiser
from bench.engine.state import Finished
from bench.engine.steps import Backtracking, Fixed, StepRule
from bench.engine.stops import Tolerances
from bench.messages.status import Status

B, N = 3, 12  # three examples of three pixels and one logit each


def starts(victims: Tensor) -> Tensor:
    drawn = torch.randn(8, N, generator=torch.Generator().manual_seed(5), dtype=torch.float64)
    return 0.3 * drawn[victims]


def minimise(
    functions: list, direction: Direction, step: StepRule, iterations: int, slots: int = 8
) -> tuple[list[Finished], Problem]:
    problem = Problem(functions)
    rule = Minimiser(direction, step, Tolerances(iterations, 10 * iterations, 0.0, 1e-9, None, 0.0), "best")
    done = [one for some in rule.run(problem, starts, len(functions), slots, None) for one in some]
    return sorted(done, key=lambda one: one.victim), problem


def moved(step: Tensor) -> list[int]:
    """Which examples a step has moved; the images come first, then the logits."""
    rows = torch.cat([step[:9].reshape(B, 3), step[9:].reshape(B, 1)], 1)
    return [int(i) for i in torch.nonzero(rows.abs().sum(1)).flatten()]


@pytest.mark.parametrize("inner", [LBFGS(4, 1e-10), Gradient()], ids=["LBFGS", "Gradient"])
def test_one_example_moves_per_step_its_image_and_its_logits_each_in_its_turn(inner: Direction) -> None:
    _, problem = minimise([quadratic(s) for s in range(2)], InTurn(inner, B, 9), Fixed(0.05), 7)
    for victim in range(2):
        path = problem.path(victim)
        assert [moved(after - before) for before, after in pairwise(path)] == [[i % B] for i in range(7)]


def test_with_one_example_it_is_the_direction_inside() -> None:
    functions = [log_cosh(s) for s in range(3)]
    turned, one = minimise(functions, InTurn(LBFGS(5, 1e-10), 1, N), Backtracking(1.0, 1e-4, 20), 40)
    plain, other = minimise(functions, LBFGS(5, 1e-10), Backtracking(1.0, 1e-4, 20), 40)
    assert [a.evaluations for a in turned] == [b.evaluations for b in plain]
    assert all(torch.equal(a, b) for v in range(3) for a, b in zip(one.path(v), other.path(v)))


def test_examples_that_depend_on_each_other_reach_the_minimum_and_a_victim_alone_takes_the_same_path() -> None:
    """The quadratic couples all variables; its minimum has a gradient of zero."""
    functions, rule = [quadratic(s) for s in range(3)], Backtracking(1.0, 1e-4, 20)
    done, _ = minimise(functions, InTurn(LBFGS(10, 1e-10), B, 9), rule, 200)
    for victim, one in enumerate(done):
        assert one.status is Status.CONVERGED
        z = one.x.clone().requires_grad_()
        (g,) = torch.autograd.grad(functions[victim](z), z)
        assert g.abs().max() < 1e-6
    fewer, _ = minimise(functions, InTurn(LBFGS(10, 1e-10), B, 9), rule, 200, slots=1)
    assert [one.iterations for one in fewer] == [one.iterations for one in done]
    for one, other in zip(fewer, done):
        torch.testing.assert_close(one.x, other.x, rtol=1e-9, atol=1e-9)


def test_an_example_that_cannot_go_down_passes_its_turn_on() -> None:
    """The function knows nothing of the first example, so its gradient is zero there."""

    def blind(z: Tensor) -> Tensor:
        return ((z - 1) ** 2 * torch.tensor([0.0] * 3 + [1.0] * 6 + [0.0, 1.0, 1.0], dtype=z.dtype)).sum()

    (one,), problem = minimise([blind], InTurn(LBFGS(5, 1e-10), B, 9), Backtracking(1.0, 1e-4, 20), 60)
    assert one.objective < 1e-12
    start = problem.path(0)[0]
    assert torch.equal(one.x[:3], start[:3]) and torch.equal(one.x[9], start[9])


def test_the_state_of_kept_slots_is_theirs_and_a_new_victim_begins_with_the_first_example() -> None:
    direction = InTurn(LBFGS(2, 1e-10), B, 9)
    state = direction.start(torch.zeros(3, N))
    state.example[:] = torch.tensor([0, 1, 2])
    state.past.count[:] = torch.arange(9)  # type: ignore[attr-defined]
    kept = state.keep(torch.tensor([2, 0]))
    assert kept.example.tolist() == [2, 0] and kept.past.count.tolist() == [6, 7, 8, 0, 1, 2]  # type: ignore[attr-defined]
    _, problem = minimise([quadratic(0), quadratic(1)], InTurn(LBFGS(4, 1e-10), B, 9), Fixed(0.05), 4, slots=1)
    for victim in range(2):
        path = problem.path(victim)
        assert [moved(after - before) for before, after in pairwise(path)] == [[0], [1], [2], [0]]


def test_a_direction_whose_state_changes_at_every_step_is_refused() -> None:
    with pytest.raises(ValueError, match="want the direction LBFGS or Gradient, not Adam"):
        InTurn(Adam([0.9, 0.999], 1e-8, False, 0.0), B, 9)
