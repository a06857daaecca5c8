"""Adam and its relatives on many victims against torch's optimisers on one victim at a time."""

import math

import pytest
import torch
from engine.problems import Problem, starts
from torch import Tensor

from bench.engine.adaptive import SGD, Adam, AdamW
from bench.engine.box import BoxConstraint
from bench.engine.directions import Direction, Iterate
from bench.engine.loop import Minimiser
from bench.engine.schedules import Constant, CosineDecay, StepDecay, StepSizeSchedule, WarmUp
from bench.engine.steps import Scheduled
from bench.engine.stops import Tolerances

BUDGET = 60


def torch_path(
    function, start: Tensor, optimiser, scheduler, sign: bool, box: BoxConstraint | None, least: float
) -> list[Tensor]:
    """The points that a plain loop around a torch optimiser visits, until the objective is at `least`."""
    z = start.clone().requires_grad_()
    rule = optimiser([z])
    rates = scheduler(rule)
    path = []
    for _ in range(BUDGET):
        path.append(z.detach().clone())
        rule.zero_grad()
        value = function(z)
        value.backward()
        if value.item() <= least:
            break
        if sign:
            z.grad.sign_()
        rule.step()
        rates.step()
        if box is not None:
            z.data[: box.entries] = z.data[: box.entries].clamp(box.low, box.high)
    return path


CASES = {
    "adam": (Adam([0.9, 0.999], 1e-8, False, 0.0), lambda p: torch.optim.Adam(p, 0.1)),
    "adam, weight decay": (
        Adam([0.8, 0.95], 1e-3, False, 0.2),
        lambda p: torch.optim.Adam(p, 0.1, (0.8, 0.95), 1e-3, 0.2),
    ),
    "signed adam": (Adam([0.9, 0.999], 1e-8, True, 0.0), lambda p: torch.optim.Adam(p, 0.1)),
    "adamw": (AdamW([0.9, 0.99], 1e-8, False, 0.3), lambda p: torch.optim.AdamW(p, 0.1, (0.9, 0.99), 1e-8, 0.3)),
    "sgd": (SGD(0.0, 0.0), lambda p: torch.optim.SGD(p, 0.1)),
    "sgd, momentum and weight decay": (SGD(0.7, 0.1), lambda p: torch.optim.SGD(p, 0.1, 0.7, weight_decay=0.1)),
}
SCHEDULES: dict[str, tuple[StepSizeSchedule, object]] = {
    "constant": (Constant(), lambda o: torch.optim.lr_scheduler.ConstantLR(o, 1.0)),
    "step decay": (
        StepDecay(BUDGET, [3 / 8, 5 / 8, 7 / 8], 0.1),
        # a milestone between two steps counts from the later one
        lambda o: torch.optim.lr_scheduler.MultiStepLR(o, [23, 38, 53], 0.1),
    ),
    "warm cosine": (
        WarmUp(10, CosineDecay(BUDGET)),
        lambda o: torch.optim.lr_scheduler.LambdaLR(
            o, lambda k: min(1, (k + 1) / 10) * (1 + math.cos(math.pi * k / BUDGET)) / 2
        ),
    ),
}


SHARE = 0.4  # of its first objective, at which a victim ends


@pytest.mark.parametrize(
    ("case", "schedule"),
    [
        *((case, "warm cosine") for case in CASES),
        *(("signed adam", schedule) for schedule in ("constant", "step decay")),
    ],
)
def test_each_victims_path_is_torchs(case: str, schedule: str) -> None:
    """Five victims that end at different times: slots are refilled out of step, and closed at the end."""
    direction, optimiser = CASES[case]
    ours, theirs = SCHEDULES[schedule]
    functions, x = _bowls(6)[1:], starts(9, 12, scale=2.0)[1:6]
    ends = [SHARE * float(f(row)) for f, row in zip(functions, x)]
    expected = [
        torch_path(f, row, optimiser, theirs, "signed" in case, None, end) for f, row, end in zip(functions, x, ends)
    ]
    assert len({len(path) for path in expected}) > 2
    rule = Minimiser(direction, Scheduled(0.1, ours), Tolerances(BUDGET, BUDGET, SHARE, 0.0, None, 0.0), "last")
    for slots in (2, 5):
        problem = Problem(functions)
        list(rule.run(problem, lambda v: x[v], 5, slots, None))
        for victim, path in enumerate(expected):
            found = problem.path(victim)
            assert len(found) == len(path)
            torch.testing.assert_close(torch.stack(found), torch.stack(path), rtol=1e-12, atol=1e-12)


