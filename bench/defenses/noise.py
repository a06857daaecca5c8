"""Noise on the gradient: Zhu, Liu and Han, "Deep Leakage from Gradients", 2019, section 5.1.

The paper says "variance" for strengths that others read as a standard deviation or as a Laplacian scale. Here the YAML
says which one is meant, and the results record all of them. Noise on the mean gradient without per-sample clipping
bounds nothing, so there is no epsilon (see `dp_sgd`).
"""

from __future__ import annotations

import math
from abc import abstractmethod
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from bench.defenses.base import ClientContext, GradientDefense, Tree
from bench.engine.rng import Shapes, VictimRng


def add(gradients: Tree, noise: Tree, std: float) -> Tree:
    """Adds `std` times `noise` to `gradients`, name by name.

    Args:
        gradients: `{name: tensor}`.
        noise: `{name: tensor}`, of unit variance.
        std: standard deviation, >= 0.
    """
    return {name: value + std * noise[name].to(value.dtype) for name, value in gradients.items()}


def laplacian(first: Tensor, second: Tensor) -> Tensor:
    """Laplacian numbers of unit variance, always finite: a difference of exponentials, from numbers on [0, 1).

    Args:
        first: uniform numbers on [0, 1).
        second: uniform numbers on [0, 1), of the same shape.
    """
    return (torch.log1p(-second) - torch.log1p(-first)) / math.sqrt(2.0)


@dataclass(frozen=True)
class _Noise(GradientDefense):
    """Independent noise on every entry.

    Args:
        std: standard deviation, in the unit of the gradient, >= 0; null if the variance is given.
        variance: the square of the standard deviation, >= 0; null if the standard deviation is given.
        seed: seed of the noise, in addition to that of the run.

    Raises:
        ValueError: both or neither are given, or the one given is negative.
    """

    std: float | None
    variance: float | None
    seed: int

    def __post_init__(self) -> None:
        if (self.std is None) == (self.variance is None):
            raise ValueError(f"std={self.std} and variance={self.variance}: say one, and null for the other")
        name = "variance" if self.std is None else "std"
        if not 0 <= getattr(self, name) < math.inf:
            raise ValueError(f"{name}={getattr(self, name)}: must be >= 0")

    @property
    def strength(self) -> float:
        """The standard deviation, whichever parameter was given."""
        return self.std if self.std is not None else math.sqrt(self.variance)  # type: ignore[arg-type]

    @property
    def must_change(self) -> bool:
        """Whether the standard deviation is above 0."""
        return self.strength > 0

    def facts(self, local: ClientContext) -> dict[str, Any]:
        """The facts of every defence, with both the standard deviation and the variance."""
        return super().facts(local) | {"std": self.strength, "variance": self.strength**2}

    def protect(self, gradients: Tree, noise: Any, state: Any) -> tuple[Tree, Any]:
        """Adds the noise to the gradients.

        Args:
            gradients: `{name: tensor}` of one client.
            noise: noise of unit variance, as `draw` returned it.
            state: returned unchanged.
        """
        return add(gradients, noise, self.strength), state

    def gaussian_std(self, local: ClientContext) -> float | None:
        """See `Defense.gaussian_std`: the standard deviation; None if it is 0."""
        return self.strength or None

    @abstractmethod
    def draw(self, shapes: Shapes, stream: VictimRng) -> Any:
        """Draws noise of unit variance."""


@dataclass(frozen=True)
class Gaussian(_Noise):
    """Adds independent Gaussian noise to each entry; `std` or `variance` says how much (arguments: `_Noise`)."""

    def draw(self, shapes: Shapes, stream: VictimRng) -> Any:
        """Draws standard normal numbers."""
        return stream.normal(shapes)


@dataclass(frozen=True)
class Laplacian(_Noise):
    """Adds independent Laplacian noise to each entry; `std` or `variance` says how much (arguments: `_Noise`).

    The scale of the Laplacian distribution, which others give instead, is std / sqrt(2).
    """

    def draw(self, shapes: Shapes, stream: VictimRng) -> Any:
        """Draws Laplacian numbers of unit variance."""
        first, second = stream.child("first").uniform(shapes), stream.child("second").uniform(shapes)
        return {name: laplacian(first[name], second[name]) for name in shapes}

    def gaussian_std(self, local: ClientContext) -> float | None:
        """The scale b = std / sqrt(2), because the Fisher information of the Laplacian distribution is 1 / b^2."""
        return self.strength / math.sqrt(2.0) or None

    def facts(self, local: ClientContext) -> dict[str, Any]:
        """The facts of every noise, with the scale of the Laplacian distribution."""
        return super().facts(local) | {"scale": self.strength / math.sqrt(2.0)}
