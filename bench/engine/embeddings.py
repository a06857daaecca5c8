"""How dummy sentences lie in a vector: word embeddings, then label logits."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class Embedded:
    """How one victim's variables lie in a vector of n: B x T embeddings, then logits of labels if those are optimised.

    Args:
        batch_size: B; length: T; width: D.
        label_logits: K, or 0 where the labels are fixed.
        places: targets of a sentence: 1 (a class), or T (a token each).
        scale: the logits are this times what stands in the vector.
    """

    batch_size: int
    length: int
    width: int
    label_logits: int
    places: int = 1
    scale: float = 1.0

    @property
    def inputs(self) -> int:
        """Entries that are embeddings."""
        return self.batch_size * self.length * self.width

    @property
    def n(self) -> int:
        """Entries in all."""
        return self.inputs + self.batch_size * self.places * self.label_logits

    def split(self, z: Tensor) -> tuple[Tensor, Tensor | None]:
        """`[S, n]` -> embeddings `[S, B, T, D]` and logits `[S, B, K]` or `[S, B, T, K]` (None where fixed)."""
        embedded = z[:, : self.inputs].reshape(-1, self.batch_size, self.length, self.width)
        if not self.label_logits:
            return embedded, None
        shape = (self.places,) if self.places > 1 else ()
        return embedded, self.scale * z[:, self.inputs :].reshape(-1, self.batch_size, *shape, self.label_logits)
