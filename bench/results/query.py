"""Reading results: which cells there are, their victims, samples and images. Writes nothing, locks nothing.

DuckDB runs in memory over the parts that `parts.read` has checked, so that one foreign file fails nothing and several
reports can run beside a suite.
"""

from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from bench.errors import UserError
from bench.results import parts
from bench.results.store import Cell, load

# The latest append of a victim wins; its samples are those of the same append, never a mixture of two.
_VICTIMS = """
    SELECT * FROM parts_of_victims
    QUALIFY row_number() OVER (PARTITION BY victim ORDER BY stored DESC, part DESC) = 1
    ORDER BY victim
"""
_SAMPLES = """
    SELECT s.* FROM parts_of_samples AS s JOIN victims AS v ON s.victim = v.victim AND s.part = v.part
    ORDER BY s.victim, s.position
"""


@dataclass(frozen=True)
class Listing:
    """The cells of a results folder, and one sentence for each file or folder that was skipped."""

    cells: list[Cell]
    warnings: list[str]


@dataclass(frozen=True)
class Rows:
    """What is stored of a cell: one row a victim, one a (victim, position), both in order; and what was skipped."""

    victims: pa.Table
    samples: pa.Table
    warnings: list[str]

    def limit(self, victims: int | None) -> "Rows":
        """Only the victims with an id below `victims` (None: all)."""
        if victims is None:
            return self
        kept = [table.filter(pc.field("victim") < victims) for table in (self.victims, self.samples)]
        return Rows(kept[0], kept[1], self.warnings)


@dataclass(frozen=True)
class VictimImages:
    """The pictures of one victim.

    Args:
        victim: its id.
        truth, guess: `[B, C, H, W]` in [0, 1].
        moments: `[M]`, iteration numbers; -1 where there is none.
        images: `[M, B, C, H, W]`, the iterates at these moments.
        curve_at, curve: `[K]`, evaluation numbers (-1 where there is none) and the attacker's objective there.
    """

    victim: int
    truth: np.ndarray
    guess: np.ndarray
    moments: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))
    images: np.ndarray = field(default_factory=lambda: np.zeros((0, 0, 0, 0, 0), np.float16))
    curve_at: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))
    curve: np.ndarray = field(default_factory=lambda: np.zeros(0, np.float32))


def cells(root: Path) -> Listing:
    """The cells below `root`, in the order of their folders' names.

    Raises:
        UserError: `root` is not a folder that can be read.
    """
    root = Path(root)
    if not root.is_dir():
        raise UserError(f"no results folder at {root}; name one (leakbench report DIR) or run: leakbench suite quick")
    found, warnings = [], []
    try:
        folders = sorted(path for path in (root / "cells").glob("[!.]*") if path.is_dir())
        strays = sorted(path for depth in ("", "cells/", "cells/*/") for path in root.glob(f"{depth}[!.]*.parquet"))
    except OSError as error:
        raise UserError(f"cannot read {root}: {error.strerror or error}; check its permissions") from error
    for folder in folders:
        try:
            found.append(load(folder))
        except ValueError as problem:
            warnings.append(f"skipped {folder}: {problem}")
    warnings += [f"skipped {path}: no result of leakbench lies there" for path in strays]
    return Listing(found, warnings)


def rows(cell: Cell) -> Rows:
    """The rows of a cell, each victim and each sample once."""
    return _rows(parts.read(cell.parts))


def victims(cell: Cell) -> pa.Table:
    """One row a victim, by id; the columns of `Cell.append`, and `part` and `stored` (nanoseconds since 1970)."""
    return rows(cell).victims


def samples(cell: Cell) -> pa.Table:
    """One row a (victim, position), in order; the columns of `Cell.append`, metrics as float64 with nulls."""
    return rows(cell).samples


def images(cell: Cell, n: int | None = None) -> list[VictimImages]:
    """The pictures of the first `n` victims that have some (None: of all), by id."""
    checked = parts.read(cell.parts)
    chosen = _rows(checked).victims
    found: list[VictimImages] = []
    tensors: dict[str, dict[str, np.ndarray]] = {}
    for victim, part in zip(chosen["victim"].to_pylist(), chosen["part"].to_pylist()):
        if n is not None and len(found) >= n:
            break
        if part not in checked.images:
            continue
        if part not in tensors:
            tensors[part] = parts.read_images(checked.images[part])
        at = np.flatnonzero(tensors[part]["ids"] == victim)
        if len(at):
            values = {key: value[at[0]] for key, value in tensors[part].items() if key != "ids"}
            found.append(VictimImages(victim, **values))
    return found


def _rows(checked: parts.Parts) -> Rows:
    with duckdb.connect() as connection:
        for kind in ("victims", "samples"):
            tables = list(getattr(checked, kind).values()) or [parts.empty(kind)]
            # Parts of one cell may differ in their metrics: a backbone that was missing at first.
            connection.register(f"parts_of_{kind}", pa.concat_tables(tables, promote_options="default"))
        chosen = connection.sql(_VICTIMS).to_arrow_table()
        connection.register("victims", chosen)
        return Rows(chosen, connection.sql(_SAMPLES).to_arrow_table(), checked.warnings)
