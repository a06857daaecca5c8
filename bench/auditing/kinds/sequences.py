"""Sequences of real vectors `[B, T, D]`, such as embeddings; chosen by `kind="sequences"`."""

from __future__ import annotations

from torch import Tensor, nn

from bench.auditing.kinds.tables import Tables


class Sequences(Tables):
    """T vectors of D numbers; nothing is known of which are alike."""

    name, noun, dims = "sequences", "sequence", None
    has_categories = False

    @property
    def packed(self) -> tuple[int, int, int]:
        """`(T * D, 1, 1)`."""
        return self.shape[0] * self.shape[1], 1, 1

    def reshape(self) -> nn.Module:
        """See `Kind.reshape`."""
        return nn.Sequential(nn.Flatten(), nn.Unflatten(1, self.shape))

    def public_rows(self, public: Tensor) -> Tensor:
        """See `Unbounded.public_rows`."""
        return public.flatten(1)


KIND = Sequences
