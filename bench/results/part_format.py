"""What the files of a cell's parts have in common: how they are written, and how they are checked."""

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from safetensors import SafetensorError, safe_open

from bench.storage.atomic import aside

SCHEMA = 1
KEY = "leakbench"
# Where and when a row was computed, and by which version: columns that every kind of part has.
WORK = [(name, pa.string()) for name in ("host", "device", "started", "commit", "versions")]
FOREIGN = "it was not written by leakbench"


def names(folder: Path) -> list[str]:
    """The sorted names in a folder of parts, without files that are being written; empty if there is no folder."""
    return sorted(name for name in os.listdir(folder) if not name.startswith(".")) if folder.is_dir() else []


def version_problem(found: str | None) -> str | None:
    """Why a file with this schema is skipped, the end of a sentence; None if it is read."""
    if found is None:
        return FOREIGN
    if found != str(SCHEMA):
        return f"it has schema {found}, this version reads schema {SCHEMA}"
    return None


def number(value: Any) -> float | None:
    """A score as it is stored. An undefined score is null, because NaN would pass unnoticed through means."""
    return None if value is None or np.isnan(float(value)) else float(value)


def table_of(rows: list[dict[str, Any]], columns: Sequence[tuple[str, pa.DataType]]) -> pa.Table:
    """A table of these rows and columns; a value that a row lacks is null."""
    return pa.Table.from_pylist(rows, schema=pa.schema(list(columns)))


def check_rows(
    rows: Sequence[Mapping[str, Any]], columns: Sequence[tuple[str, pa.DataType]], required: Sequence[str], what: str
) -> None:
    """Refuses rows that do not have the columns of a part.

    Args:
        rows: before they are stored.
        columns: of the part.
        required: the columns that every row has.
        what: what a row is of, for the message.

    Raises:
        ValueError: a row has an unknown column, or lacks a required one.
    """
    known = {name for name, _ in columns}
    for row in rows:
        if unknown := sorted(row.keys() - known):
            raise ValueError(f"a row of {what} has unknown columns: {', '.join(unknown)}")
        if missing := [name for name in required if name not in row]:
            raise ValueError(f"a row of {what} lacks {', '.join(missing)}")


def latest_rows(rows: Iterable[dict[str, Any]], key: str) -> list[dict[str, Any]]:
    """The rows sorted by a key; of several with one key, the one that was stored last (the first of equal times)."""
    latest: dict[Any, dict[str, Any]] = {}
    for row in rows:
        if row[key] not in latest or row["stored"] > latest[row[key]]["stored"]:
            latest[row[key]] = row
    return [latest[each] for each in sorted(latest)]


def write_table(path: Path, table: pa.Table, counted: Sequence[str] = (), mark: str = KEY) -> None:
    """Writes a parquet file in one step.

    Args:
        path: the file.
        table: its content.
        counted: the columns whose least and greatest value a reader wants to find in the footer.
        mark: the key in the footer that says whose file it is.

    Raises:
        UserError: the file or its folder cannot be written.
    """
    # With a few dozen rows, reading dictionaries, unused statistics and Arrow's own copy of the schema takes longer
    # than reading the values.
    asked = [name for name in counted if name in table.column_names]
    lean = {"use_dictionary": False, "write_statistics": asked, "store_schema": False}
    with aside(path) as temporary, pq.ParquetWriter(temporary, table.schema, write_page_checksum=True, **lean) as file:
        file.write_table(table)
        file.add_key_value_metadata({mark: str(SCHEMA)})


def read_table(path: Path, mark: str = KEY) -> tuple[pa.Table | None, str | None]:
    """Reads a parquet file that `write_table` has written.

    Args:
        path: the file.
        mark: see `write_table`.

    Returns:
        Its table and None, or None and what is wrong with it, as the end of a sentence.
    """
    try:
        # All bytes are read at once, which is the quickest way to open many small parts.
        file = pq.ParquetFile(pa.BufferReader(path.read_bytes()), page_checksum_verification=True)
        found = (file.metadata.metadata or {}).get(mark.encode())
        problem = version_problem(found.decode(errors="replace") if found is not None else None)
        return (None, problem) if problem else (file.read(use_threads=False), None)
    except (pa.ArrowException, OSError) as error:
        return None, f"it is corrupt ({str(error).splitlines()[0]})"


def tensor_files(folder: Path, kind: str, tensors: Sequence[str] = ()) -> tuple[dict[str, Path], list[str]]:
    """The readable safetensors files of a kind in a folder of parts, judged by their headers.

    Args:
        folder: the folder of the parts.
        kind: the first word of the files' names.
        tensors: the names of the tensors that each file has to hold.

    Returns:
        `{part id: file}`, and a sentence for each file that was skipped.
    """
    found, warnings = {}, []
    for path in [folder / name for name in names(folder) if name.endswith(".safetensors")]:
        named, _, part = path.stem.partition("-")
        if named != kind:
            continue
        if problem := _problem(path, tensors):
            warnings.append(f"skipped {path}: {problem}")
        else:
            found[part] = path
    return found, warnings


def _problem(path: Path, tensors: Sequence[str]) -> str | None:
    try:
        with safe_open(path, framework="numpy") as file:
            problem = version_problem((file.metadata() or {}).get(KEY))
            return problem or (FOREIGN if set(tensors) - set(file.keys()) else None)
    except (SafetensorError, OSError) as error:
        return f"it is corrupt ({str(error).splitlines()[0]})"
