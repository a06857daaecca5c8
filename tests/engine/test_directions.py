"""The compact L-BFGS of many victims, in torch's operations and in C, against torch's two-loop recursion."""

import pytest
import torch
from engine.problems import Problem, log_cosh, quadratic, rosenbrock
from torch import Tensor

from bench.engine.directions import LBFGS, Iterate
from bench.engine.kernels import history as kernel
from bench.engine.loop import Minimiser
from bench.engine.steps import Fixed
from bench.engine.stops import TorchSteps

torch.set_default_dtype(torch.float32)


@pytest.fixture(autouse=True, params=["torch", "C"])
def by(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """By whose operations directions are computed; the C code otherwise serves large problems alone."""
    monkeypatch.setattr(kernel, "_LEAST", 0 if request.param == "C" else 10**9)
    return request.param


def arrive(s: Tensor, y: Tensor, before: Tensor | None = None) -> Iterate:
    """A step `s` in every slot, along which the gradient changed by `y`."""
    before = torch.zeros_like(s) if before is None else before
    every = torch.ones(len(s), dtype=torch.bool)
    return Iterate(torch.zeros_like(s), before + y, s, before, every, every)


def stay(g: Tensor) -> Iterate:
    """The gradient `g` in every slot, and no step that led there."""
    every = torch.ones(len(g), dtype=torch.bool)
    return Iterate(torch.zeros_like(g), g, torch.zeros_like(g), g, ~every, every)


def torch_path(function, start: Tensor, iterations: int, history: int, lr: float) -> list[Tensor]:
    """Iterates of torch.optim.LBFGS, which evaluates each of them but the last; where it ends early, it stays."""
    z = start.clone().requires_grad_()
    optimiser = torch.optim.LBFGS([z], lr=lr, max_iter=iterations + 1, max_eval=10 * iterations, history_size=history)
    path = []

    def closure() -> Tensor:
        path.append(z.detach().clone())
        optimiser.zero_grad()
        value = function(z)
        value.backward()
        return value

    optimiser.step(closure)
    assert len(path) <= iterations + 1
    return [*path[1:], *[z.detach()] * (iterations + 1 - len(path))]


def our_path(functions: list, starts: Tensor, iterations: int, history: int, lr: float) -> list[dict[int, Tensor]]:
    """Without a line search each evaluation is an iterate: `[k][victim]`, the start at k = 0."""
    problem = Problem(functions)
    rule = Minimiser(LBFGS(history, 1e-10), Fixed(lr), TorchSteps(1, iterations, 1e-7, 1e-9, None, 1), "last")
    list(rule.run(problem, lambda v: starts[v], len(functions), len(functions), None))
    return problem.seen


@pytest.mark.parametrize("history", [3, 8, pytest.param(100, marks=pytest.mark.slow)])
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
    direction(state, arrive(s, torch.stack([s[0], -s[0]])))
    assert state.count.tolist() == [1, 0]
    assert direction.has_past(state).tolist() == [True, False]


def test_clear_forgets_one_victim_only() -> None:
    direction = LBFGS(4, 1e-10)
    g = torch.Generator().manual_seed(0)
    state = direction.start(torch.zeros(3, 6))
    gradient = torch.zeros(3, 6)
    for _ in range(7):
        s = torch.randn(3, 6, generator=g)
        last = arrive(s, s * torch.rand(3, 6, generator=g), gradient)
        before, gradient = direction(state, last), last.g
    direction.clear(state, torch.tensor([False, True, False]))
    after = direction(state, stay(gradient))
    assert torch.equal(after[1], -gradient[1])
    # the batched product may sum in another order once a row is empty: float32 rounding
    torch.testing.assert_close(after[[0, 2]], before[[0, 2]], rtol=1e-5, atol=1e-6)


def test_the_direction_descends_where_curvature_is_positive() -> None:
    """The compact matrix is positive definite when every pair has s.y > 0."""
    direction = LBFGS(10, 1e-10)
    g = torch.Generator().manual_seed(1)
    matrix = torch.diag(torch.rand(20, generator=g, dtype=torch.float64) * 10 + 0.1)
    state = direction.start(torch.zeros(5, 20, dtype=torch.float64))
    gradient = torch.randn(5, 20, generator=g, dtype=torch.float64)
    for _ in range(25):
        s = torch.randn(5, 20, generator=g, dtype=torch.float64)
        there = arrive(s, s @ matrix, gradient)
        assert ((direction(state, there) * there.g).sum(1) < 0).all()
        gradient = there.g
