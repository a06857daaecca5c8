"""The rows of a table for a paper: one per cell, or one per setting with the mean over its seeds."""

import fnmatch
import itertools
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from bench.report.measures import Measure
from bench.report.rows import Row, figure, read
from bench.report.table import Missing, Value
from bench.report.table_options import LABELS, STANDING, TableOptions
from bench.results import query
from bench.results.bootstrap import student
from bench.results.cell_setting import contents
from bench.results.differences import differing, settings
from bench.results.intervals import GEOMETRIC, RATE
from bench.results.join import LEVEL
from bench.results.query import Rows
from bench.results.victim_values import (
    geometric,
    independent,
    other_victims,
    paired_difference,
    same_samples,
    victim_values,
)


@dataclass(frozen=True)
class TableRow:
    """One line: the cells of one setting, which differ in their seeds only, in the order of the seeds.

    Args:
        members: each cell as a row of a board, and its whole stored rows.
        setting: what tells this line from others of the same names, `{name: value}`.
    """

    members: list[tuple[Row, Rows]]
    setting: dict[str, str]

    @property
    def first(self) -> Row:
        """The cell of the first seed, which has the names and the threat model of all."""
        return self.members[0][0]

    def word(self, key: str) -> str:
        """What a text column says: a label, `B`, `seed`, or where the row stands; those of several seeds are joined.

        `weights` says whether those of the model were read from a file (`stored`) or drawn (`fresh`).
        """
        if key == "B":
            return str(self.first.batch if self.first.batch is not None else "?")
        if key == "seed":
            return ", ".join(str(row.provenance["seed"]) for row, _ in self.members)
        if key == "weights":
            known = contents(self.first.cell)
            return "stored" if known["checkpoint"] or known["pretrained"] else "fresh"
        if key in STANDING:
            return ", ".join(dict.fromkeys(filter(None, (row.standing[key] for row, _ in self.members))))
        return str(self.first.summary[key])

    def figure(self, measure: Measure) -> Value | Missing:
        """The figure of the cell; of several seeds the mean of theirs, with the interval over seeds."""
        found = [figure(measure, row) for row, _ in self.members]
        known = [one for one in found if isinstance(one, Value)]
        if len(self.members) == 1:
            return found[0]
        if len(known) < len(found):
            missing = next(one for one in found if isinstance(one, Missing))
            return Missing(f"{len(found) - len(known)} of {len(found)} seeds have no value: {missing.reason}")
        return over_seeds(known)

    def values(self, measure: Measure) -> list[dict[int, float]]:
        """Per seed the value of each victim (see `victim_values`)."""
        return [victim_values(row.cell, stored, measure.key) for row, stored in self.members]

    @cached_property
    def over_survivors(self) -> bool:
        """Whether victims are missing: a cell that stopped, or whose work is not finished, wins nothing."""
        return any(row.stopped is not None for row, _ in self.members)


def over_seeds(figures: Sequence[Value]) -> Value:
    """The mean over the victims of several seeds, with Student's t over seeds; a geometric mean on logarithms.

    A seed counts by how many values it has. The interval rests on the spread between the seeds and not on that of the
    victims, because the victims of one seed have the draws of that seed in common. Seeds that agree exactly have no
    spread that could be measured, so there is no interval: one of width zero would claim certainty.
    """
    values = np.array([one.mean for one in figures])
    sizes = np.array([one.n or 0 for one in figures], float)
    shares = sizes / sizes.sum() if sizes.all() else np.full(len(sizes), 1 / len(sizes))
    logs = figures[0].estimand == GEOMETRIC and bool((values > 0).all())
    values = np.log10(values) if logs else values
    centre = values @ shares
    half = student(len(values) - 1) * values.std(ddof=1) * math.sqrt(shares @ shares)
    bounds = [centre - half, centre + half]
    if figures[0].estimand == RATE:
        bounds = [max(0.0, bounds[0]), min(1.0, bounds[1])]
    mean, low, high = (float(10.0**one) if logs else float(one) for one in (centre, *bounds))
    agree = bool((values == values[0]).all())
    return replace(
        figures[0],
        mean=float(figures[0].mean) if agree else mean,
        low=None if agree else low,
        high=None if agree else high,
        n=sum(one.n or 0 for one in figures),
        method="all seeds agree" if agree else "Student's t over seeds",
        left_out=sum(one.left_out or 0 for one in figures),
        median=None,
        groups=None,
    )


