"""Gradient matching against a client that shares the gradient of concealing images beside that of its own (DCS-2)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, dtype

from bench.engine.matching import Layout, Matching, Objective, Prior
from bench.messages.observation import Observation


@dataclass(frozen=True, kw_only=True)
class ConcealedLayout(Layout):
    """A `Layout` with more variables per victim, the last ones: those of concealing images and of their drawn labels.

    Args:
        concealing: number of concealing images.
        classes: K, label logits of each of them.
    """

    concealing: int
    classes: int

    @property
    def n(self) -> int:
        """The number of variables per victim: those of the images, label logits, concealing images and their logits."""
        return super().n + self._hidden + self.concealing * self.classes

    @property
    def _hidden(self) -> int:
        return self.variables.size(self.concealing, self.input_shape)

    def split(self, z: Tensor) -> tuple[Tensor, Tensor | None]:
        """`[S, n]` -> the private images `[S, B, C, H, W]` and their label logits `[S, B, K]` (None if fixed)."""
        return super().split(z[:, : super().n])

    def hidden(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """`[S, n]` -> concealing images `[S, s, C, H, W]`, and their labels as probabilities `[S, s, K]`."""
        images, logits = z[:, super().n :].split([self._hidden, self.concealing * self.classes], 1)
        drawn = logits.reshape(-1, self.concealing, self.classes).softmax(-1)
        return self.variables.images(images, self.concealing, self.input_shape), drawn


class ConcealedMatching(Matching):
    """A `Matching` whose gradients are those of the private and the concealing images together.

    Args:
        seen: with a `Task.gradient` that takes both, the concealing ones last, and labels as probabilities.
        layout: a `ConcealedLayout`.
        objective: see `Matching`.
        labels: `[V, B, K]`, probabilities; None if the layout has label logits.
        dtype: see `Matching`.
        priors: see `Matching`; they are of the private images.
    """

    def __init__(
        self,
        seen: Observation,
        layout: ConcealedLayout,
        objective: Objective,
        labels: Tensor | None,
        dtype: dtype,
        priors: Sequence[Prior],
    ) -> None:
        super().__init__(seen, layout, objective, labels, dtype, priors)
        self._hidden = layout.hidden

    def _examples(self, given: Tensor, targets: Tensor, z: Tensor) -> tuple[Tensor, Tensor]:
        images, drawn = self._hidden(z)
        return torch.cat([given, images], 1), torch.cat([targets, drawn], 1)
