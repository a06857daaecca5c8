"""How dummy sentences are laid out in a vector: word embeddings first, then label logits."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class Embedded:
    """The layout of one victim's n variables: B x T embeddings, then logits of labels if labels are optimised.

    Args:
        batch_size: B.
        length: T, tokens per sentence.
        width: D, entries of an embedding.
        label_logits: K, or 0 if the labels are fixed.
        places: targets per sentence: 1 for a class, T for one token per place.
        scale: the logits are this factor times the variables.
    """

    batch_size: int
    length: int
    width: int
    label_logits: int
    places: int = 1
    scale: float = 1.0

    @property
    def inputs(self) -> int:
        """The number of variables that are entries of embeddings: B x T x D."""
        return self.batch_size * self.length * self.width

    @property
    def n(self) -> int:
        """The number of variables per victim, logits included."""
        return self.inputs + self.batch_size * self.places * self.label_logits

    def split(self, z: Tensor) -> tuple[Tensor, Tensor | None]:
        """`[S, n]` -> embeddings `[S, B, T, D]` and logits `[S, B, K]` or `[S, B, T, K]` (None if fixed)."""
        embedded = z[:, : self.inputs].reshape(-1, self.batch_size, self.length, self.width)
        if not self.label_logits:
            return embedded, None
        shape = (self.places,) if self.places > 1 else ()
        return embedded, self.scale * z[:, self.inputs :].reshape(-1, self.batch_size, *shape, self.label_logits)
