"""Mixup: Zhang, Cisse, Dauphin and Lopez-Paz, "mixup: Beyond Empirical Risk Minimization", 2018 (arXiv 1710.09412)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from bench.defenses.base import ClientContext
from bench.defenses.example_defense import ExampleDefense
from bench.defenses.example_form import ExampleForm
from bench.defenses.privacy import Privacy
from bench.engine.rng import VictimRng
from bench.errors import NotApplicable


def symmetric_beta(first: Tensor, second: Tensor, alpha: float) -> Tensor:
    """Numbers of the distribution Beta(alpha, alpha), from uniform ones.

    If T has Student's distribution with 2 alpha degrees of freedom, 1/2 + T / (2 sqrt(2 alpha + T^2)) has
    Beta(alpha, alpha), and T = sqrt(2 alpha (U^(-1/alpha) - 1)) cos(2 pi V) (Bailey 1994, doi
    10.2307/2153537). Both formulas together are computed without a quotient that overflows.

    Args:
        first: U, uniform on [0, 1).
        second: V, uniform on [0, 1), of the same shape.
        alpha: > 0.

    Returns:
        float64, of the same shape, in [0, 1].
    """
    radius = (1 - first.double()) ** (1 / alpha)  # 1 - U is uniform too, and never 0
    cosine = torch.cos(2 * math.pi * second.double())
    square = (1 - radius) * cosine.square()
    share = torch.where(square > 0, square / (radius + square), 0.0).sqrt()
    return 0.5 + 0.5 * cosine.sign() * share


def in_a_circle(order: Tensor) -> Tensor:
    """The partner of each example: the next one in a circle. `[B]`, int64, a permutation without fixed points.

    Args:
        order: a permutation `[B]`, the order of the examples on the circle.

    Example:
        >>> in_a_circle(torch.tensor([2, 0, 1])).tolist()
        [1, 2, 0]
    """
    return torch.empty_like(order).scatter_(0, order, order.roll(-1))


def mixed(values: Tensor, others: Tensor, share: Tensor) -> Tensor:
    """m x + (1 - m) x_partner, for values and those of their partners `[..., B, ...]`; `share` is m, to broadcast."""
    return share * values + (1 - share) * others


@dataclass(frozen=True)
class Mixup(ExampleDefense):
    """Trains on mixtures: x' = m x + (1 - m) x_partner and y' = m y + (1 - m) y_partner, m from Beta(alpha, alpha).

    One m is drawn for each batch, as in the authors' code. The mean label of the batch, which rules that count labels
    estimate, stays what it was. A reconstruction is scored against the images before they are mixed.

    Departs: the authors' code draws the partners by a random permutation, under which an example may be its own
    partner and would be shared as it is. Here partners are neighbours on a circle in a random order, so everybody has
    another one, each with the same probability.

    Args:
        alpha: of the Beta distribution, > 0; 1 draws m uniformly, and the smaller it is, the less is mixed.
        seed: seed of m and of the order, in addition to that of the run.

    Raises:
        ValueError: alpha is not above 0.
    """

    alpha: float
    seed: int
    level = "batch"
    soft = True
    of_images = True

    def __post_init__(self) -> None:
        if not 0 < self.alpha < math.inf:
            raise ValueError(f"alpha={self.alpha}: must be > 0 and finite")

    def check(self, local: ClientContext) -> None:
        """Refuses what `ExampleDefense.check` refuses, and a batch of one.

        Raises:
            NotApplicable: an example has no partner.
        """
        super().check(local)
        if local.batch_size < 2:
            raise NotApplicable(
                "defense Mixup mixes each example with another one of the same step, and there is one only "
                "(data.batch_size=2 or more; in a stack, named after dp_sgd)"
            )

    def draw(self, batch_size: int, form: ExampleForm, stream: VictimRng) -> Any:
        """Draws m, `[]`, and the partner of each example, `[B]`.

        Args:
            batch_size: B.
            form: see `ExampleForm`.
            stream: the random numbers of this victim and this part.
        """
        drawn = stream.uniform({"first": (), "second": (), "order": (batch_size,)})
        share = symmetric_beta(drawn["first"], drawn["second"], self.alpha).float()
        return share, in_a_circle(drawn["order"].argsort())

    def change_examples(self, inputs: Tensor, labels: Tensor, noise: Any, form: ExampleForm) -> tuple[Tensor, Tensor]:
        """Returns the mixed inputs and labels.

        Args:
            inputs: `[B, C, H, W]`.
            labels: probabilities `[B, K]`.
            noise: what `draw` returned.
            form: see `ExampleForm`.
        """
        share, partner = noise[0].to(inputs.dtype), noise[1]
        return tuple(mixed(value, value[partner], share) for value in (inputs, labels))  # type: ignore[return-value]

    def privacy(self, inner: Privacy | None) -> Privacy | None:
        """Returns None: an example is part of two mixtures, and so changes more than the guarantee counts."""
        return None
