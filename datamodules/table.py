"""Rows of real tables, of values and categories."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from bench.datamodules.base import VictimDataModule
from bench.datamodules.checks import check_share, check_word, given_path
from bench.datamodules.dealing import shuffled
from bench.datamodules.pool import Integers
from bench.datamodules.table_encoding import RawTable, encoded
from bench.datamodules.table_sets import FILES, SETS, breast_cancer
from bench.datamodules.value_pool import ValuePool
from bench.datamodules.wheel_file import fetch
from bench.errors import UserError
from bench.storage.hashing import sha256

PUBLIC = 8  # number of a separate random stream, in addition to those of the dealer, of text and of line-ups


@dataclass(eq=False, repr=False, kw_only=True)
class TableData(VictimDataModule[ValuePool]):
    """Deals batches of rows `[V, B, F]`: standardised values, and one number per category.

    A share of the rows is public, and no victim holds one of them. Their means and standard deviations standardise the
    values, and their most usual row is what the control `mean` claims. Which rows are public does not depend on the
    seed. Values have no bounds; three standard deviations to either side are what is usual.

    The table `breast_cancer` is read from the package scikit-learn. The tables `fair` and `randhie` lie in the wheel of
    statsmodels: they are read from the installed package, or from `ROOT/table`, into which `prepare()` puts both.

    Args:
        set: `breast_cancer`, `fair` or `randhie` (see `bench.datamodules.table_sets`).
        root: the folder for datasets.
        public_share: the share of the rows that are public, in (0, 1).

    Raises:
        UserError: a value is out of range (at construction), or the table is missing or damaged (in `setup`).
    """

    set: str
    root: str
    public_share: float
    modality: ClassVar[str] = "rows"
    input_range: ClassVar[tuple[float, float]] = (-3.0, 3.0)

    def __post_init__(self) -> None:
        super().__post_init__()
        check_word("data.set", self.set, SETS)
        check_share("data.public_share", self.public_share, "share of the rows that are public")
        if not 0 < self.public_share < 1:
            raise UserError(
                f"data.public_share={self.public_share}: must be above 0 and below 1 (public rows standardise the "
                "values, and victims need rows as well)"
            )
        self._folder = given_path("data.root", self.root, "the folder that datasets are kept in") / "table"

    def where(self) -> str:
        """The file, the folder in which it will be, or the package that holds the table."""
        if self.set not in FILES:
            return "the package scikit-learn"
        return str(FILES[self.set].file.find(self._folder) or self._folder)

    def missing(self) -> list[str]:
        """Returns the name of the table's file if it is neither in the folder nor in an installed package."""
        return [] if self.set not in FILES or FILES[self.set].file.find(self._folder) else [FILES[self.set].file.name]

    def by_hand(self) -> str:
        """The end of a sentence that says which file to put where."""
        if self.set not in FILES:
            return "install scikit-learn again"
        file = FILES[self.set].file
        return f"put {file.name} of statsmodels {file.wheel.version} into {self._folder}"

    def command(self) -> str:
        """The shell command that fetches the tables."""
        return "leakbench prepare table"

    def prepare(self) -> None:
        """Downloads the tables that are not there, whichever is used, because one wheel holds them.

        Raises:
            UserError: the download failed; the message says how to put the files there by hand.
        """
        if any(one.file.find(self._folder) is None for one in FILES.values()):
            self.fetch()

    def fetch(self) -> None:
        """Downloads the wheel and keeps its tables."""
        by_hand = f"put {' and '.join(one.file.name for one in FILES.values())} of statsmodels into {self._folder}"
        fetch([one.file for one in FILES.values()], self._folder, "table", by_hand)

    @property
    def provenance(self) -> dict[str, str]:
        """The hash of the table's file; nothing for the table in scikit-learn."""
        path = FILES[self.set].file.find(self._folder) if self.set in FILES else None
        return {} if path is None else {"sha256": sha256(path)}

    def load(self) -> ValuePool:
        """Reads the table, and keeps the rows that are not public.

        Raises:
            UserError: the file is damaged.
        """
        table = self._table()
        # The choice depends on positions alone, not on the seed, so that the pool is the same for all victims.
        order = shuffled(len(table.labels), 0, PUBLIC)
        count = min(max(1, int(self.public_share * len(order))), len(order) - 1)
        private = np.sort(order[count:])
        rows, usual, self.columns = encoded(table, np.sort(order[:count]))
        names = table.class_names
        return ValuePool(rows[private], table.labels[private], len(names), names, usual, repr(self.columns))

    def _table(self) -> RawTable:
        if self.set not in FILES:
            return breast_cancer()
        one = FILES[self.set]
        return one.read(one.file.checked(self._folder, f"delete it and run: {self.command()}"))

    @property
    def remark(self) -> str:
        """A sentence that says how many rows are private; the others are public."""
        return f"{len(self.pool)} of the rows of '{self.set}' are private; the others are public (data.public_share)"

    @property
    def mean_image(self) -> Tensor:
        """`[F]`, the most usual row of the public ones: mean values, most frequent categories."""
        return torch.from_numpy(self.pool.usual)

    def private(self, ids: Sequence[int], samples: Integers, labels: Integers) -> dict[str, Tensor]:
        """Returns the rows `[V, B, F]` and their classes `[V, B]`.

        Args:
            ids: not used.
            samples: `[V, B]`, the rows that the victims hold.
            labels: `[V, B]`, the classes of these rows, or the drawn ones.
        """
        return {"inputs": self.pool.inputs(samples), "labels": torch.from_numpy(labels)}
