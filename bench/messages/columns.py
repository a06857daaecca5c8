"""What the numbers of a row are: which of them are continuous, and which are the categories of one column."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor


@dataclass(frozen=True)
class TableColumn:
    """A column of a table, and how a row holds it.

    Args:
        name: its name in the table.
        categories: the names of its categories, of which a row has one number each (1 for the row's own category, 0 for
            the others). Empty for a continuous column, of which a row has one number: the standardised value.
        mean: of the public rows, in the units of the table; 0 for categories.
        deviation: the standard deviation of the public rows, likewise, > 0; 1 for categories.
    """

    name: str
    categories: tuple[str, ...] = ()
    mean: float = 0.0
    deviation: float = 1.0

    @property
    def width(self) -> int:
        """How many numbers of a row belong to the column."""
        return len(self.categories) or 1


@dataclass(frozen=True)
class TableColumns:
    """The columns of a table in the order in which a row of F numbers holds them. They are public.

    Args:
        columns: at least one.

    Example:
        >>> columns = TableColumns((TableColumn("age", mean=30.0, deviation=10.0), TableColumn("owner", ("no", "yes"))))
        >>> columns.width, columns.continuous, columns.groups
        (3, (0,), ((1, 3),))
        >>> columns.in_words([0.5, 0.2, 0.8])
        'age 35; owner yes'
    """

    columns: tuple[TableColumn, ...]

    def __len__(self) -> int:
        return len(self.columns)

    @property
    def width(self) -> int:
        """F, the numbers of a row."""
        return sum(column.width for column in self.columns)

    @cached_property
    def places(self) -> tuple[tuple[int, int], ...]:
        """`(start, stop)` of each column in a row."""
        found, start = [], 0
        for column in self.columns:
            found.append((start, start + column.width))
            start += column.width
        return tuple(found)

    @cached_property
    def continuous(self) -> tuple[int, ...]:
        """The places of the continuous columns in a row."""
        return tuple(start for column, (start, _) in zip(self.columns, self.places) if not column.categories)

    @cached_property
    def groups(self) -> tuple[tuple[int, int], ...]:
        """`(start, stop)` of each column of categories in a row."""
        return tuple(place for column, place in zip(self.columns, self.places) if column.categories)

    def hard(self, rows: Tensor) -> Tensor:
        """Replaces the numbers of each column of categories by 1 for the largest and 0 for the others: `[..., F]`."""
        out = rows.clone()
        for start, stop in self.groups:
            chosen = rows[..., start:stop].argmax(-1, keepdim=True)
            out[..., start:stop] = torch.zeros_like(rows[..., start:stop]).scatter(-1, chosen, 1.0)
        return out

    def right(self, guess: Tensor, truth: Tensor, tolerance: float) -> Tensor:
        """Which cells are right: categories that are equal, and continuous values within a tolerance.

        Args:
            guess: `[..., F]`, rows whose categories are hard (`hard`).
            truth: `[..., F]`, likewise; the leading dimensions are broadcast.
            tolerance: the largest difference that counts as right, in standard deviations of the column.

        Returns:
            `[..., columns]`, bool. A value that is not finite is wrong.
        """
        guess, truth = torch.broadcast_tensors(guess, truth)
        found = []
        for column, (start, stop) in zip(self.columns, self.places):
            mine, theirs = guess[..., start:stop], truth[..., start:stop]
            if column.categories:
                found.append(mine.argmax(-1) == theirs.argmax(-1))
            else:
                found.append(((mine - theirs).abs() <= tolerance).squeeze(-1))
        return torch.stack(found, -1)

    def in_words(self, row: list[float]) -> str:
        """A row of F numbers in the units of its table: `age 35; owner yes`."""
        cells = []
        for column, (start, stop) in zip(self.columns, self.places):
            values = row[start:stop]
            if column.categories:
                cells.append(f"{column.name} {column.categories[max(range(len(values)), key=values.__getitem__)]}")
            else:
                cells.append(f"{column.name} {column.mean + column.deviation * values[0]:.4g}")
        return "; ".join(cells)
