"""Columns of a table that hold one category as zeros and ones, and the rows in which they stand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from numbers import Integral
from typing import Any

import torch
from torch import Tensor, nn

from bench.attacks.gradient_matching import GradientMatching
from bench.engine.categories import SoftCategories
from bench.engine.parametrisation import ImageMap, Pixels
from bench.errors import UserError
from bench.messages.columns import TableColumn, TableColumns

_LEAST_DEVIATION = 0.1  # of a column of a category: a rare one stays within the reach of a reconstruction


@dataclass(frozen=True)
class CategoryColumns:
    """Which columns of rows of F numbers hold one category: a 1 in one of them, and 0 in the others.

    Args:
        groups: the columns of each category, from 0; of no category if it is empty.
        width: F.

    Example:
        >>> found = CategoryColumns.of([[4, 1]], 5)
        >>> found.groups, found.order, found.columns.groups
        (((1, 4),), (0, 1, 4, 2, 3), ((1, 3),))
    """

    groups: tuple[tuple[int, ...], ...]
    width: int

    @classmethod
    def of(cls, given: Any, width: int) -> CategoryColumns:
        """Reads what a user gave as `categories=`.

        Args:
            given: a list of columns for each category.
            width: F.

        Raises:
            UserError: it is no such list, a category has fewer than two columns, or a column is not there or belongs
                to two categories.
        """
        if not all(isinstance(group, Sequence) and all(_is_column(one) for one in group) for group in _listed(given)):
            raise UserError(
                f"categories={given!r}: want a list of columns for each category, such as [[3, 4, 5], [6, 7]]"
            )
        groups = tuple(tuple(sorted(int(one) for one in group)) for group in given)
        seen: set[int] = set()
        for group in groups:
            if beyond := [one for one in group if not 0 <= one < width]:
                raise UserError(f"categories: there is no column {beyond[0]}; the rows have columns 0 to {width - 1}")
            if twice := [one for at, one in enumerate(group) if one in seen or one in group[:at]]:
                raise UserError(f"categories: column {twice[0]} is named twice; a column belongs to one category")
            if len(group) < 2:
                raise UserError(
                    f"categories: {list(group)} has fewer than two columns; a single column of zeros and ones is a "
                    "number like any other, so leave it out"
                )
            seen.update(group)
        return cls(groups, width)

    @property
    def runs(self) -> list[tuple[int, ...]]:
        """The columns of each category, and each other column by itself, in the order of their first columns."""
        others = [(at,) for at in range(self.width) if not self.within[at]]
        return sorted([*self.groups, *others])

    @cached_property
    def order(self) -> tuple[int, ...]:
        """The columns in the order in which `columns` has them: those of a category follow one another."""
        return tuple(one for run in self.runs for one in run)

    @cached_property
    def columns(self) -> TableColumns:
        """The columns of the table, in `order`."""
        return TableColumns(
            tuple(TableColumn(str(run[0]), tuple(map(str, run)) if len(run) > 1 else ()) for run in self.runs)
        )

    @cached_property
    def within(self) -> Tensor:
        """`[F]`, bool: which columns belong to a category."""
        inside = {one for group in self.groups for one in group}
        return torch.tensor([at in inside for at in range(self.width)])

    def known(self, public: Tensor | None) -> tuple[Tensor, Tensor]:
        """`(mean, deviation)`, `[F]` each, of the columns of categories: as in public rows, or all alike without them.

        Args:
            public: `[P, F]`; None if there are none.
        """
        share = torch.zeros(self.width, dtype=torch.float64)
        for group in self.groups:
            share[list(group)] = 1 / len(group)
        if public is not None:
            share = public.double().mean(0).cpu()
        return share, (share * (1 - share)).clamp(min=0).sqrt().clamp(min=_LEAST_DEVIATION)

    def check(self, rows: Tensor, what: str) -> None:
        """Checks that each category has a 1 in one of its columns, and 0 in the others.

        Args:
            rows: `[B, F]`.
            what: they are, for the message.

        Raises:
            UserError: it has not; the message names a row.
        """
        for group in self.groups:
            found = rows[:, list(group)]
            right = ((found == 0) | (found == 1)).all(1) & (found.sum(1) == 1)
            if not right.all():
                row = int(torch.nonzero(~right)[0])
                numbers = ", ".join(f"{value:.3g}" for value in found[row].tolist())
                raise UserError(
                    f"{what}: the columns {list(group)} of categories= hold {numbers} in row {row}; want a 1 in one of "
                    "them and 0 in the others (pass the rows before these columns are scaled)"
                )


@dataclass(frozen=True)
class CategoryRows(ImageMap):
    """Rows as images `[C, 1, 1]`, whose categories are shares under a softmax (`SoftCategories`).

    A column of a category in the attacker's units is its share times `scale`, plus `shift`. Any other column is a
    variable itself.

    Args:
        soft: the columns, in another order: those of a category follow one another.
        order: which column of a row each of them is.
        scale: of each column of a row.
        shift: of each column of a row.
    """

    soft: SoftCategories
    order: tuple[int, ...]
    scale: tuple[float, ...]
    shift: tuple[float, ...]

    def decode(self, variables: Tensor) -> Tensor:
        """Maps variables to rows; both are `[..., C, 1, 1]`."""
        z = variables.reshape(-1, len(self.order))
        shares = self.soft.images(z, 1, (len(self.order),))[:, 0]
        place = sorted(range(len(self.order)), key=self.order.__getitem__)
        return (shares[:, place] * z.new_tensor(self.scale) + z.new_tensor(self.shift)).reshape(variables.shape)

    def encode(self, images: Tensor) -> Tensor:
        """Maps rows to variables; both are `[..., C, 1, 1]`. Shares that do not sum to 1 come back as if they did."""
        rows = images.reshape(-1, len(self.order))
        shares = (rows - rows.new_tensor(self.shift)) / rows.new_tensor(self.scale)
        return self.soft.encode(shares[:, list(self.order)]).reshape(images.shape)

    @property
    def are_pixels(self) -> bool:
        """Returns False, since the variables of categories are logits."""
        return False

    def first(
        self,
        start: str,
        batch_size: int,
        shape: tuple[int, ...],
        span: tuple[float, float] | None,
        run: tuple[int, int, int],
        dtype: torch.dtype,
    ) -> Tensor:
        """Draws values and logits alike, as `SoftCategories`; for the arguments see `Parametrisation.first`."""
        return Pixels().first(start, batch_size, shape, span, run, dtype)


def represent(attack: nn.Module, variables: ImageMap) -> None:
    """Makes each part of an attack that matches gradients represent its dummies in this way, in place.

    Their box is dropped: a share lies between 0 and 1 without one, and the values of rows have no bounds.

    Args:
        attack: or an ensemble.
        variables: how dummies are represented.
    """
    for part in attack.modules():
        if isinstance(part, GradientMatching):
            part.variables, part.box = variables, False


def _listed(given: Any) -> Sequence[Any]:
    """The categories that were given, or one that is none."""
    return given if isinstance(given, Sequence) and not isinstance(given, str) else [None]


def _is_column(value: Any) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool)
