"""The files of a cell without which no table can be made: its record and its rows. Tensors are not among them."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import pyarrow.parquet as pq

from bench.results.part_format import write_table
from bench.results.stored_cell import StoredCell

_RECORDS = ("cell.json", "failed.json", "verified.json")
_OF_PEOPLE = ("text", "text_guess", "text_trace")  # the columns that hold private sentences


def row_files(cell: StoredCell, *, private: bool) -> Iterator[tuple[str, bytes]]:
    """Path in a results folder and content of the record of a cell and of its rows.

    A results folder with these files has the same leaderboard as the folder that the cell is in.

    Args:
        cell: the cell.
        private: whether private sentences and their reconstructions stay in the rows.
    """
    paths = [cell.folder / name for name in _RECORDS]
    for path in [*paths, *sorted(cell.parts.glob("[!.]*.parquet"))]:
        if path.is_file():
            content = path.read_bytes() if private else without_sentences(path)
            yield path.relative_to(cell.folder.parents[1]).as_posix(), content


def sentences(path: Path) -> list[str]:
    """The columns of a part that hold private sentences."""
    return [name for name in _OF_PEOPLE if name in pq.read_schema(path).names] if _has_sentences(path) else []


def without_sentences(path: Path) -> bytes:
    """The content of a file of a cell without private sentences."""
    if not (columns := sentences(path)):
        return path.read_bytes()
    table = pq.ParquetFile(path).read()
    with tempfile.TemporaryDirectory(prefix="leakbench-") as folder:
        write_table(Path(folder) / path.name, table.drop_columns(columns))
        return (Path(folder) / path.name).read_bytes()


def digest(files: Iterable[tuple[str, bytes]]) -> str:
    """The SHA-256 of files: of their paths and the SHA-256 of each content, in order."""
    whole = hashlib.sha256()
    for name, content in files:
        whole.update(f"{hashlib.sha256(content).hexdigest()}  {name}\n".encode())
    return whole.hexdigest()


def _has_sentences(path: Path) -> bool:
    return path.suffix == ".parquet" and path.name.startswith("samples-")
