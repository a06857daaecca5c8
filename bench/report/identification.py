"""The tables of line-ups: how often a private example is picked out, by model and defence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bench.report import by_data
from bench.report.table import Cell, Column, Line, Missing, Page, Section, Table, Value
from bench.results.intervals import methods

ABOUT = "How often an attacker picks the private example out of equally likely ones. Small numbers are 95 % intervals."
_NUMBERS = ("chance", "bound", "candidates", "draws", "seconds_per_victim", "origin", "identity")
_NOTES = (
    "Picked out: the rate at which an attacker picks the private example of one shared step out of equally likely ones "
    "of the data set (of how many, says the column beside it). It knows the model, the defence, the labels and the "
    "rest of the batch, and not the random numbers of the client.",
    "Chance: the rate of an attacker who sees nothing. Bound: the rate that no attacker exceeds, if one is proven "
    "(DP-SGD; Hayes et al. 2023).",
)


def page(found: Sequence[Mapping[str, Any]]) -> Page:
    """A section per data set.

    Args:
        found: of `bench.report.measured.summaries`.
    """
    return by_data.page("How often a private example is picked out", found, _section)


def _section(data: str, found: Sequence[Mapping[str, Any]]) -> Section:
    columns = [
        Column("model", short="model"),
        Column("defence", short="defence"),
        Column("B", align="r"),
        Column("victims", align="r"),
        Column("picked out, rate", short="picked out", direction="down", align="r"),
        Column("out of", align="r"),
        Column("chance", align="r"),
        Column("bound", align="r"),
        Column("draws", align="r"),
    ]
    lines = [_line(one) for one in found]
    notes = [*_NOTES, methods(errors=False), *by_data.reasons(found)]
    return Section(data, [Table(columns, lines)], notes, alone=f"Line-ups of {data}")


def _line(one: Mapping[str, Any]) -> Line:
    cells: list[Cell] = [one["model"], one["defense"], str(one["batch_size"]), str(one["victims"])]
    cells.append(Value(**one["picked"], places=3) if one["picked"] else Missing(one["reasons"].get("cell", "")))
    cells.append("-" if one["candidates"] is None else str(one["candidates"]))
    cells += ["-" if one[name] is None else Value(one[name]) for name in ("chance", "bound")]
    cells.append("-" if one["draws"] is None else str(one["draws"]))
    return Line(cells, f"{one['defense']} on {one['model']}")


def raw(found: Sequence[Mapping[str, Any]]) -> Table:
    """One line per cell with everything that is known of it, for a program.

    Args:
        found: of `bench.report.measured.summaries`.
    """
    keys = [*by_data.PLAIN, "picked", "picked_low", "picked_high", *_NUMBERS, "reason"]
    lines = []
    for one in found:
        cells: list[Cell] = [one[name] for name in by_data.PLAIN]
        cells += [(one["picked"] or {}).get(part) for part in ("mean", "low", "high")]
        lines.append(Line([*cells, *(one[name] for name in _NUMBERS), one["reasons"].get("cell")]))
    return Table([Column(key=key) for key in keys], lines)
