"""A clock for an attack and its members."""

import pytest
import torch
from torch import nn
from torch.nn import functional

import bench
from bench.auditing.budget import Clock, TimedStop
from bench.auditing.verdict import Verdict
from bench.engine.stops import BUDGET, GO_ON, StepOutcome, Tolerances


def outcome() -> StepOutcome:
    one, row = torch.ones(1), torch.ones(1, 2)
    return StepOutcome(one, one, row, row, torch.ones(1, dtype=torch.long), torch.ones(1, dtype=torch.long))


@pytest.mark.parametrize(("seconds", "code"), [(None, GO_ON), (1e9, GO_ON), (0.0, BUDGET)])
def test_a_run_ends_when_the_budget_is_spent(seconds: float | None, code: int) -> None:
    stop = TimedStop(Tolerances(9, 9, 0.0, 0.0, None, 0.0), clock := Clock(seconds))
    state = stop.start(1, torch.device("cpu"))
    assert stop(state, outcome(), torch.tensor([True])).tolist() == [code]
    assert clock.cut == (code == BUDGET) and stop.budget == 9


def test_the_first_member_begins_and_later_ones_if_they_fit() -> None:
    clock = Clock(0.0)
    assert clock.may_begin("first", 800)
    clock.step(None)
    assert not clock.may_begin("second", 800) and not clock.may_begin("exact", 0)
    assert clock.tried == ["first"] and set(clock.left_out) == {"second", "exact"}
    free = Clock(None)
    assert free.may_begin("first", 800) and free.may_begin("second", 10**9)


def test_a_step_begins_if_it_fits() -> None:
    clock = Clock(50.0)
    assert clock.affords(1.0) and not clock.cut
    assert not clock.affords(60.0) and clock.cut
    assert Clock(None).affords(1e9)


def convolutions() -> nn.Module:
    layers = nn.Conv2d(3, 24, 3, padding=1), nn.LeakyReLU(), nn.Conv2d(24, 24, 3, padding=1), nn.LeakyReLU()
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(24 * 256, 10))


def rectified() -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(768, 100), nn.ReLU(), nn.Linear(100, 10))


@pytest.mark.parametrize(
    ("attack", "make", "size", "budget"),
    [
        ("rgap", convolutions, 1, 0.5),  # the equations of the second layer alone take about a second
        ("spear", rectified, 8, 1e-6),
        ("spear_published", rectified, 8, 1e-6),
        ("linear_layer", rectified, 8, 1e-6),
    ],
)
def test_an_exact_attack_ends_with_the_budget(attack: str, make, size: int, budget: float) -> None:
    """Without a budget, each of the first three finds every image, which its own tests show for such networks."""
    torch.manual_seed(0)
    batch, options = (torch.rand(size, 3, 16, 16), torch.arange(size)), {"overrides": ("metric=mse",)}
    report = bench.audit(make(), batch, loss=functional.cross_entropy, attack=attack, budget=budget, **options)
    assert report.effort.cut and report.verdict is not Verdict.LEAKS
    assert "The budget ended a run before its own end." in " ".join(str(report).split())
