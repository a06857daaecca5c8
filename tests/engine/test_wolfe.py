"""The strong-Wolfe search of many victims against torch's, one victim at a time."""

import math

import pytest
import torch
from engine.problems import Problem, log_cosh, quadratic, rosenbrock, starts
from hypothesis import example, given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.optim.lbfgs import _strong_wolfe

from bench.engine.directions import LBFGS, Gradient
from bench.engine.loop import Minimiser
from bench.engine.steps import Trial
from bench.engine.stops import Tolerances, TorchSteps
from bench.engine.wolfe import StrongWolfe
from bench.messages.status import Status


def torch_points(function, start: Tensor, iterations: int, lr: float) -> list[Tensor]:
    """Every point that torch's optimiser evaluates, in order."""
    z = start.clone().requires_grad_()
    points = []
    optimiser = torch.optim.LBFGS(
        [z],
        lr=lr,
        max_iter=iterations,
        max_eval=10**6,
        tolerance_grad=0.0,
        tolerance_change=0.0,
        history_size=100,
        line_search_fn="strong_wolfe",
    )

    def closure() -> Tensor:
        points.append(z.detach().clone())
        optimiser.zero_grad()
        value = function(z)
        value.backward()
        return value

    optimiser.step(closure)
    return points


@pytest.mark.parametrize("lr", [1.0, 0.05, 20.0])
@pytest.mark.parametrize("name", ["quadratic", "log_cosh", "rosenbrock"])
def test_every_evaluated_point_equals_torchs(name: str, lr: float) -> None:
    """For 20 iterations, or until a victim is so near its minimum that values are told apart by rounding alone."""
    victims = 3
    functions = {"quadratic": [quadratic(s) for s in range(victims)], "log_cosh": [log_cosh(s) for s in range(victims)]}
    mine = functions.get(name, [rosenbrock] * victims)
    x = starts(victims, 12, scale=0.5)
    expected = [torch_points(f, row, 20, lr) for f, row in zip(mine, x)]
    problem = Problem(mine)
    stop = TorchSteps(20, 20, 0.0, 0.0, None, 1)
    rule = Minimiser(LBFGS(100, 1e-10), StrongWolfe(lr, 1e-4, 0.9, 10**6, 1e-9), stop, "last")
    ends = [one for group in rule.run(problem, lambda v: x[v], victims, victims, None) for one in group]
    assert lr == 1.0 or all(one.evaluations > one.iterations + 3 for one in ends)  # there were searches
    for victim, reference in enumerate(expected):
        ours = problem.path(victim)
        least = min(float(mine[victim](z)) for z in reference)
        compared = 0
        for k, (a, b) in enumerate(zip(ours, reference)):
            if k > 0 and float(mine[victim](reference[k - 1])) - least <= 1e-9 * max(1.0, abs(least)):
                break
            assert (a - b).abs().max() <= 1e-8 * b.abs().max().clamp(min=1e-3), (victim, k)
            compared += 1
        assert compared >= (20 if name == "rosenbrock" else 8), (victim, compared)


@st.composite
def lines(draw: st.DrawFn) -> tuple[list[float], float]:
    """Coefficients of a smooth function of one number, and a first trial."""
    number = st.floats(-3, 3)
    return [draw(number) for _ in range(5)], draw(st.floats(0.01, 30))


def on_line(coefficients: list[float], z: Tensor) -> tuple[Tensor, Tensor]:
    """Bounded below, with many minima: `z` `[1]` -> value and gradient `[1]`."""
    a, b, c, d, e = coefficients
    z = z.detach().requires_grad_()
    value = (0.05 * z**2 + a * torch.sin(z) + b * torch.cos(2 * z) + c * torch.exp(-((z - d) ** 2)) + e * z).sum()
    return value.detach(), torch.autograd.grad(value, z)[0]


def told_apart(trials: list[float]) -> int:
    """How many trials rounding does not decide.

    The cubic through two trials that are within 1e-4 of each other divides differences of nearly equal numbers, so the
    trial that it proposes can be anywhere, here and in torch.
    """
    near = [k for k in range(1, len(trials)) if abs(trials[k] - trials[k - 1]) < 1e-4 * abs(trials[k])]
    return near[0] + 1 if near else len(trials)


