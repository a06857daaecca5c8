"""Deep Gradient Compression: Lin, Han, Mao, Wang and Dally, 2018 (arXiv 1712.01887), algorithms 1 and 4.

It combines top-k of each tensor with error feedback (entries that are not sent are kept and accumulate), momentum
correction (the entries that accumulate are those of the momentum's velocity, not of the gradient), momentum factor
masking and local gradient clipping.

Departs: the threshold is exact, while the paper samples 0.1 to 1 % of the entries to find it. The server that sums what
is sent has no momentum.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from bench.defenses.base import GradientDefense, Tree
from bench.defenses.clip import clipped
from bench.defenses.encoding import Encoding
from bench.defenses.pruning import left
from bench.engine.rng import Shapes


def keep(value: Tensor, count: Tensor) -> Tensor:
    """A mask of the entries of `value` that are among its `count` largest in magnitude and are not zero.

    Args:
        value: a tensor of any shape.
        count: `[]`, int64, at least 1.
    """
    size = value.abs()
    threshold = size.flatten().sort(descending=True).values.gather(0, count[None] - 1)
    return (size >= threshold.reshape([1] * size.dim())) & (size > 0)


def accumulate(gradient: Tensor, velocity: Tensor, residual: Tensor, momentum: float) -> tuple[Tensor, Tensor]:
    """Returns the new velocity `u = m u + g` and residual `v = v + u` (algorithm 4, lines 6 and 7, without Nesterov).

    Args:
        gradient: g, of one tensor.
        velocity: u, of the same shape.
        residual: v, of the same shape.
        momentum: m, in [0, 1).
    """
    velocity = momentum * velocity + gradient
    return velocity, residual + velocity


def sent(velocity: Tensor, residual: Tensor, count: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Returns what is sent, and the velocity and residual that remain: both are zero at entries that are sent.

    Args:
        velocity: of one tensor.
        residual: of the same shape.
        count: `[]`, int64, number of entries to send, at least 1.
    """
    mask = keep(residual, count)
    return torch.where(mask, residual, 0.0), torch.where(mask, 0.0, velocity), torch.where(mask, 0.0, residual)


@dataclass(frozen=True)
class DGC(GradientDefense):
    """Top-k with error feedback and momentum correction; the attack tables show a client's first step.

    At that step there is no residual yet.

    Args:
        sparsity: fraction of each tensor that is not sent, in [0, 1) (the paper: 0.999); at least one entry is sent.
        momentum: of the correction, in [0, 1); 0 for error feedback alone.
        clip: largest norm of the local gradient before it is added, > 0 (the paper's threshold over the square root of
            the number of clients); null for none.
        warmup: number of steps at each of the sparsities 0.75, 0.9375, 0.984, ... (1 - 1/4^i) that come before
            `sparsity`; the paper takes an epoch. 0 for none.

    Raises:
        ValueError: an argument is out of its range.
    """

    sparsity: float
    momentum: float
    clip: float | None
    warmup: int

    def __post_init__(self) -> None:
        if not 0 <= self.sparsity < 1:
            raise ValueError(f"sparsity={self.sparsity}: want 0 <= sparsity < 1, the share that is not sent")
        if not 0 <= self.momentum < 1:
            raise ValueError(f"momentum={self.momentum}: want 0 <= momentum < 1")
        if self.clip is not None and not self.clip > 0:
            raise ValueError(f"clip={self.clip}: must be > 0, or null for none")
        if self.warmup < 0:
            raise ValueError(f"warmup={self.warmup}: must be >= 0 steps")

    @property
    def must_change(self) -> bool:
        """Whether some entries are not sent."""
        return self.sparsity > 0

    def counts(self, entries: int) -> list[int]:
        """Returns how many of a tensor's entries are sent at each stage of the warm-up, and after it."""
        stages = math.ceil(-math.log(1 - self.sparsity, 4)) if self.warmup else 1
        ramp = [1 - 0.25**i for i in range(1, stages)]
        return [max(1, left(entries, sparsity)) for sparsity in (*ramp, self.sparsity)]

    def start(self, shapes: Shapes) -> Any:
        """Makes a velocity and a residual of zeros, and a step count of 0."""
        zero = {name: torch.zeros(shape) for name, shape in shapes.items()}
        return {"velocity": zero, "residual": dict(zero), "step": torch.zeros((), dtype=torch.long)}

    def protect(self, gradients: Tree, noise: Any, state: Any) -> tuple[Tree, Any]:
        """Clips the gradient, accumulates it, sends the largest entries of the residual and keeps the others.

        Args:
            gradients: `{name: tensor}` of one client.
            noise: not used.
            state: velocity, residual and step count, as `start` makes them.
        """
        if self.clip is not None:
            gradients = clipped(gradients, self.clip)
        shared, velocities, residuals = {}, {}, {}
        for name, gradient in gradients.items():
            old = state["velocity"][name].to(gradient.dtype), state["residual"][name].to(gradient.dtype)
            velocity, residual = accumulate(gradient, *old, self.momentum)
            counts = torch.tensor(self.counts(gradient.numel()), device=gradient.device)
            stage = (state["step"] // max(self.warmup, 1)).clamp(max=len(counts) - 1)
            count = counts.gather(0, stage[None])[0]
            shared[name], velocities[name], residuals[name] = sent(velocity, residual, count)
        return shared, {"velocity": velocities, "residual": residuals, "step": state["step"] + 1}

    def encode(self, sent: Encoding) -> Encoding:
        """What is sent after the warm-up; sums of residuals are 32-bit floats."""
        return sent.dense().sparse(lambda name, entries: self.counts(entries)[-1])
