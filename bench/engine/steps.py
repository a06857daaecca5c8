"""Step rules: whether a trial point is taken, and how long the next trial is."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass
class Trial:
    """S trial points x + t d, one a slot; all fields `[S]`.

    `before` and `slope` are the objective and its directional derivative at x, `after` the objective at the trial.
    """

    t: Tensor
    before: Tensor
    slope: Tensor
    after: Tensor


class Step(ABC):
    """A rule holds no state of its own.

    Args:
        lr: length of the first trial along a direction (times min(1, 1 / |g|_1) along a first, unscaled one).

    Raises:
        ValueError: lr is not above 0.
    """

    safeguarded: bool  # whether the loop replaces a direction that does not descend

    def __init__(self, lr: float) -> None:
        if lr <= 0:
            raise ValueError(f"lr={lr}: must be > 0 (step length along a direction)")
        self.lr = lr

    def first(self, g: Tensor, has_past: Tensor) -> Tensor:
        """`[S]`, the length of the first trial along a new direction, as in `torch.optim.LBFGS`."""
        unscaled = (1.0 / g.abs().sum(1)).clamp(max=1.0) * self.lr
        return torch.where(has_past, torch.full_like(unscaled, self.lr), unscaled)

    @abstractmethod
    def accept(self, trial: Trial) -> Tensor:
        """`[S]`, whether the trial point is taken."""

    @abstractmethod
    def shorter(self, trial: Trial) -> Tensor:
        """`[S]`, the next length where it was not."""

    @abstractmethod
    def exhausted(self, tries: Tensor) -> Tensor:
        """`[S]`, whether so many rejected trials end the search along this direction."""


class Fixed(Step):
    """Takes every trial, as `torch.optim.LBFGS` does without a line search: it may diverge."""

    safeguarded = False

    def accept(self, trial: Trial) -> Tensor:
        """Always."""
        return torch.ones_like(trial.t, dtype=torch.bool)

    def shorter(self, trial: Trial) -> Tensor:
        """Never needed."""
        return trial.t

    def exhausted(self, tries: Tensor) -> Tensor:
        """Never."""
        return torch.zeros_like(tries, dtype=torch.bool)


class Backtracking(Step):
    """Armijo's rule with quadratic interpolation (Nocedal and Wright 2006, section 3.5).

    Args:
        lr: length of the first trial.
        decrease: c1 in f(x + t d) <= f(x) + c1 t d.g, in (0, 1).
        tries: rejected trials after which the direction is given up.

    Raises:
        ValueError: an argument is out of its range.
    """

    safeguarded = True

    def __init__(self, lr: float, decrease: float, tries: int) -> None:
        super().__init__(lr)
        if not 0 < decrease < 1:
            raise ValueError(f"decrease={decrease}: must lie in (0, 1)")
        if tries < 1:
            raise ValueError(f"tries={tries}: must be >= 1")
        self.decrease = decrease
        self.tries = tries

    def accept(self, trial: Trial) -> Tensor:
        """Where the trial is finite and low enough."""
        return torch.isfinite(trial.after) & (trial.after <= trial.before + self.decrease * trial.t * trial.slope)

    def shorter(self, trial: Trial) -> Tensor:
        """The minimum of the parabola through what is known, kept inside [0.1 t, 0.5 t]."""
        curvature = 2 * (trial.after - trial.before - trial.slope * trial.t)
        guess = -trial.slope * trial.t**2 / curvature
        low, high = 0.1 * trial.t, 0.5 * trial.t
        return torch.where(torch.isfinite(guess), torch.minimum(torch.maximum(guess, low), high), low)

    def exhausted(self, tries: Tensor) -> Tensor:
        """After `tries` rejected trials."""
        return tries >= self.tries
