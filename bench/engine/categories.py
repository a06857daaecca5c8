"""How dummy rows of a table are represented by the optimised variables: categories as shares under a softmax."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from bench.engine.parametrisation import Parametrisation, Pixels
from bench.engine.starts import PLAIN
from bench.messages.columns import TableColumns

_LEAST = 1e-6  # share of a category whose logarithm `encode` takes, so that it stays finite


@dataclass(frozen=True)
class SoftCategories(Parametrisation):
    """Rows whose values are variables themselves, and whose categories are shares: a softmax over each column.

    x_j = z_j of a value; x_G = softmax(z_G) of the numbers G of a column of categories (TabLeak: Vero, Balunovic,
    Dimitrov, Vechev 2023, ICML, "softmax structural prior").

    Args:
        columns: what the numbers of a row are.
    """

    columns: TableColumns

    def size(self, batch_size: int, shape: tuple[int, ...]) -> int:
        """The number of variables of B rows, B x F; for the arguments see `Parametrisation.size`."""
        return batch_size * self.columns.width

    def images(self, variables: Tensor, batch_size: int, shape: tuple[int, ...]) -> Tensor:
        """Maps variables `[S, B F]` to rows `[S, B, F]`; for the arguments see `Parametrisation.images`."""
        z = variables.reshape(-1, batch_size, self.columns.width)
        places = zip(self.columns.columns, self.columns.places)
        return torch.cat([z[..., i:j].softmax(-1) if one.categories else z[..., i:j] for one, (i, j) in places], -1)

    def encode(self, rows: Tensor) -> Tensor:
        """Maps rows `[..., F]` to variables `[..., F]` of these rows; the shares of a column need not sum to 1."""
        z = rows.clone()
        for start, stop in self.columns.groups:
            z[..., start:stop] = rows[..., start:stop].clamp(min=_LEAST).log()
        return z

    @property
    def are_pixels(self) -> bool:
        """Returns False, since the variables of categories are logits."""
        return False

    @property
    def starts(self) -> tuple[str, ...]:
        """The words of `bench.engine.starts` that need neither height and width nor a colour."""
        return PLAIN

    def first(
        self,
        start: str,
        batch_size: int,
        shape: tuple[int, ...],
        span: tuple[float, float] | None,
        run: tuple[int, int, int],
        dtype: torch.dtype,
    ) -> Tensor:
        """Draws values and logits alike; for the arguments see `Parametrisation.first`."""
        return Pixels().first(start, batch_size, shape, span, run, dtype)
