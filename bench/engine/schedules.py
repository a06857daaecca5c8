"""Step size schedules: the factor on a step's length, as a function of the iterations that a victim has completed."""

from abc import ABC, abstractmethod

import torch
from torch import Tensor


class StepSizeSchedule(ABC):
    """A function of the number of steps that were taken before; at the first step this number is 0."""

    @abstractmethod
    def __call__(self, taken: Tensor) -> Tensor:
        """Maps `taken` `[S]`, float64, to factors `[S]` in [0, 1]."""


class Constant(StepSizeSchedule):
    """A schedule whose factor is 1 at every step."""

    def __call__(self, taken: Tensor) -> Tensor:
        """Returns ones `[S]`."""
        return torch.ones_like(taken)


class StepDecay(StepSizeSchedule):
    """Multiplies by a further factor after each of some fractions of the budget, like torch's `MultiStepLR`.

    Args:
        steps: budget of iterations, >= 1.
        at: fractions of the budget, each in (0, 1); Inverting Gradients (Geiping et al. 2020) has 3/8, 5/8, 7/8.
        factor: in (0, 1); Inverting Gradients has 0.1.

    Raises:
        ValueError: an argument is out of its range.
    """

    def __init__(self, steps: int, at: list[float], factor: float) -> None:
        _at_least_one(steps)
        if not all(0 < fraction < 1 for fraction in at):
            raise ValueError(f"at={list(at)}: each must lie in (0, 1) (fractions of the budget)")
        if not 0 < factor < 1:
            raise ValueError(f"factor={factor}: must lie in (0, 1)")
        self.milestones = [fraction * steps for fraction in at]
        self.factor = factor

    def __call__(self, taken: Tensor) -> Tensor:
        """Returns `factor` to the power of the number of fractions passed, `[S]`."""
        passed = torch.zeros_like(taken)
        for milestone in self.milestones:
            passed += (taken >= milestone).to(taken.dtype)
        return self.factor**passed


class Staircase(StepSizeSchedule):
    """Multiplies by a further factor after every `every` steps, whatever the budget: `torch.optim.lr_scheduler.StepLR`.

    Args:
        every: steps between two reductions, >= 1; LAMP (Balunovic et al. 2022, arXiv 2202.08827) has 50.
        factor: in (0, 1); LAMP has 0.89.

    Raises:
        ValueError: an argument is out of its range.
    """

    def __init__(self, every: int, factor: float) -> None:
        if every < 1:
            raise ValueError(f"every={every}: must be >= 1 (steps)")
        if not 0 < factor < 1:
            raise ValueError(f"factor={factor}: must lie in (0, 1)")
        self.every, self.factor = every, factor

    def __call__(self, taken: Tensor) -> Tensor:
        """Returns `factor` to the power of the number of reductions so far, `[S]`."""
        return self.factor ** (taken / self.every).floor()


class CosineDecay(StepSizeSchedule):
    """Half a cosine period from 1 down to 0 over the budget: `torch.optim.lr_scheduler.CosineAnnealingLR`.

    Args:
        steps: budget of iterations, >= 1; the factor is 0 once the budget is spent.

    Raises:
        ValueError: steps < 1.
    """

    def __init__(self, steps: int) -> None:
        _at_least_one(steps)
        self.steps = steps

    def __call__(self, taken: Tensor) -> Tensor:
        """Returns `(1 + cos(pi taken / steps)) / 2`, `[S]`."""
        return (1 + torch.cos(torch.pi * (taken / self.steps).clamp(max=1))) / 2


class WarmUp(StepSizeSchedule):
    """Rises linearly to 1 over the first k steps (1/k, 2/k, ...), and multiplies another schedule.

    Args:
        steps: k, the number of steps until the factor is 1, >= 1.
        then: the schedule that is multiplied; it counts steps from the start as well.

    Raises:
        ValueError: steps < 1.
    """

    def __init__(self, steps: int, then: StepSizeSchedule) -> None:
        _at_least_one(steps)
        self.steps, self.then = steps, then

    def __call__(self, taken: Tensor) -> Tensor:
        """Returns `min(1, (taken + 1) / k)` times the other schedule, `[S]`."""
        return ((taken + 1) / self.steps).clamp(max=1) * self.then(taken)


def _at_least_one(steps: int) -> None:
    if steps < 1:
        raise ValueError(f"steps={steps}: must be >= 1")
