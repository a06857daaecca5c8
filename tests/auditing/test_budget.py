"""A clock for an attack and its members."""

import pytest
import torch

from bench.auditing.budget import Clock, TimedStop
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
