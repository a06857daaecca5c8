"""DP-SGD: Abadi et al., "Deep Learning with Differential Privacy", 2016 (arXiv 1607.00133), algorithm 1."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor
from torch.utils import _pytree as pytree

from bench.defenses.base import ClientContext, ClientStep, Defense, Tree, rng_of
from bench.defenses.encoding import Encoding
from bench.defenses.mapping import each, stacked
from bench.defenses.noise import add
from bench.defenses.privacy import Privacy
from bench.engine.rng import Shapes, VictimRng
from bench.errors import NotApplicable
from bench.messages.flat import flat


def private_mean(gradients: Tree, noise: Tree, bound: float, noise_multiplier: float, batch_size: int) -> Tree:
    """Returns `(sum of clipped per-sample gradients + noise_multiplier * bound * noise) / batch_size`.

    Args:
        gradients: `{name: [B, ...]}`, one gradient per sample.
        noise: `{name: [...]}`, standard normal.
        bound: the largest norm of a sample's gradient.
        noise_multiplier: standard deviation of the noise on the sum, divided by `bound`.
        batch_size: the expected batch size, a public number (Poisson sampling draws batches of about B, 0 included).
    """
    squares = [flat(value).square().sum(1) for value in gradients.values()]
    size = torch.stack(squares).sum(0).sqrt()
    factor = torch.where(size > bound, bound / size, torch.ones_like(size))
    total = {name: torch.tensordot(factor, value, 1) for name, value in gradients.items()}
    return {name: value / batch_size for name, value in add(total, noise, noise_multiplier * bound).items()}


@dataclass(frozen=True)
class DPSGD(Defense):
    """Clips per sample, adds Gaussian noise to the sum, and takes the mean. The parts before it act on each sample.

    Args:
        norm: the largest Euclidean norm of one sample's gradient, > 0.
        noise_multiplier: standard deviation of the noise on the sum, divided by `norm`, >= 0.
        delta: the probability that epsilon does not hold, in (0, 1).
        seed: seed of the noise, in addition to that of the run.

    Raises:
        ValueError: an argument is out of its range.
    """

    norm: float
    noise_multiplier: float
    delta: float
    seed: int
    level = "sample"

    def __post_init__(self) -> None:
        if not self.norm > 0:
            raise ValueError(f"norm={self.norm}: must be > 0")
        if not self.noise_multiplier >= 0:
            raise ValueError(f"noise_multiplier={self.noise_multiplier}: must be >= 0")
        if not 0 < self.delta < 1:
            raise ValueError(f"delta={self.delta}: want 0 < delta < 1")

    @property
    def must_change(self) -> bool:
        """Whether there is noise; without it, gradients within the bound are not changed."""
        return self.noise_multiplier > 0

    def wrap(self, inner: ClientStep, local: ClientContext) -> ClientStep:
        """Returns a step that runs the inner step for each sample, clips, sums and adds noise.

        Raises:
            NotApplicable: BatchNorm normalises by the batch, or a defence with a state comes before this one.
        """
        if local.batch_statistics:
            raise NotApplicable(
                "defense DPSGD needs a gradient for each sample, and BatchNorm in train mode mixes them "
                "(model.mode=eval, or a model with another normalisation)"
            )
        return _PerSample(inner, self, local, inner.depth + 1)

    def context_for_inner(self, local: ClientContext) -> ClientContext:
        """The context with a batch size of 1, since the parts before this one act on each sample."""
        return replace(local, batch_size=1)

    def privacy(self, inner: Privacy | None) -> Privacy | None:
        """Returns its own guarantee, whatever was done to each sample's gradient before; None without noise."""
        return Privacy(self.noise_multiplier, self.delta) if self.noise_multiplier > 0 else None

    def notes(self, local: ClientContext) -> list[str]:
        """A sentence about running statistics, if the model has BatchNorm layers that use them."""
        frozen = "DPSGD: BatchNorm normalises by its running statistics, which are not private"
        return [frozen] if local.frozen_statistics else []

    def gaussian_std(self, local: ClientContext) -> float | None:
        """See `Defense.gaussian_std`: the standard deviation of the noise on the mean gradient; None if it is 0."""
        return self.noise_multiplier * self.norm / local.batch_size or None

    def facts(self, local: ClientContext) -> dict[str, Any]:
        """The facts of every defence, with the standard deviation and variance of the noise on the mean gradient."""
        std = self.gaussian_std(local) or 0.0
        return super().facts(local) | {"std": std, "variance": std**2}

    def encode(self, sent: Encoding) -> Encoding:
        """Dense 32-bit floats, with noise and without it."""
        return sent.dense()


@dataclass(frozen=True, eq=False)
class _PerSample(ClientStep):
    inner: ClientStep
    part: DPSGD
    local: ClientContext
    depth: int

    def noise(self, shapes: Shapes, batch_size: int, stream: VictimRng) -> Any:
        noise = rng_of(self.part, self.inner.depth, stream).normal(shapes)
        return stacked(lambda b: self.inner.noise(shapes, 1, stream.child("sample", b)), max(batch_size, 1)), noise

    def start(self, shapes: Shapes) -> Any:
        state = self.inner.start(shapes)
        if pytree.tree_leaves(state):
            raise NotApplicable(
                "defense DPSGD cannot follow a defence that keeps a state, because samples change with every step"
            )
        return state

    def __call__(
        self, parameters: Tree, buffers: Tree, inputs: Tensor, labels: Tensor, noise: Any, state: Any
    ) -> tuple[Tree, Any]:
        def one(example: Tensor, label: Tensor, own: Any) -> Tree:
            return self.inner(parameters, buffers, example[None], label[None], own, state)[0]

        part = self.part
        if len(inputs):
            gradients = each(one, (inputs, labels, noise[0]), self.local.mappable)
        else:
            gradients = {name: value.new_zeros((0, *value.shape)) for name, value in parameters.items()}
        return private_mean(gradients, noise[1], part.norm, part.noise_multiplier, self.local.batch_size), state
