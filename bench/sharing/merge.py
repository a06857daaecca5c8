"""Merges cells of several folders into one. A stored value is never replaced, and a contradiction is refused."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa

from bench.errors import UserError
from bench.results import document as documents
from bench.results import parts, query, score_parts, verification
from bench.results.part_format import write_table
from bench.results.store import SCHEMA, Store, StoredCell, load
from bench.results.stored_labels import StoredLabels
from bench.results.stored_leak import StoredLeak
from bench.sharing.export import cells_of
from bench.storage.atomic import hidden, unwritable, write_text
from bench.storage.lock import locked

Write = Callable[[], None]


@dataclass
class Merged:
    """What came of merging.

    Args:
        cells: how many cells were looked at.
        new: how many of them the target did not have.
        units: how many victims and runs the target gained in cells that it had.
        notes: a sentence for each cell of which two folders have different scores of the same victims.
    """

    cells: int = 0
    new: int = 0
    units: int = 0
    notes: list[str] = field(default_factory=list)


def merge(sources: Sequence[Path], target: Path, notice: Callable[[str], None]) -> Merged:
    """Adds what the sources have and the target lacks. Everything is compared before the first file is written.

    Args:
        sources: results folders, or folders of cells; an earlier one counts more than a later one.
        target: a results folder, which counts most. It is made if it does not exist.
        notice: is called with one line if another process works on a cell of the target.

    Raises:
        UserError: two folders contradict each other, a folder cannot be read, or the target cannot be written.
    """
    found = [cell for source in sources for cell in cells_of([source])]
    store = Store(target)
    places = [store.folder(type(cell), cell.identity) or store.cells / cell.folder.name for cell in found]
    for i, cell in enumerate(found):  # each with each, before the first file is written
        _plan(cell, places[i], Merged())
        for other in found[:i]:
            if (other.kind, other.identity) == (cell.kind, cell.identity):
                _plan(cell, other.folder, Merged())
    merged = Merged(cells=len(found))
    for cell, place in zip(found, places):
        _add(cell, place, merged, notice)
    return merged


def _add(cell: StoredCell, folder: Path, merged: Merged, notice: Callable[[str], None]) -> None:
    if cell.folder == folder.resolve():
        return
    if not (folder / "cell.json").exists():
        _copy(cell.folder, folder)
        merged.new += 1
        return
    with locked(folder, notice):
        for write in _plan(cell, folder, merged):
            write()


def _copy(source: Path, folder: Path) -> None:
    """Copies a whole cell under another name and renames it, so that no reader sees half of it."""
    temporary = hidden(folder)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        shutil.copytree(source, temporary, ignore=shutil.ignore_patterns(".*"))
        temporary.rename(folder)
    except (OSError, shutil.Error) as error:
        known = error if isinstance(error, OSError) and error.errno else OSError(0, str(error))
        raise unwritable(folder, known, "-o") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _plan(cell: StoredCell, folder: Path, merged: Merged) -> list[Write]:
    """What has to be written so that the cell in `folder` also has what `cell` has.

    Raises:
        UserError: the two contradict each other.
    """
    if cell.folder == folder.resolve() or not (folder / "cell.json").exists():
        return []
    try:
        own = load(folder, type(cell))
    except ValueError as problem:
        raise UserError(f"{folder}: {problem}") from None
    writes = [*_facts(own, cell)]
    before = merged.units
    if isinstance(own, StoredLeak) and isinstance(cell, StoredLeak):
        writes += _victims(own, cell, merged)
    elif isinstance(own, StoredLabels) and isinstance(cell, StoredLabels):
        writes += _inferences(own, cell, merged)
    else:
        writes += _runs(own, cell, merged)
    writes += _origin(own, cell, merged.units > before)
    if own.failure is not None and cell.failure is None:
        writes.append(own.complete)
    return writes


def _facts(own: StoredCell, other: StoredCell) -> list[Write]:
    """The record with the metrics that only the other has, and with the larger number of victims or runs."""
    try:
        facts = own.merged(other.facts, own.facts)
    except UserError as problem:
        raise _contradiction((own, other), problem) from None
    if (own.facts.get("contents") or {}) != (other.facts.get("contents") or {}):
        raise _contradiction((own, other), "they attacked other data or weights")
    config: dict[str, Any] = facts.get("config") or {}
    group, name = ("data", "victims") if own.units == "victims" else ("training", "runs")
    most = max(own.wanted(own.facts.get("config") or {}), own.wanted(other.facts.get("config") or {}))
    if most:
        config = {**config, group: {**(config.get(group) or {}), name: most}}
    record = {
        "schema": SCHEMA,
        "kind": own.kind,
        "slug": own.slug,
        "identity": own.identity,
        "created": own.created,
        "facts": {**facts, "config": config},
    }
    writes: list[Write] = []
    if record["facts"] != own.facts:
        writes.append(lambda: write_text(own.folder / "cell.json", documents.dump(record)))
    return writes


def _origin(own: StoredCell, other: StoredCell, gained: bool) -> list[Write]:
    """The record of where the rows come from, if the target gains rows or has rows of others already."""
    try:
        mine, yours = verification.read(own.folder), verification.read(other.folder)
    except ValueError as problem:
        raise UserError(f"{own.folder} or {other.folder}: {problem}") from None
    kept = verification.joined(mine, yours)
    return [partial(verification.write, own.folder, kept)] if (gained or mine["imported"]) and kept != mine else []


def _runs(own: StoredCell, other: StoredCell, merged: Merged) -> list[Write]:
    """Copies the runs of a training that the target lacks."""
    done, writes = own.done(), []
    for run in sorted(other.done() - done):
        merged.units += 1
        for path in sorted(other.parts.glob(f"run{run}-*.parquet")):
            writes.append(_copied(path, own.parts / path.name))
    return writes


def _inferences(own: StoredLabels, other: StoredLabels, merged: Merged) -> list[Write]:
    """Copies the rows of a label rule on the victims that the target lacks."""
    gained = other.done() - own.done()
    merged.units += len(gained)
    rows = [row for row in other.rows() if row["victim"] in gained]
    kept = [{name: value for name, value in row.items() if name != "stored"} for row in rows]
    return [partial(own.append, kept)] if kept else []


def _copied(source: Path, place: Path) -> Write:
    def write() -> None:
        temporary = hidden(place)
        try:
            shutil.copyfile(source, temporary)
            temporary.replace(place)
        except OSError as error:
            raise unwritable(place, error, "-o") from error
        finally:
            temporary.unlink(missing_ok=True)

    return write


def _victims(own: StoredLeak, other: StoredLeak, merged: Merged) -> list[Write]:
    """Copies the victims that the target lacks, and what else of its victims only the other has."""
    here, there = parts.read(own.parts), parts.read(other.parts)
    if there.warnings:
        raise UserError(f"{there.warnings[0]}; remove the file, or compute its victims again")
    _agree((own, other), (here, there), merged)
    done = own.done()
    ended = dict(zip(*(query.victims(own)[name].to_pylist() for name in ("victim", "stored"))))
    gained = other.done() - done
    merged.units += len(gained)
    writes: list[Write] = []
    for part, victims in there.victims.items():
        for found in (there.images, there.reconstructions):
            # Of a part that both have, the target may lack the pictures (--no-pictures).
            wanted = part in here.victims or set(victims["victim"].to_pylist()) & gained
            if wanted and part in found and not (own.parts / found[part].name).exists():
                writes.append(_copied(found[part], own.parts / found[part].name))
        if part not in here.victims:
            writes += _part(own.parts, part, (there.samples[part], victims), gained, ended)
    return writes + _scores(own.parts, here, there)


def _part(
    folder: Path, part: str, tables: tuple[pa.Table, pa.Table], gained: set[int], ended: dict[int, int]
) -> list[Write]:
    """Writes the rows of a part that belong to victims which the target gains.

    Args:
        folder: the folder of the parts.
        part: the id of the part.
        tables: its samples, and its victims.
        gained: the victims.
        ended: when the failed attempts at victims were stored in the target; the gained rows count more.
    """
    writes: list[Write] = []
    for kind, table in zip(("samples", "victims"), tables):
        kept = table.filter(pa.array([victim in gained for victim in table["victim"].to_pylist()], pa.bool_()))
        rows = zip(kept["victim"].to_pylist(), kept["stored"].to_pylist())
        stored = pa.array([max(when or 0, ended.get(victim, -1) + 1) for victim, when in rows], pa.int64())
        kept = kept.set_column(kept.column_names.index("stored"), kept.schema.field("stored"), stored)
        path = folder / f"{kind}-{part}.parquet"
        writes.append(partial(write_table, path, kept, ("victim", "status")))
    return writes if len(kept) else []


def _scores(folder: Path, here: parts.Parts, there: parts.Parts) -> list[Write]:
    """Copies added scores; a score that the target has of the same reconstruction is left out."""
    known = {
        (part, victim, name)
        for table in here.scores.values()
        for name in score_parts.metric_names(table)
        for part, victim in zip(table["part"].to_pylist(), table["victim"].to_pylist())
    }
    writes: list[Write] = []
    for file, table in there.scores.items():
        if file in here.scores:
            continue
        for name in score_parts.metric_names(table):
            rows = zip(table["part"].to_pylist(), table["victim"].to_pylist(), table[name].to_pylist())
            values = [None if (part, victim, name) in known else value for part, victim, value in rows]
            if all(value is None for value in values):
                table = table.drop_columns([name])
            else:
                table = table.set_column(table.column_names.index(name), name, pa.array(values, pa.float64()))
        if score_parts.metric_names(table):
            path = folder / f"{score_parts.KIND}-{file}.parquet"
            writes.append(partial(write_table, path, table))
    return writes


def _agree(cells: tuple[StoredLeak, StoredLeak], checked: tuple[parts.Parts, parts.Parts], merged: Merged) -> None:
    """Compares what both cells have of the same victims, without scores that were added later.

    Raises:
        UserError: they are other private examples, or one append has two contents.
    """
    both = cells[0].done() & cells[1].done()
    tables = [query.chosen(one)[1] for one in checked]
    metrics = set(parts.metric_names(tables[0])) & set(parts.metric_names(tables[1]))
    first, second = ({(row["victim"], row["position"]): row for row in table.to_pylist()} for table in tables)
    apart: dict[str, set[int]] = {}
    for place in sorted(place for place in first.keys() & second.keys() if place[0] in both):
        mine, yours = first[place], second[place]
        if any(mine[name] != yours[name] for name in ("sample", "label")):
            raise _contradiction(cells, f"victim {place[0]} holds other examples")
        for name in metrics:
            if None in (mine[name], yours[name]) or mine[name] == yours[name]:
                continue
            if mine["part"] == yours["part"]:
                values = f"{mine[name]:.6g} and {yours[name]:.6g}"
                raise _contradiction(cells, f"{name} of victim {place[0]} is {values} in the same part")
            apart.setdefault(name, set()).add(place[0])
    if apart:
        said = ", ".join(f"{name} of {len(victims)}" for name, victims in sorted(apart.items()))
        where = f"{cells[0].folder} and {cells[1].folder}"
        merged.notes.append(f"scores of the same victims differ between {where} ({said}); those of the first stand")


def _contradiction(cells: tuple[StoredCell, StoredCell], what: object) -> UserError:
    return UserError(f"{cells[0].folder} and {cells[1].folder} contradict each other: {what}")
