"""Step rules: which trials are taken, and how long the next one is, against the formulas for one number at a time."""

import math

import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st

from bench.engine.schedules import Constant, StepDecay
from bench.engine.steps import Backtracking, Fixed, Scheduled, StepRule, Trial

DECREASE = 0.3  # so large that a trial below x, which would be taken with 1e-4, can be rejected too
NUMBERS = st.floats(-100, 100)


def trial(t: list[float], before: list[float], slope: list[float], after: list[float]) -> Trial:
    t, before, slope, after = (torch.tensor(value, dtype=torch.float64) for value in (t, before, slope, after))
    return Trial(t, before, slope, after, torch.zeros(len(t), 1), torch.zeros(len(t), 1))


def next_length(t: float, before: float, slope: float, after: float) -> float | None:
    """Armijo's rule by hand: None if the trial is taken, else the next length."""
    if after <= before + DECREASE * t * slope:
        return None
    # The parabola through (0, before) with this slope and (t, after) has its minimum here; it opens upwards, because
    # the value lies above the tangent.
    curvature = 2 * (after - before - slope * t) / t**2
    lowest = -slope / curvature if math.isfinite(curvature) else math.nan
    return 0.1 * t if math.isnan(lowest) else min(max(lowest, 0.1 * t), 0.5 * t)


TRIALS = st.tuples(st.floats(0.01, 10), NUMBERS, st.floats(-100, -0.01), NUMBERS | st.just(math.nan))
BELOW = (1.0, 0.0, -1.0, -0.2)  # the parabola's minimum is at 0.625 of the trial


@given(st.lists(TRIALS, min_size=1, max_size=6))
@example([BELOW])
def test_backtracking_is_armijos_rule_in_each_slot(trials: list[tuple[float, float, float, float]]) -> None:
    rule = Backtracking(1.0, DECREASE, 20)
    verdict = rule.judge(rule.start(torch.zeros(len(trials), 1)), trial(*map(list, zip(*trials))))
    for slot, one in enumerate(trials):
        expected = next_length(*one)
        assert bool(verdict.take[slot]) == (expected is None)
        if expected is not None:
            assert float(verdict.t[slot]) == pytest.approx(expected, rel=1e-9)


def test_a_direction_is_given_up_after_its_tries_and_a_new_one_has_as_many() -> None:
    rule = Backtracking(1.0, DECREASE, 3)
    state = rule.start(torch.zeros(2, 1))
    uphill = trial([1.0, 1.0], [0.0, 0.0], [-1.0, -1.0], [1.0, 1.0])
    over = []
    for number in range(4):
        if number == 2:
            rule.clear(state, torch.tensor([False, True]))
        over.append(rule.judge(state, uphill).over.tolist())
    assert over == [[False, False], [False, False], [True, False], [True, False]]


@pytest.mark.parametrize("rule", [Fixed(0.5), Scheduled(0.5, Constant())])
def test_a_rule_without_a_search_takes_every_trial(rule: StepRule) -> None:
    verdict = rule.judge(rule.start(torch.zeros(2, 1)), trial([1.0, 1.0], [0.0, 0.0], [-1.0, 1.0], [9.0, math.nan]))
    assert verdict.take.all() and not rule.safeguarded


def test_the_first_step_is_as_long_as_torchs() -> None:
    """`torch.optim.LBFGS` begins with min(1, 1 / |g|_1) times the rate, and goes on with the rate."""
    weight = torch.nn.Parameter(torch.zeros(3))
    for g in (torch.tensor([3.0, -4.0, 1.0]), torch.tensor([0.1, 0.2, 0.0])):
        optimiser = torch.optim.LBFGS([weight], lr=0.5, max_iter=1)
        weight.data.zero_()

        def closure(g: torch.Tensor = g) -> float:
            weight.grad = g.clone()
            return 1.0

        optimiser.step(closure)
        first = Fixed(0.5).first(g.unsqueeze(0), torch.tensor([False]), torch.tensor([0]))
        torch.testing.assert_close(weight.detach(), -first * g)
    g = torch.tensor([[3.0, -4.0], [3.0, -4.0]])
    assert Fixed(0.5).first(g, torch.tensor([True, False]), torch.zeros(2)).tolist() == pytest.approx([0.5, 0.5 / 7])


def test_the_first_step_of_a_search_has_one_length_whatever_the_unit() -> None:
    """Its L1 norm is the rate; a gradient of zeros gets a length that a product with zeros survives."""
    rule = Backtracking(0.5, 1e-4, 20)
    for size in (1e-20, 1e-3, 1.0, 1e20):
        g = size * torch.tensor([[3.0, -4.0]])
        t = rule.first(g, torch.tensor([False]), torch.tensor([0]))
        assert (t * g).abs().sum().item() == pytest.approx(0.5)
    zero = torch.zeros(1, 2)
    assert torch.equal(rule.first(zero, torch.tensor([False]), torch.tensor([0])).unsqueeze(1) * zero, zero)


def test_a_scheduled_step_follows_the_victims_own_iterations() -> None:
    rule = Scheduled(0.2, StepDecay(10, [0.5], 0.1))
    lengths = rule.first(torch.full((3, 2), 1e6), torch.zeros(3, dtype=torch.bool), torch.tensor([0, 4, 5]))
    assert lengths.tolist() == pytest.approx([0.2, 0.2, 0.02]) and lengths.dtype is torch.float32


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: Fixed(0.0), "lr=0.0: must be > 0"),
        (lambda: Scheduled(-1.0, Constant()), "lr=-1.0: must be > 0"),
        (lambda: Backtracking(1.0, 1.0, 20), r"decrease=1.0: must lie in \(0, 1\)"),
        (lambda: Backtracking(1.0, 1e-4, 0), "tries=0: must be >= 1"),
    ],
)
def test_what_is_out_of_range_is_named(make, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        make()
