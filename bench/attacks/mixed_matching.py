"""Gradient matching against a client that mixes the examples of its batch in pairs, with shares that it draws."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, dtype

from bench.defenses.mixup import mixed
from bench.engine.matching import Layout, Matching, Objective, Prior
from bench.messages.observation import Observation


@dataclass(frozen=True, kw_only=True)
class MixedLayout(Layout):
    """A `Layout` of the mixtures, with more variables per victim, the last ones: their shares, and the circle.

    The circle is a number that no gradient moves: it says in which order the labels of this run stand on the circle of
    partners.

    Args:
        shares: number of shares, 1 for the whole batch or B.
        span: the range of a share.
        partners: the partner of each example on each circle that is tried, `[circles, B]`.
    """

    shares: int
    span: tuple[float, float]
    partners: tuple[tuple[int, ...], ...]

    @property
    def n(self) -> int:
        """The number of variables per victim: those of the mixtures, the shares and the circle."""
        return super().n + self.shares + 1

    def split(self, z: Tensor) -> tuple[Tensor, Tensor | None]:
        """`[S, n]` -> mixtures `[S, B, C, H, W]`, and None."""
        return super().split(z[:, : super().n])

    def share(self, z: Tensor) -> Tensor:
        """`[S, n]` -> the share of each example in its own mixture, `[S, shares]`."""
        low, high = self.span
        return low + (high - low) * z[:, super().n : -1].sigmoid()

    def partner(self, z: Tensor) -> Tensor:
        """`[S, n]` -> the partner of each example `[S, B]`, int64."""
        return torch.tensor(self.partners, device=z.device)[z[:, -1].detach().round().long()]


class MixedMatching(Matching):
    """A `Matching` whose inputs are mixtures, and whose labels are mixed by the shares and the circle of the variables.

    Args:
        seen: see `Matching`.
        layout: a `MixedLayout`.
        objective: see `Matching`.
        labels: `[V, B, K]`, probabilities, of the examples before they were mixed.
        dtype: see `Matching`.
        priors: see `Matching`; they are of the mixtures.
    """

    def __init__(
        self,
        seen: Observation,
        layout: MixedLayout,
        objective: Objective,
        labels: Tensor,
        dtype: dtype,
        priors: Sequence[Prior],
    ) -> None:
        super().__init__(seen, layout, objective, labels, dtype, priors)
        self._share, self._partner = layout.share, layout.partner

    def _examples(self, given: Tensor, targets: Tensor, z: Tensor) -> tuple[Tensor, Tensor]:
        partner = self._partner(z)[:, :, None].expand_as(targets)
        return given, mixed(targets, targets.gather(1, partner), self._share(z)[:, :, None])