def test_images_stay_in_the_box_as_in_the_published_loop() -> None:
    """Signed Adam, clamped after each step but not at the start; the last two entries stand for label logits."""
    box = BoxConstraint(-0.5, 0.6, 10)
    functions, x = _bowls(5), starts(5, 12, scale=2.0)
    constant = SCHEDULES["constant"][1]
    expected = [torch_path(f, row, CASES["signed adam"][1], constant, True, box, 0.0) for f, row in zip(functions, x)]
    problem = Problem(functions)
    stop = Tolerances(BUDGET, BUDGET, 0.0, 0.0, None, 0.0)
    rule = Minimiser(CASES["signed adam"][0], Scheduled(0.1, Constant()), stop, "last")
    list(rule.run(problem, lambda v: x[v], 5, 2, None, box))
    outside = 0
    for victim, path in enumerate(expected):
        found = torch.stack(problem.path(victim))
        torch.testing.assert_close(found, torch.stack(path), rtol=1e-12, atol=1e-12)
        assert torch.equal(found[0], x[victim])
        assert ((found[1:, :10] >= -0.5) & (found[1:, :10] <= 0.6)).all()
        outside += int((found[1:, 10:].abs() > 0.6).sum())
    assert outside > 0


@pytest.mark.parametrize("case", CASES)
def test_a_slot_without_a_turn_learns_nothing(case: str) -> None:
    """A mask over the slots: the others' averages and counts stay, and what is given later is as if never asked."""
    direction: Direction = CASES[case][0]
    g, x = starts(6, 4, seed=1), starts(6, 4, seed=2)
    every, some = torch.ones(6, dtype=torch.bool), torch.tensor([True, False, True, True, False, False])
    masked, plain = direction.start(x), direction.start(x)
    for here in (every, some, every):
        given = direction(masked, Iterate(x, g, g, g, here, here))
    for _ in range(2):
        direction(plain, Iterate(x, g, g, g, every, every))
    expected = direction(plain, Iterate(x, g, g, g, every, every))[some]
    torch.testing.assert_close(given[some], expected, rtol=1e-14, atol=1e-14)
    twice = direction.start(x)
    direction(twice, Iterate(x, g, g, g, every, every))
    expected = direction(twice, Iterate(x, g, g, g, every, every))[~some]
    torch.testing.assert_close(given[~some], expected, rtol=1e-14, atol=1e-14)


def test_float32_is_corrected_for_bias_as_exactly_as_torch_does() -> None:
    """1 - 0.999^k in float32 would be off by 3e-5 at the first step."""
    x, g = starts(3, 50).float(), starts(3, 50, seed=1).float()
    z = x.clone().requires_grad_()
    z.grad = g.clone()
    torch.optim.Adam([z], 1.0).step()
    direction = Adam([0.9, 0.999], 1e-8, False, 0.0)
    every = torch.ones(3, dtype=torch.bool)
    d = direction(direction.start(x), Iterate(x, g, g, g, every, every))
    assert d.dtype == torch.float32
    torch.testing.assert_close(x + d, z.detach(), rtol=3e-7, atol=3e-7)


@pytest.mark.parametrize(
    ("make", "word"),
    [
        (lambda: Adam([0.9, 1.0], 1e-8, False, 0.0), "betas"),
        (lambda: Adam([0.9], 1e-8, False, 0.0), "betas"),
        (lambda: AdamW([0.9, 0.9], -1.0, False, 0.0), "eps"),
        (lambda: SGD(1.0, 0.0), "momentum"),
        (lambda: SGD(0.0, -1.0), "weight_decay"),
    ],
)
def test_what_is_out_of_range_is_named(make, word: str) -> None:
    with pytest.raises(ValueError, match=word):
        make()


def _bowls(victims: int) -> list:
    """Quadratics, raised above zero, of different conditions."""
    shift = [torch.randn(12, generator=torch.Generator().manual_seed(s), dtype=torch.float64) for s in range(victims)]
    return [lambda z, a=a, k=k: 3 + (1 + k / 4) * ((z - a) ** 2).mean() * 2 for k, a in enumerate(shift)]
