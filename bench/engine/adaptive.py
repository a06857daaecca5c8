"""Directions of torch.optim's elementwise optimisers: torch's own functions on the stacked variables of all slots.

Each slot has its own step count, since slots are refilled at different times. The step rule holds the learning rate
(see `bench.engine.steps.Scheduled`): the updates here are proportional to it.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.optim.adam import adam
from torch.optim.sgd import sgd

from bench.engine.directions import Direction, Iterate
from bench.engine.slots import Slots


@dataclass(eq=False)
class GradientMoments(Slots):
    """Running averages of the gradient and of its square, one row per slot."""

    first: Tensor  # [S, n], of the gradient
    second: Tensor  # [S, n], of its square
    steps: Tensor  # [S, 1], float64


class _Elementwise(Direction):
    """What these optimisers share: their state, and the rule that only slots that need a direction take part."""

    weight_decay: float

    def start(self, like: Tensor) -> Slots:
        """Makes averages and step counts that are zero, for slots shaped like `like` `[S, n]`."""
        return GradientMoments(
            torch.zeros_like(like), torch.zeros_like(like), like.new_zeros(len(like), 1, dtype=torch.float64)
        )

    def clear(self, state: Slots, slots: Tensor) -> None:
        """Sets the averages and the step counts of the masked slots to zero."""
        assert isinstance(state, GradientMoments)
        for tensor in (state.first, state.second, state.steps):
            tensor[slots] = 0

    def has_past(self, state: Slots) -> Tensor:
        """Says which slots `[S]` have taken a step, and so hold averages."""
        assert isinstance(state, GradientMoments)
        return state.steps[:, 0] > 0

    def __call__(self, state: Slots, at: Iterate) -> Tensor:
        """Returns the optimiser's update `[S, n]` at learning rate 1, and updates the averages in `state`."""
        assert isinstance(state, GradientMoments)
        if at.here.all():
            return self._update(state, at.x, at.g)
        # Updates are computed for all slots, as in the other case: the rounding of an entry must not depend on how many
        # slots take part.
        new, here = (
            GradientMoments(state.first.clone(), state.second.clone(), state.steps.clone()),
            at.here.unsqueeze(1),
        )
        d = self._update(new, at.x, at.g)
        state.first = torch.where(here, new.first, state.first)
        state.second = torch.where(here, new.second, state.second)
        state.steps = torch.where(here, new.steps, state.steps)
        return d

    @abstractmethod
    def _update(self, state: GradientMoments, x: Tensor, g: Tensor) -> Tensor:
        """Returns the update `[k, n]`, and changes `state` in place."""


class _AdamLike(_Elementwise):
    def __init__(self, betas: tuple[float, float], eps: float, sign: bool, weight_decay: float) -> None:
        if len(betas) != 2 or not all(0 <= beta < 1 for beta in betas):
            raise ValueError(f"betas={betas}: want two numbers in [0, 1)")
        if eps < 0 or weight_decay < 0:
            raise ValueError(f"eps={eps}, weight_decay={weight_decay}: must be >= 0")
        self.betas, self.eps, self.sign, self.weight_decay = betas, eps, sign, weight_decay

    def _adam(self, state: GradientMoments, g: Tensor) -> Tensor:
        d = torch.zeros_like(g)
        adam(
            [d],
            [g],
            [state.first],
            [state.second],
            [],
            [state.steps],
            foreach=False,
            differentiable=True,  # this branch takes bias corrections as tensors: one per slot
            fused=False,
            amsgrad=False,
            beta1=self.betas[0],
            beta2=self.betas[1],
            lr=1.0,
            weight_decay=0.0,
            eps=self.eps,
            maximize=False,
        )
        return d


class Adam(_AdamLike):
    """`torch.optim.Adam` (Kingma and Ba 2015), and its signed form (Geiping et al. 2020, Inverting Gradients).

    Args:
        betas: decay of the averages of the gradient and of its square, each in [0, 1).
        eps: added to the square root of the second average, >= 0.
        sign: whether the sign of the gradient takes the place of the gradient.
        weight_decay: factor >= 0; this times x is added to the gradient, or to its sign if `sign` is true.

    Raises:
        ValueError: an argument is out of its range.
    """

    def _update(self, state: GradientMoments, x: Tensor, g: Tensor) -> Tensor:
        g = g.sign() if self.sign else g
        return self._adam(state, g.add(x, alpha=self.weight_decay) if self.weight_decay else g)


class AdamW(_AdamLike):
    """`torch.optim.AdamW` (Loshchilov and Hutter 2019): the weight decay does not enter the averages.

    Args:
        betas: decay of the averages of the gradient and of its square, each in [0, 1).
        eps: added to the square root of the second average, >= 0.
        sign: whether the sign of the gradient takes the place of the gradient.
        weight_decay: factor >= 0; this times the learning rate times x is subtracted from x.

    Raises:
        ValueError: an argument is out of its range.
    """

    def _update(self, state: GradientMoments, x: Tensor, g: Tensor) -> Tensor:
        d = self._adam(state, g.sign() if self.sign else g)
        return d.sub_(x, alpha=self.weight_decay)


class SGD(_Elementwise):
    """`torch.optim.SGD` with momentum, without dampening and without Nesterov's correction.

    Args:
        momentum: decay of the running sum of gradients, in [0, 1).
        weight_decay: factor >= 0; this times x is added to the gradient.

    Raises:
        ValueError: an argument is out of its range.
    """

    def __init__(self, momentum: float, weight_decay: float) -> None:
        if not 0 <= momentum < 1:
            raise ValueError(f"momentum={momentum}: must lie in [0, 1)")
        if weight_decay < 0:
            raise ValueError(f"weight_decay={weight_decay}: must be >= 0")
        self.momentum, self.weight_decay = momentum, weight_decay

    def _update(self, state: GradientMoments, x: Tensor, g: Tensor) -> Tensor:
        state.steps += 1
        d = torch.zeros_like(g)
        sgd(
            [d],
            [g.add(x, alpha=self.weight_decay) if self.weight_decay else g],
            [state.first],
            foreach=False,
            fused=False,
            weight_decay=0.0,
            momentum=self.momentum,
            lr=1.0,
            dampening=0.0,
            nesterov=False,
            maximize=False,
        )
        return d
