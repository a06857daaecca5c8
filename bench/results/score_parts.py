"""Parts of added scores: what `leakbench rescore` has computed of reconstructions that were stored earlier.

A row belongs to the reconstruction of one append, whose id is in the column `part`. So a victim that is attacked again
does not get the scores of its earlier reconstruction.
"""

import time
import uuid
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from bench.results.part_format import number, table_of, write_table

KIND = "scores"
COLUMNS = [("victim", pa.int64()), ("position", pa.int64()), ("part", pa.string()), ("stored", pa.int64())]
_PLACE = ("part", "victim", "position")
_KEYS = frozenset(name for name, _ in COLUMNS)


def write(folder: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Writes added scores to a folder of parts in one step.

    Args:
        folder: the folder of the parts.
        rows: one row per example: `victim`, `position`, `part` (the id of the append that was scored), and a number or
            null per metric. NaN is stored as null.

    Raises:
        ValueError: a row lacks its place.
        UserError: the folder cannot be written.
    """
    if any(row.get(name) is None for row in rows for name in _PLACE):
        raise ValueError(f"a row of scores needs {', '.join(_PLACE)}")
    metrics = sorted({name for row in rows for name in row} - _KEYS)
    stored = time.time_ns()
    kept = [{**row, **{name: number(row.get(name)) for name in metrics}, "stored": stored} for row in rows]
    table = table_of(kept, COLUMNS + [(name, pa.float64()) for name in metrics])
    write_table(folder / f"{KIND}-{uuid.uuid4().hex}.parquet", table)


def metric_names(table: pa.Table) -> list[str]:
    """The metric columns of a table of added scores."""
    return [name for name in table.column_names if name not in _KEYS]


def joined(samples: pa.Table, added: Iterable[pa.Table]) -> pa.Table:
    """The samples with the scores that were added; a stored score that is not null is never replaced.

    Args:
        samples: the rows that count, with the id of their append in `part`.
        added: the tables of added scores. If two have the same score, the earlier one counts.
    """
    tables = sorted((table for table in added if len(table)), key=lambda table: table["stored"][0].as_py() or 0)
    if not tables:
        return samples
    row = {place: i for i, place in enumerate(zip(*(samples[name].to_pylist() for name in _PLACE)))}
    columns: dict[str, list[float | None]] = {}
    for table in tables:
        at = [row.get(place) for place in zip(*(table[name].to_pylist() for name in _PLACE))]
        if all(i is None for i in at):
            continue
        for name in metric_names(table):
            if name not in columns:
                known = name in samples.column_names
                columns[name] = samples[name].to_pylist() if known else [None] * len(samples)
            column = columns[name]
            for i, value in zip(at, table[name].to_pylist()):
                if i is not None and column[i] is None:
                    column[i] = value
    for name, values in columns.items():
        place = samples.column_names.index(name) if name in samples.column_names else None
        array = pa.array(values, pa.float64())
        samples = samples.append_column(name, array) if place is None else samples.set_column(place, name, array)
    return samples


def missing(
    victims: pa.Table,
    scored: Mapping[str, pa.Table],
    added: Iterable[pa.Table],
    metrics: Collection[str],
    unscored: Collection[str],
) -> dict[tuple[str, int], list[str]]:
    """The metrics that were never computed of a reconstruction, `{(part id, victim): metric keys}`.

    A metric that could not be computed has no column in the part. A null in a column is an undefined score.

    Args:
        victims: the rows of the victims that count.
        scored: the tables of samples, `{part id: table}`.
        added: the tables of added scores.
        metrics: the keys of the metrics that are asked for.
        unscored: the statuses under which a victim has no reconstruction that could be scored.
    """
    known: dict[str, set[tuple[str, int]]] = {}
    for table in added:
        places = set(zip(table["part"].to_pylist(), table["victim"].to_pylist()))
        for name in metric_names(table):
            known.setdefault(name, set()).update(places)
    found = {}
    for victim, part, status in zip(*(victims[name].to_pylist() for name in ("victim", "part", "status"))):
        columns = set(scored[part].column_names) if part in scored else set()
        lacking = [name for name in metrics if name not in columns and (part, victim) not in known.get(name, ())]
        if lacking and status not in unscored:
            found[part, victim] = lacking
    return found
