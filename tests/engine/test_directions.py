"""The compact L-BFGS of many victims against torch's two-loop recursion, one victim at a time."""

import pytest
import torch
from torch import Tensor

from bench.engine.directions import LBFGS
from bench.engine.loop import Minimiser
from bench.engine.steps import Backtracking, Fixed
from bench.engine.stops import Tolerances, TorchSteps
from bench.messages import Status

torch.set_default_dtype(torch.float32)


class Problem:
    """Stands where `Matching` does: S slots, each with a function of its own, in float64."""

    def __init__(self, functions: list) -> None:
        self.functions = functions
        self.slots: list[int] = []
        self.seen: list[dict[int, Tensor]] = []

    def load(self, victims: Tensor) -> None:
        self.slots = victims.tolist()

    def replace(self, slots: Tensor, victims: Tensor) -> None:
        for slot, victim in zip(slots.tolist(), victims.tolist()):
            self.slots[slot] = victim

    def __call__(self, z: Tensor) -> tuple[Tensor, Tensor]:
        self.seen.append(dict(zip(self.slots, z.detach().clone())))
        z = z.detach().requires_grad_()
        values = torch.stack([self.functions[v](row) for v, row in zip(self.slots, z)])
        return values.detach(), torch.autograd.grad(values.sum(), z)[0]


def quadratic(seed: int, n: int = 12):
    g = torch.Generator().manual_seed(seed)
    a = torch.randn(n, n, generator=g, dtype=torch.float64)
    matrix = a @ a.T / n + 0.3 * torch.eye(n, dtype=torch.float64)
    b = torch.randn(n, generator=g, dtype=torch.float64)
    return lambda z: 0.5 * z @ matrix @ z - b @ z