def table_rows(cells: Sequence[Any], options: TableOptions) -> list[TableRow]:
    """The rows that the options choose, each with what tells it from others of the same names."""
    members = [(read(cell, stored), stored) for cell in cells for stored in [query.rows(cell)]]
    if not options.controls:
        members = [one for one in members if not one[0].control]
    found = by_setting(members, each=options.seeds == "each")
    found = [row for row in found if _chosen(row, options.rows)]
    alike: dict[tuple[str, ...], list[TableRow]] = {}
    for row in found:
        alike.setdefault(tuple(row.word(label) for label in LABELS), []).append(row)
    out = []
    for rows in alike.values():
        apart = differing([_config(row, options.seeds == "each") for row in rows])
        out += [replace(row, setting=setting) for row, setting in zip(rows, apart)]
    return [_identified(row, out) for row in out]


def by_setting(members: Sequence[tuple[Row, Rows]], *, each: bool) -> list[TableRow]:
    """The cells as rows: those that differ in their seeds only make one row, in the order of the seeds.

    Args:
        members: each cell as a row of a board, and its stored rows.
        each: whether each cell is a row of its own instead.
    """
    grouped: dict[str, list[list[tuple[Row, Rows]]]] = {}
    for one in sorted(members, key=lambda one: (one[0].provenance["seed"] or 0, one[0].cell.folder.name)):
        key = one[0].cell.folder.name if each else _without_seeds(one[0])
        seed = one[0].provenance["seed"]
        # a seed counts once: a second cell of it, such as one of another version, is a row of its own
        again = sum(row.provenance["seed"] == seed for row, _ in itertools.chain(*grouped.get(key, [])))
        places = grouped.setdefault(key, [])
        places += [[]] * (again >= len(places))
        places[again] = [*places[again], one]
    return [TableRow(group, {}) for groups in grouped.values() for group in groups]


def _config(row: TableRow, seeds: bool) -> dict[str, Any]:
    config = row.first.cell.facts.get("config") or {}
    return config if seeds else settings(config, seeds=False)


def _identified(row: TableRow, rows: Sequence[TableRow]) -> TableRow:
    """A row with the beginning of its identity where nothing else tells it from another."""

    def known(one: TableRow) -> tuple[Any, ...]:
        return (*(one.word(label) for label in LABELS), tuple(one.setting.items()))

    if sum(known(one) == known(row) for one in rows) == 1:
        return row
    return replace(row, setting={**row.setting, "id": row.first.cell.identity[:8]})


def _without_seeds(row: Row) -> str:
    config = settings(row.cell.facts.get("config") or {}, seeds=False)
    return json.dumps([row.summary[label] for label in LABELS] + [config], sort_keys=True, default=str)


def _chosen(row: TableRow, wanted: dict[str, list[str]]) -> bool:
    return all(place(row.word(key), patterns) < len(patterns) for key, patterns in wanted.items())


def place(word: str, patterns: Sequence[str]) -> int:
    """The number of the first pattern that a word fits; of all patterns if it fits none.

    A name with changed settings, `dlg (lr=0.5)`, fits a pattern without them too.

    >>> place("dlg (lr=0.5)", ["idlg", "dlg"]), place("lamp_gpt2", ["lamp*"]), place("mean", ["noise"])
    (1, 0, 1)
    """
    words = (word, word.partition(" (")[0])
    found = (at for at, one in enumerate(patterns) if any(fnmatch.fnmatchcase(each, one) for each in words))
    return next(found, len(patterns))


def separated(one: TableRow, other: TableRow, measure: Measure) -> bool:
    """Whether the paired sign-flip test separates two rows on the victims that both have, seed by seed."""
    ours: dict[int, float] = {}
    theirs: dict[int, float] = {}
    seeds = {row.provenance["seed"]: (row, stored, at) for at, (row, stored) in enumerate(other.members)}
    mine, their = one.values(measure), other.values(measure)
    for at, (row, stored) in enumerate(one.members):
        if row.provenance["seed"] not in seeds:
            continue
        row_of_other, stored_of_other, place_of_other = seeds[row.provenance["seed"]]
        if other_victims(row.cell, row_of_other.cell) is not None:
            continue
        pair = ((row, stored), (row_of_other, stored_of_other))
        if not all(independent(each.cell, rows, measure.key) for each, rows in pair):
            return False
        for victim in same_samples(stored, stored_of_other):
            if victim in mine[at] and victim in their[place_of_other]:
                key = len(ours)
                ours[key], theirs[key] = mine[at][victim], their[place_of_other][victim]
    found = paired_difference(ours, theirs, geometric(one.first.cell, measure.key))
    return found is not None and found.p is not None and found.p < LEVEL
