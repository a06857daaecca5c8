"""An objective over word embeddings whose gradient is zero at places whose tokens are known."""

from __future__ import annotations

import torch
from torch import Tensor

from bench.engine.matching import Matching


class FixedTokens:
    """The distance between gradients, with a zero gradient at fixed places.

    If the start has the right embeddings at these places, an elementwise direction leaves them unchanged.

    Args:
        matching: the matching function over the same victims.
        width: D, the entries of an embedding; the first `B * T * D` variables of a victim are its embeddings.
        fixed: `[V, B, T]`, bool, the fixed places.
    """

    def __init__(self, matching: Matching, width: int, fixed: Tensor) -> None:
        self.matching, self._width, self._fixed = matching, width, fixed

    @property
    def compiled_slots(self) -> int | None:
        """The one number of slots that a compiled function serves, or None; see `Matching.compiled_slots`."""
        return self.matching.compiled_slots

    def load(self, victims: Tensor) -> None:
        """Puts the victims (positions in the observation, `[S]`) into the slots."""
        self.matching.load(victims)
        self._victims = victims.clone()

    def replace(self, slots: Tensor, victims: Tensor) -> None:
        """Puts `victims` (positions in the observation, `[k]`) into the slots numbered `slots` `[k]`."""
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