def log_cosh(seed: int):
    shift = torch.randn(12, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return lambda z: torch.log(torch.cosh(z - shift)).sum()


def rosenbrock(z: Tensor) -> Tensor:
    return (100 * (z[1:] - z[:-1] ** 2) ** 2 + (1 - z[:-1]) ** 2).sum()


def torch_path(function, start: Tensor, iterations: int, history: int, lr: float) -> list[Tensor]:
    """Iterates of torch.optim.LBFGS: one call with max_iter=k, for each k, from the start."""
    path = []
    for k in range(1, iterations + 1):
        z = start.clone().requires_grad_()
        optimiser = torch.optim.LBFGS([z], lr=lr, max_iter=k, max_eval=10 * k, history_size=history)

        def closure(z: Tensor = z, optimiser: torch.optim.Optimizer = optimiser) -> Tensor:
            optimiser.zero_grad()
            value = function(z)
            value.backward()
            return value

        optimiser.step(closure)
        path.append(z.detach().clone())
    return path


def our_path(functions: list, starts: Tensor, iterations: int, history: int, lr: float) -> list[dict[int, Tensor]]:
    """Without a line search each evaluation is an iterate: `[k][victim]`, the start at k = 0."""
    problem = Problem(functions)
    rule = Minimiser(LBFGS(history, 1e-10), Fixed(lr), TorchSteps(1, iterations, 1e-7, 1e-9, None, 1), "last")
    list(rule.run(problem, lambda v: starts[v], len(functions), len(functions), None))
    return problem.seen


@pytest.mark.parametrize("history", [3, 8, 100])
@pytest.mark.parametrize(
    ("name", "lr"), [("quadratic", 1.0), ("log_cosh", 0.5), ("rosenbrock", 0.05)], ids=lambda value: str(value)
)
def test_iterates_equal_torchs_for_fifty_iterations(name: str, lr: float, history: int) -> None:
    """Two implementations of one formula in float64 differ by rounding: 1e-8 relative is 8 orders above it."""
    functions = {"quadratic": [quadratic(s) for s in range(4)], "log_cosh": [log_cosh(s) for s in range(4)]}.get(
        name, [rosenbrock] * 4
    )
    starts = torch.randn(4, 12, generator=torch.Generator().manual_seed(7), dtype=torch.float64) * 0.3
    starts[2] = (
        torch.tensor(0.0) if name != "rosenbrock" else torch.tensor(1.0)
    )  # Rosenbrock's minimum: converges at once
    expected = [torch_path(f, s, 50, history, lr) for f, s in zip(functions, starts)]
    ours = our_path(functions, starts, 50, history, lr)
    compared = 0
    for victim, path in enumerate(expected):
        for k, reference in enumerate(path, 1):
            if k >= len(ours) or victim not in ours[k]:  # converged, by torch's own rules: it moves no further
                assert torch.equal(path[-1], path[k - 2] if k > 1 else starts[victim])
                break
            scale = reference.abs().max().clamp(min=1e-3)
            assert (ours[k][victim] - reference).abs().max() <= 1e-8 * scale, (victim, k)
            compared += 1
    assert compared > 50


def test_a_pair_without_curvature_is_skipped() -> None:
    """s.y <= 1e-10 would make the metric indefinite."""
    direction = LBFGS(5, 1e-10)
    x = torch.zeros(2, 3)
    state = direction.start(x)
    s = torch.ones(2, 3)
    direction.learn(state, s, torch.stack([s[0], -s[0]]), torch.tensor([True, True]))
    assert state.count.tolist() == [1, 0]
    assert direction.has_past(state).tolist() == [True, False]


def test_clear_forgets_one_victim_only() -> None:
    direction = LBFGS(4, 1e-10)
    g = torch.Generator().manual_seed(0)
    state = direction.start(torch.zeros(3, 6))
    for _ in range(7):
        s = torch.randn(3, 6, generator=g)
        direction.learn(state, s, s * torch.rand(3, 6, generator=g), torch.ones(3, dtype=torch.bool))
    gradient = torch.randn(3, 6, generator=g)
    before = direction(state, gradient)
    direction.clear(state, torch.tensor([False, True, False]))
    after = direction(state, gradient)
    assert torch.equal(after[1], -gradient[1])
    # the batched product may sum in another order once a row is empty: float32 rounding
    torch.testing.assert_close(after[[0, 2]], before[[0, 2]], rtol=1e-5, atol=1e-6)


def test_the_direction_descends_where_curvature_is_positive() -> None:
    """The compact matrix is positive definite when every pair has s.y > 0."""
    direction = LBFGS(10, 1e-10)
    g = torch.Generator().manual_seed(1)
    matrix = torch.diag(torch.rand(20, generator=g, dtype=torch.float64) * 10 + 0.1)
    state = direction.start(torch.zeros(5, 20, dtype=torch.float64))
    for _ in range(25):
        s = torch.randn(5, 20, generator=g, dtype=torch.float64)
        direction.learn(state, s, s @ matrix, torch.ones(5, dtype=torch.bool))
    gradient = torch.randn(5, 20, generator=g, dtype=torch.float64)
    assert ((direction(state, gradient) * gradient).sum(1) < 0).all()


def test_streaming_through_few_slots_changes_nothing() -> None:
    """Seven victims through two slots end where each ends alone, and each is handed on once."""
    functions = [quadratic(s) for s in range(7)]
    starts = torch.randn(7, 12, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    rule = Minimiser(LBFGS(6, 1e-10), Backtracking(1.0, 1e-4, 20), Tolerances(200, 200, -0.0, 1e-9), "best")
    together = [one for group in rule.run(Problem(functions), lambda v: starts[v], 7, 2, None) for one in group]
    assert sorted(one.victim for one in together) == list(range(7))
    for one in together:
        (alone,) = next(
            iter(rule.run(Problem([functions[one.victim]]), lambda v, i=one.victim: starts[[i]], 1, 1, None))
        )
        assert one.evaluations == alone.evaluations
        torch.testing.assert_close(one.x, alone.x, rtol=1e-9, atol=1e-9)
        assert one.status is Status.CONVERGED


def test_backtracking_never_goes_up_and_solves_rosenbrock() -> None:
    starts = torch.randn(6, 4, generator=torch.Generator().manual_seed(5), dtype=torch.float64)
    rule = Minimiser(LBFGS(10, 1e-10), Backtracking(1.0, 1e-4, 30), Tolerances(2000, 2000, 1e-14, 0.0), "last")
    for group in rule.run(Problem([rosenbrock] * 6), lambda v: starts[v], 6, 6, None):
        for one in group:
            known = one.curve[one.curve_at >= 0]
            assert (known.diff() <= 0).all()
            assert one.status is Status.CONVERGED
            assert one.objective <= 1e-14


def test_what_is_not_finite_is_named_and_never_best() -> None:
    """A function that is nowhere finite, one that leaves the finite on its way, and a sound one side by side."""
    functions = [lambda z: (z * float("nan")).sum(), lambda z: -(z**3).sum() - torch.log(5 - z).sum(), quadratic(1)]
    starts = torch.ones(3, 12, dtype=torch.float64)
    rule = Minimiser(LBFGS(5, 1e-10), Fixed(1.0), TorchSteps(5, 20, 1e-7, 1e-9, None, 1), "last")
    ended = {
        one.victim: one for group in rule.run(Problem(functions), lambda v: starts[v], 3, 3, None) for one in group
    }
    assert ended[0].status is Status.NONFINITE
    assert ended[1].status is Status.DIVERGED
    assert torch.isfinite(ended[1].x).all()
    assert ended[2].status is Status.CONVERGED


def test_budget_counts_every_evaluation() -> None:
    rule = Minimiser(LBFGS(5, 1e-10), Backtracking(1.0, 1e-4, 20), Tolerances(1000, 17, 0.0, 0.0), "best")
    starts = torch.randn(3, 4, generator=torch.Generator().manual_seed(5), dtype=torch.float64)
    problem = Problem([rosenbrock] * 3)
    for group in rule.run(problem, lambda v: starts[v], 3, 3, None):
        for one in group:
            assert one.status is Status.BUDGET
            assert one.evaluations == 17
    assert len(problem.seen) == 17
