"""The victims of a stored attack that another cell of the same identity lacks, with their pictures and scores."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pyarrow as pa

from bench.errors import UserError
from bench.results import parts, query, score_parts
from bench.results.gain import Gain, Write, contradiction, copied
from bench.results.part_format import write_table
from bench.results.stored_leak import StoredLeak


def gained_victims(own: StoredLeak, other: StoredLeak) -> Gain:
    """The victims that a cell lacks, and what else of its victims only the other has.

    Args:
        own: the cell that gains.
        other: has the same identity.

    Raises:
        UserError: a part of the other cannot be read, or the two contradict each other.
    """
    here, there = parts.read(own.parts), parts.read(other.parts)
    if there.warnings:
        raise UserError(f"{there.warnings[0]}; remove the file, or compute its victims again")
    notes = _differences((own, other), (here, there))
    done = own.done()
    ended = dict(zip(*(query.victims(own)[name].to_pylist() for name in ("victim", "stored"))))
    gained = other.done() - done
    writes: list[Write] = []
    for part, victims in there.victims.items():
        for found in (there.images, there.reconstructions):
            # Of a part that both have, the target may lack the pictures (--no-pictures).
            wanted = part in here.victims or set(victims["victim"].to_pylist()) & gained
            if wanted and part in found and not (own.parts / found[part].name).exists():
                writes.append(copied(found[part], own.parts / found[part].name))
        if part not in here.victims:
            writes += _part(own.parts, part, (there.samples[part], victims), gained, ended)
    return Gain(len(gained), writes + _scores(own.parts, here, there), notes)


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


def _differences(cells: tuple[StoredLeak, StoredLeak], checked: tuple[parts.Parts, parts.Parts]) -> list[str]:
    """Compares what both cells have of the same victims, without scores that were added later; a note if they differ.

    Raises:
        UserError: they are other private examples, or one append has two contents.
    """
    both = cells[0].done() & cells[1].done()
    folders = cells[0].folder, cells[1].folder
    tables = [query.chosen(one)[1] for one in checked]
    metrics = set(parts.metric_names(tables[0])) & set(parts.metric_names(tables[1]))
    first, second = ({(row["victim"], row["position"]): row for row in table.to_pylist()} for table in tables)
    apart: dict[str, set[int]] = {}
    for place in sorted(place for place in first.keys() & second.keys() if place[0] in both):
        mine, yours = first[place], second[place]
        if any(mine[name] != yours[name] for name in ("sample", "label")):
            raise contradiction(*folders, f"victim {place[0]} holds other examples")
        for name in metrics:
            if None in (mine[name], yours[name]) or mine[name] == yours[name]:
                continue
            if mine["part"] == yours["part"]:
                values = f"{mine[name]:.6g} and {yours[name]:.6g}"
                raise contradiction(*folders, f"{name} of victim {place[0]} is {values} in the same part")
            apart.setdefault(name, set()).add(place[0])
    if not apart:
        return []
    said = ", ".join(f"{name} of {len(victims)}" for name, victims in sorted(apart.items()))
    where = f"{folders[0]} and {folders[1]}"
    return [f"scores of the same victims differ between {where} ({said}); those of the first stand"]
