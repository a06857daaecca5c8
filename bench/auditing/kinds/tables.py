"""Rows of a table `[B, F]`: values, and categories as columns of zeros and ones."""

from __future__ import annotations

from functools import cached_property
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn.functional import one_hot

from bench.auditing.categories import CategoryColumns, CategoryRows
from bench.auditing.kinds.unbounded import CENTER, DEVIATION, SEED, Unbounded
from bench.engine.categories import SoftCategories
from bench.messages.columns import TableColumn, TableColumns

_TOLERANCE = 0.1  # deviations of a column up to which a cell counts as right


class Tables(Unbounded):
    """Rows of F columns, of which none is a neighbour of another; categories are known if `categories=` names them."""

    name, noun = "rows of a table", "row"
    dims: ClassVar[int | None] = 2
    has_categories = True
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

    @cached_property
    def categories(self) -> CategoryColumns:
        """Which columns hold a category.

        Raises:
            UserError: see `CategoryColumns.of`.
        """
        return CategoryColumns.of(self.knowledge.categories, self.packed[0])

    def _known(self) -> tuple[Tensor, Tensor]:
        """Of a category, how often each is found in public data, or all alike; whatever `mean=` and `std=` say."""
        mean, std = super()._known()
        public = None if self.knowledge.public is None else self.public_rows(self.knowledge.public)
        share, deviation = (value.to(mean) for value in self.categories.known(public))
        within = self.categories.within.to(mean.device)
        return mean.where(~within, share), std.where(~within, deviation)

    def pack(self, inputs: Tensor) -> Tensor:
        """See `Kind.pack`.

        Raises:
            UserError: see there; or a category is no 1 among zeros.
        """
        if self.groups:
            self.categories.check(inputs, "batch")
            if self.knowledge.public is not None:
                self.categories.check(self.public_rows(self.knowledge.public), "public")
        return super().pack(inputs)

    def _units(self, like: Tensor) -> tuple[Tensor, Tensor]:
        """`(scale, shift)`, `[F]` each: from shares and deviations to the attacker's units."""
        scale, shift = self.affine()
        within = self.categories.within
        return scale.cpu().where(within, DEVIATION).to(like), shift.cpu().where(within, CENTER).to(like)

    def _cells(self, packed: Tensor) -> Tensor:
        """`[B, F]` in the order of `CategoryColumns.columns`: values in deviations, and categories as shares."""
        scale, shift = self._units(packed)
        return ((packed.flatten(1) - shift) / scale)[:, list(self.categories.order)]

    def _packed(self, cells: Tensor) -> Tensor:
        """The inverse of `_cells`."""
        scale, shift = self._units(cells)
        rows = torch.empty_like(cells)
        rows[:, list(self.categories.order)] = cells
        return (rows * scale + shift).reshape(len(cells), *self.packed)

    def hard(self, packed: Tensor) -> Tensor:
        """See `Kind.hard`: of each category, the likeliest."""
        if not self.groups:
            return packed
        return self._packed(self.categories.columns.hard(self._cells(packed)))

    def variables(self, further: int) -> CategoryRows | None:
        """See `Kind.variables`: categories as shares under a softmax (Vero et al. 2023, arXiv 2210.01785)."""
        if not self.groups:
            return None
        width, within = self.packed[0], self.categories.within
        behind = tuple(TableColumn(f"target {at}") for at in range(further))
        columns = TableColumns((*self.categories.columns.columns, *behind))
        scale, shift = self.affine()
        return CategoryRows(
            SoftCategories(columns),
            (*self.categories.order, *range(width, width + further)),
            (*scale.cpu().where(within, 1.0).tolist(), *further * (1.0,)),
            (*shift.cpu().where(within, 0.0).tolist(), *further * (0.0,)),
        )

    def controls(self, truth: Tensor) -> dict[str, Tensor]:
        """The mean, noise and public data; noise draws each category as often as the attacker expects it."""
        found = super().controls(truth)
        if not self.groups:
            return found
        cells, generator = self._cells(found["noise"]), torch.Generator().manual_seed(SEED)
        for start, stop in self.categories.columns.groups:
            shares = self._expected[start:stop].expand(len(cells), -1)
            drawn = torch.multinomial(shares, 1, generator=generator)[:, 0]
            cells[:, start:stop] = one_hot(drawn, stop - start).to(cells)
        return {**found, "noise": self._packed(cells)}

    @property
    def _expected(self) -> Tensor:
        """`[F]` in the order of `CategoryColumns.columns`: the share of each category as far as the attacker knows."""
        mean, _ = self._known()
        return mean.cpu()[list(self.categories.order)]

    def scores(self, guess: Tensor, truth: Tensor) -> dict[str, Tensor]:
        """Relative error, and the share of cells that are right.

        A value is right up to a tenth of its column's deviation, and a category if it is the likeliest one. Where there
        are categories, `categories` is the share of those that are right, and `categories_guessed` the same of a guess
        that looks at no gradient: the most usual ones.
        """
        columns, mine, theirs = self.categories.columns, self._cells(guess), self._cells(truth)
        right = columns.right(mine, theirs, _TOLERANCE).double()
        found = {**super().scores(guess, truth), "cells": right.mean(1)}
        if not columns.groups:
            return found
        at = [place for place, column in enumerate(columns.columns) if column.categories]
        return {**found, "categories": right[:, at].mean(1), "categories_guessed": self._guessed(theirs)}

    def _guessed(self, truth: Tensor) -> Tensor:
        """The share of categories that the most usual ones hit, `[B]`; of equally usual ones, the mean.

        Args:
            truth: `[B, F]`, see `_cells`.
        """
        hits = []
        for start, stop in self.categories.columns.groups:
            shares = self._expected[start:stop].to(truth)
            usual = (shares == shares.max()).double()
            hits.append(truth[:, start:stop].double() @ (usual / usual.sum()))
        return torch.stack(hits, 1).mean(1)

    @property
    def told(self) -> str:
        """See `Kind.told`."""
        return f"{self.known} (and which columns hold a category)" if self.groups else self.known

    @property
    def groups(self) -> tuple[tuple[int, ...], ...]:
        """See `Kind.groups`."""
        return self.categories.groups

    @property
    def note(self) -> str | None:
        """What was assumed, and what the Jacobian does not know."""
        ours = (
            "the line Room left takes the columns of a category for numbers of any size; an attacker who knows that "
            "one of them is 1 and the others are 0 has less to find"
        )
        return "; ".join(filter(None, (super().note, ours if self.groups else None))) or None


KIND = Tables
