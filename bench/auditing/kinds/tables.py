"""Rows of a table `[B, F]`: continuous columns, and columns of zeros and ones."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor, nn

from bench.auditing.kinds.unbounded import Unbounded

_TOLERANCE = 0.1  # deviations of a column up to which a cell counts as right


class Tables(Unbounded):
    """Rows of F columns, of which none is a neighbour of another."""

    name, noun = "rows of a table", "row"
    dims: ClassVar[int | None] = 2
    settings: ClassVar[tuple[str, ...]] = (
        "attack.spectrum.decay=0.0",
        "attack.prior.decay=0.0",
        "attack.members.angle.priors=[]",
        "attack.members.relu.variables.decay=0.0",
        "attack.members.relu.variables.deviations=[0.3,0.3,0.3]",
        "attack.members.relu.priors=[]",
    )

    @property
    def packed(self) -> tuple[int, int, int]:
        """`(F, 1, 1)`: each column is a channel of one pixel."""
        return self.shape[0], 1, 1

    def reshape(self) -> nn.Module:
        """See `Kind.reshape`."""
        return nn.Flatten()

    def public_rows(self, public: Tensor) -> Tensor:
        """See `Unbounded.public_rows`."""
        return public

    def scores(self, guess: Tensor, truth: Tensor) -> dict[str, Tensor]:
        """Relative error, and the share of cells that are right up to a tenth of their column's deviation."""
        off = (self.standard(guess) - self.standard(truth)).abs().flatten(1)
        return {**super().scores(guess, truth), "cells": (off <= _TOLERANCE).double().mean(1)}


KIND = Tables