@settings(max_examples=50, deadline=None)
@given(
    st.lists(lines(), min_size=1, max_size=6),
    st.integers(1, 12),
    st.sampled_from([0.9, 0.3, 0.01]),
)
@example([([0.3, 2.8, 1.6, 2.8, -2.2], 4.03), ([0.4, -2.1, -0.8, -2.2, 2.4], 2.82)], 12, 0.9)  # a second trial uphill
@example([([-2.0771794926008, 2.0, -2.0, 2.78125, 2.251953125], 16.032736741301697)], 8, 0.9)  # trials that hardly grow
def test_searches_side_by_side_take_the_trials_of_torchs_own(
    many: list[tuple[list[float], float]], tries: int, curvature: float
) -> None:
    """Any mixture of phases, caps on the tries included: the same trials, and the same point in the end."""
    x = torch.zeros(len(many), 1, dtype=torch.float64)
    at = [on_line(coefficients, row) for (coefficients, _), row in zip(many, x)]
    f, g = torch.stack([value for value, _ in at]), torch.stack([gradient for _, gradient in at])
    d, slope = -g, -(g * g).sum(1)
    expected = []
    for (coefficients, t), row, (value, gradient) in zip(many, x, at):
        trials: list[float] = []

        def evaluate(x: Tensor, t: float, d: Tensor, line: list = coefficients, trials: list = trials) -> tuple:
            trials.append(float(t))
            value, gradient = on_line(line, x + t * d)
            return float(value), gradient

        _, _, found, _ = _strong_wolfe(
            evaluate, row, t, -gradient, float(value), gradient, -gradient.dot(gradient), 1e-4, curvature, 1e-9, tries
        )
        expected.append((trials, float(found)))
    rule = StrongWolfe(1.0, 1e-4, curvature, tries, 1e-9)
    state = rule.start(x)
    t = torch.tensor([first for _, first in many], dtype=torch.float64)
    ours: list[list[float]] = [[] for _ in many]
    found: list[float | None] = [None] * len(many)
    for _ in range(tries + 1):
        there = [on_line(coefficients, row) for (coefficients, _), row in zip(many, x + t.unsqueeze(1) * d)]
        for victim, length in enumerate(t.tolist()):
            if found[victim] is None:
                ours[victim].append(length)
        after, gradient = torch.stack([value for value, _ in there]), torch.stack([row for _, row in there])
        verdict = rule.judge(state, Trial(t, f, slope, after, gradient, d))
        for victim in range(len(many)):
            if found[victim] is not None:
                continue
            if verdict.take[victim]:
                found[victim] = float(t[victim])
            elif verdict.over is not None and verdict.over[victim]:
                found[victim] = 0.0
            elif verdict.kept is not None and verdict.kept.slots[victim]:
                length = verdict.kept.t[victim]
                found[victim] = float(length)
                value, slope_there = on_line(many[victim][0], x[victim] + length * d[victim])
                assert verdict.kept.f[victim] == value
                assert torch.equal(verdict.kept.g[victim], slope_there)
        t = verdict.t
    for victim, (trials, length) in enumerate(expected):
        if abs(float(g[victim])) < 1e-3:  # a start at a stationary point: nothing but rounding to compare
            continue
        first = told_apart(trials)
        assert ours[victim][:first] == pytest.approx(trials[:first], rel=1e-6, abs=1e-9), victim
        if first == len(trials):
            assert ours[victim] == pytest.approx(trials, rel=1e-6, abs=1e-9), victim
            assert found[victim] == pytest.approx(length, rel=1e-6, abs=1e-9), victim


def test_any_number_of_slots_gives_the_same_end() -> None:
    """Seven victims through one, three or seven slots."""
    functions = [quadratic(s) for s in range(4)] + [rosenbrock] * 3
    x = starts(7, 12, scale=0.5)
    rule = Minimiser(
        LBFGS(6, 1e-10), StrongWolfe(1.0, 1e-4, 0.9, 25, 1e-9), Tolerances(25, 80, 0.0, 1e-6, None, 0.0), "best"
    )
    ends = []
    for slots in (1, 3, 7):
        run = rule.run(Problem(functions), lambda v: x[v], 7, slots, None)
        ends.append(sorted((one for group in run for one in group), key=lambda one: one.victim))
    for one, *others in zip(*ends):
        for other in others:
            assert (one.evaluations, one.iterations, one.status) == (other.evaluations, other.iterations, other.status)
            torch.testing.assert_close(one.x, other.x, rtol=1e-8, atol=1e-8)


def test_what_is_taken_meets_both_conditions() -> None:
    """Along steepest descent on Rosenbrock's function; with tries to spare no search ends without such a point."""
    x = starts(6, 6, scale=0.8)
    problem = Problem([rosenbrock] * 6)
    rule = StrongWolfe(1.0, 1e-4, 0.5, 60, 1e-12)
    problem.load(torch.arange(6))
    f, g = problem(x)
    d, slope, state = -g, -(g * g).sum(1), rule.start(x)
    t, taken = 1.0 / g.abs().sum(1), torch.zeros(6, dtype=torch.bool)
    for _ in range(60):
        after, there = problem(x + t.unsqueeze(1) * d)
        verdict = rule.judge(state, Trial(t, f, slope, after, there, d))
        new = verdict.take & ~taken
        assert (after <= f + 1e-4 * t * slope)[new].all()
        assert (((there * d).sum(1)).abs() <= 0.5 * slope.abs())[new].all()
        taken |= new
        t = verdict.t
    assert taken.all()


def test_a_wall_of_infinity_is_not_crossed() -> None:
    """Where a trial is not finite the bracket is halved: the barrier's minimum is found all the same."""

    def barrier(z: Tensor) -> Tensor:
        return (z - torch.log(1 - z) - torch.log(z)).sum()

    x = torch.full((3, 5), 0.5, dtype=torch.float64)
    rule = Minimiser(
        Gradient(), StrongWolfe(50.0, 1e-4, 0.9, 40, 1e-12), Tolerances(500, 4000, 0.0, 1e-6, None, 0.0), "best"
    )
    for group in rule.run(Problem([barrier] * 3), lambda v: x[v], 3, 3, None):
        for one in group:
            assert one.status is Status.CONVERGED
            # derivative 1 + 1 / (1 - z) - 1 / z = 0
            torch.testing.assert_close(one.x, torch.full((5,), (3 - math.sqrt(5)) / 2, dtype=torch.float64))
