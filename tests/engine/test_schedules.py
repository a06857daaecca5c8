"""Step schedules against torch's own schedulers."""

import pytest
import torch
from torch.optim import lr_scheduler

from bench.engine.schedules import Constant, CosineDecay, Staircase, StepDecay, StepSizeSchedule, WarmUp

STEPS = 80


def torch_rates(make) -> list[float]:
    """The learning rates of `STEPS` steps under a scheduler of torch's."""
    optimiser = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    scheduler = make(optimiser)
    rates = []
    for _ in range(STEPS):
        rates.append(optimiser.param_groups[0]["lr"])
        optimiser.step()
        scheduler.step()
    return rates


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (Constant(), lambda o: lr_scheduler.ConstantLR(o, factor=1.0)),
        (StepDecay(STEPS, [3 / 8, 5 / 8, 7 / 8], 0.1), lambda o: lr_scheduler.MultiStepLR(o, [30, 50, 70], gamma=0.1)),
        (Staircase(50, 0.89), lambda o: lr_scheduler.StepLR(o, 50, gamma=0.89)),
        (CosineDecay(STEPS), lambda o: lr_scheduler.CosineAnnealingLR(o, STEPS)),
        (WarmUp(10, Constant()), lambda o: lr_scheduler.LinearLR(o, 0.1, 1.0, total_iters=9)),
    ],
    ids=["constant", "step decay", "staircase", "cosine", "warm-up"],
)
def test_a_schedule_is_torchs(ours: StepSizeSchedule, theirs) -> None:
    """All at once, as the slots ask: each at its own count."""
    found = ours(torch.arange(STEPS, dtype=torch.float64)).tolist()
    assert found == pytest.approx(torch_rates(theirs), rel=1e-12, abs=1e-12)


def test_a_warm_up_multiplies_what_follows() -> None:
    taken = torch.arange(STEPS, dtype=torch.float64)
    expected = CosineDecay(STEPS)(taken) * WarmUp(7, Constant())(taken)
    assert torch.equal(WarmUp(7, CosineDecay(STEPS))(taken), expected)


@pytest.mark.parametrize(
    ("make", "word"),
    [
        (lambda: StepDecay(0, [0.5], 0.1), "steps"),
        (lambda: StepDecay(10, [1.5], 0.1), "at"),
        (lambda: StepDecay(10, [0.5], 1.0), "factor"),
        (lambda: Staircase(0, 0.5), "every"),
        (lambda: Staircase(10, 1.0), "factor"),
        (lambda: CosineDecay(0), "steps"),
        (lambda: WarmUp(0, Constant()), "steps"),
    ],
)
def test_what_is_out_of_range_is_named(make, word: str) -> None:
    with pytest.raises(ValueError, match=word):
        make()
