"""Stopping rules: when the work on a victim ends, and with which status."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
from torch import Tensor

from bench.engine.slots import Slots

GO_ON, CONVERGED, BUDGET = 0, 1, 2  # codes `[S]`, int64


@dataclass
class StepOutcome:
    """S steps just taken from x to x + t d; all fields are `[S]` except `g` and `moved`, which are `[S, n]`."""

    before: Tensor  # objective at x
    after: Tensor  # objective at x + t d
    g: Tensor  # gradient at x + t d
    moved: Tensor  # t d
    iterations: Tensor  # steps taken so far, this one included
    evaluations: Tensor


class Stop(ABC):
    """A stopping rule; `Stop.start` makes the state that the loop passes back to it."""

    @abstractmethod
    def start(self, slots: int, device: torch.device) -> Slots:
        """Makes the state for `slots` victims on `device`."""

    @abstractmethod
    def clear(self, state: Slots, slots: Tensor) -> None:
        """Begins anew in the slots of the mask `slots` `[S]`."""

    @abstractmethod
    def __call__(self, state: Slots, taken: StepOutcome, slots: Tensor) -> Tensor:
        """Returns the codes `[S]` after a step.

        Args:
            state: made by `start`, changed in place.
            taken: the steps.
            slots: `[S]`, mask; codes of other slots have any value.
        """

    @property
    @abstractmethod
    def budget(self) -> int:
        """The most evaluations that a victim can cost."""

    @abstractmethod
    def stuck(self, slope: Tensor) -> Tensor:
        """Says for each slot `[S]` whether its directional derivative `slope` `[S]` ends the work before a step."""


@dataclass(eq=False)
class _Mark(Slots):
    first: Tensor  # [S], the objective at the start
    f: Tensor  # [S], the objective when it last went down enough
    at: Tensor  # [S], evaluations by then


class Tolerances(Stop):
    """Ends at a small objective, at a small gradient, if the objective stops falling, or at the end of a budget.

    Args:
        iterations: budget of iterations.
        evaluations: budget of evaluations of objective and gradient, those of a line search included.
        objective: a victim has converged if its objective is at or below this share of the one at its start. A share
            means the same for every model, while the objective's unit is that of the gradient.
        gradient: a victim has converged if no entry of its gradient is larger in magnitude.
        patience: a victim has converged after this many evaluations in which the best objective did not fall by the
            share `change` (the objective has reached the rounding of float32, or a plateau); null for never.
        change: relative decrease that counts, >= 0; not used if patience is null.

    Raises:
        ValueError: a budget or the patience is below 1, or a tolerance is below 0.
    """

    def __init__(
        self,
        iterations: int,
        evaluations: int,
        objective: float,
        gradient: float,
        patience: int | None,
        change: float,
    ) -> None:
        if iterations < 1 or evaluations < 1:
            raise ValueError(f"iterations={iterations}, evaluations={evaluations}: must be >= 1")
        if objective < 0 or gradient < 0 or change < 0:
            raise ValueError(f"objective={objective}, gradient={gradient}, change={change}: must be >= 0")
        if patience is not None and patience < 1:
            raise ValueError(f"patience={patience}: must be >= 1 (evaluations), or null for no such stop")
        self.iterations, self.evaluations = iterations, evaluations
        self.objective, self.gradient = objective, gradient
        self.patience, self.change = patience, change

    @property
    def budget(self) -> int:
        """The budget of evaluations that was configured."""
        return self.evaluations

    def start(self, slots: int, device: torch.device) -> Slots:
        """Makes a state in which no objective has been seen yet."""
        f = torch.full((slots,), torch.inf, dtype=torch.float64, device=device)
        return _Mark(f.clone(), f, torch.zeros(slots, dtype=torch.long, device=device))

    def clear(self, state: Slots, slots: Tensor) -> None:
        """Forgets the objectives seen in the masked slots."""
        assert isinstance(state, _Mark)
        state.f.masked_fill_(slots, torch.inf)
        state.at.masked_fill_(slots, 0)

    def __call__(self, state: Slots, taken: StepOutcome, slots: Tensor) -> Tensor:
        """Returns the codes `[S]`; a victim that converges with its last evaluation counts as converged.

        Args:
            state: made by `start`, changed in place.
            taken: the steps.
            slots: `[S]`, mask; codes of other slots have any value.
        """
        assert isinstance(state, _Mark)
        state.first = torch.where(slots & (taken.iterations == 0), taken.after.double(), state.first)
        converged = taken.after <= self.objective * state.first
        converged = converged | (taken.g.abs().amax(1) <= self.gradient)
        if self.patience is not None:
            converged = converged | self._still(state, taken, slots)
        spent = (taken.iterations >= self.iterations) | (taken.evaluations >= self.evaluations)
        return torch.where(converged, CONVERGED, torch.where(spent, BUDGET, GO_ON))

    def _still(self, state: Slots, taken: StepOutcome, slots: Tensor) -> Tensor:
        assert isinstance(state, _Mark)
        enough = torch.where(state.f.isinf(), state.f, state.f - self.change * state.f.abs())
        fell = slots & (taken.after < enough)
        state.f = torch.where(fell, taken.after.double(), state.f)
        state.at = torch.where(fell, taken.evaluations, state.at)
        return taken.evaluations - state.at >= (self.patience or 0)

    def stuck(self, slope: Tensor) -> Tensor:
        """Returns False for every slot, since the safeguard of the loop replaces such directions."""
        return torch.zeros_like(slope, dtype=torch.bool)


@dataclass(eq=False)
class _StepCounter(Slots):
    inner: Tensor  # [S], iterations inside the present step() call
    outer: Tensor  # [S], finished step() calls


class TorchSteps(Stop):
    """Ends as `steps` calls of `torch.optim.LBFGS(max_iter=inner).step()` end, without a line search.

    A call ends after `inner` iterations, or early if the step or the change of the objective falls below
    `tolerance_change`. The history is kept for the next call. A victim has converged if its gradient falls below
    `tolerance_grad`, or if its directional derivative rises above `-tolerance_change`, because every later call would
    return at once.

    The optimiser's `max_eval`, 25 for 20 iterations, cannot be reached without a line search. With a line search,
    `budget` takes its place.

    Args:
        steps: calls of `step()`, >= 1.
        inner: `max_iter` of the optimiser, >= 1.
        tolerance_grad: the optimiser's `tolerance_grad`, >= 0.
        tolerance_change: the optimiser's `tolerance_change`, >= 0.
        objective: a victim has converged if its objective is below this after a call; null for never.
        objective_every: the objective is checked after the first call, and after every `objective_every`-th call from
            there.

    Raises:
        ValueError: an argument is out of its range.
    """

    def __init__(
        self,
        steps: int,
        inner: int,
        tolerance_grad: float,
        tolerance_change: float,
        objective: float | None,
        objective_every: int,
    ) -> None:
        if steps < 1 or inner < 1 or objective_every < 1:
            raise ValueError(f"steps={steps}, inner={inner}, objective_every={objective_every}: must be >= 1")
        if tolerance_grad < 0 or tolerance_change < 0:
            raise ValueError(f"tolerance_grad={tolerance_grad}, tolerance_change={tolerance_change}: must be >= 0")
        self.steps, self.inner = steps, inner
        self.tolerance_grad, self.tolerance_change = tolerance_grad, tolerance_change
        self.objective, self.objective_every = objective, objective_every

    @property
    def budget(self) -> int:
        """The most evaluations per victim: one per iteration, and one at the start."""
        return self.steps * self.inner + 1

    def start(self, slots: int, device: torch.device) -> Slots:
        """Makes counters that are zero, for `slots` victims on `device`."""
        zeros = torch.zeros(slots, dtype=torch.long, device=device)
        return _StepCounter(zeros, zeros.clone())

    def clear(self, state: Slots, slots: Tensor) -> None:
        """Sets the counters of the masked slots to zero."""
        assert isinstance(state, _StepCounter)
        state.inner[slots] = 0
        state.outer[slots] = 0

    def __call__(self, state: Slots, taken: StepOutcome, slots: Tensor) -> Tensor:
        """Counts the iteration, and the call if it ended; returns the codes `[S]`.

        Args:
            state: made by `start`, changed in place.
            taken: the steps.
            slots: `[S]`, mask; codes of other slots have any value.
        """
        assert isinstance(state, _StepCounter)
        first = taken.iterations == 0  # the evaluation at the start belongs to no iteration
        state.inner += (slots & ~first).long()
        still = taken.moved.abs().amax(1) <= self.tolerance_change
        flat = (taken.after - taken.before).abs() < self.tolerance_change
        ended = slots & ~first & ((state.inner >= self.inner) | still | flat)
        state.outer += ended.long()
        state.inner[ended] = 0
        converged = taken.g.abs().amax(1) <= self.tolerance_grad
        if self.objective is not None:
            looked_at = ended & ((state.outer - 1) % self.objective_every == 0)
            converged |= looked_at & (taken.after < self.objective)
        return torch.where(converged, CONVERGED, torch.where(state.outer >= self.steps, BUDGET, GO_ON))

    def stuck(self, slope: Tensor) -> Tensor:
        """Says for each slot `[S]` whether the optimiser would return without a step."""
        return slope > -self.tolerance_change
