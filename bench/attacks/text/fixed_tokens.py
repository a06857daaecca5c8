"""An objective over word embeddings whose slope is zero at places that are taken as known."""

from __future__ import annotations

import torch
from torch import Tensor

from bench.engine.matching import Matching


class FixedTokens:
    """The distance between gradients, with no slope at fixed places.

    Where the start has the embeddings that belong there, an elementwise direction leaves them there.

    Args:
        matching: over the same victims.
        width: D, of an embedding; those of a victim come first among its variables, `B * T * D`.
        fixed: `[V, B, T]`, bool.
    """

    def __init__(self, matching: Matching, width: int, fixed: Tensor) -> None:
        self.matching, self._width, self._fixed = matching, width, fixed

    @property
    def compiled_slots(self) -> int | None:
        """The matching's."""
        return self.matching.compiled_slots

    def load(self, victims: Tensor) -> None:
        """Puts these victims into the slots."""
        self.matching.load(victims)
        self._victims = victims.clone()

    def replace(self, slots: Tensor, victims: Tensor) -> None:
        """Puts these victims into the slots numbered `slots`."""
        self.matching.replace(slots, victims)
        self._victims[slots] = victims

    def __call__(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """`[S, n]` -> values `[S]` and gradients `[S, n]`."""
        values, g = self.matching(z)
        return values, self._without_fixed(g)

    def _without_fixed(self, g: Tensor) -> Tensor:
        fixed = self._fixed[self._victims].unsqueeze(-1).expand(-1, -1, -1, self._width).flatten(1)
        inputs = fixed.shape[1]
        return torch.cat([g[:, :inputs].masked_fill(fixed, 0), g[:, inputs:]], 1)
