"""Rows of real tables, of values and categories."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from bench.datamodules.checks import check_word
from bench.datamodules.table_encoding import RawTable, encoded
from bench.datamodules.table_sets import FILES, SETS, breast_cancer
from bench.datamodules.value_pool import ValuePool
from bench.datamodules.values import ValueDataModule
from bench.datamodules.wheel_file import WheelFile


@dataclass(eq=False, repr=False, kw_only=True)
class TableData(ValueDataModule):
    """Deals batches of rows `[V, B, F]`: standardised values, and one number per category.

    A share of the rows is public, and no victim holds one of them. Their means and standard deviations standardise the
    values, and their most usual row is what the control `mean` claims.

    The table `breast_cancer` is read from the package scikit-learn. The tables `fair` and `randhie` lie in the wheel of
    statsmodels: they are read from the installed package, or from `ROOT/table`, into which `prepare()` puts both.

    Args:
        set: `breast_cancer`, `fair` or `randhie` (see `bench.datamodules.table_sets`).
        root: see `ValueDataModule`.
        public_share: see `ValueDataModule`.

    Raises:
        UserError: see `ValueDataModule`; or `set` is none of these words.
    """

    modality: ClassVar[str] = "rows"
    kind: ClassVar[str] = "table"
    package: ClassVar[str] = "statsmodels"

    def __post_init__(self) -> None:
        check_word("data.set", self.set, SETS)
        super().__post_init__()

    def files(self) -> list[WheelFile]:
        """The table's file; none for the table in scikit-learn."""
        return [FILES[self.set].file] if self.set in FILES else []

    def all_files(self) -> list[WheelFile]:
        """See `ValueDataModule.all_files`."""
        return [one.file for one in FILES.values()]

    def where(self) -> str:
        """The file, the folder in which it will be, or the package that holds the table."""
        return super().where() if self.set in FILES else "the package scikit-learn"

    def by_hand(self) -> str:
        """The end of a sentence that says which file to put where."""
        return super().by_hand() if self.set in FILES else "install scikit-learn again"

    def load(self) -> ValuePool:
        """Reads the table, and keeps the rows that are not public.

        Raises:
            UserError: the file is damaged.
        """
        table = self._table()
        public, private = self.divided(len(table.labels))
        rows, usual, self.columns = encoded(table, public)
        names = table.class_names
        return ValuePool(rows[private], table.labels[private], len(names), names, usual, repr(self.columns))

    def _table(self) -> RawTable:
        if self.set not in FILES:
            return breast_cancer()
        one = FILES[self.set]
        return one.read(self.checked(one.file))
