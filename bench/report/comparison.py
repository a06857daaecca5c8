"""Two cells on the victims that both attacked: the paired difference of each metric, with its interval and test."""

from dataclasses import asdict, dataclass
from typing import Any

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from bench.errors import UserError
from bench.report.measures import Measure, measures
from bench.report.rows import Row, read
from bench.report.table import number
from bench.results import query
from bench.results.differences import differing
from bench.results.stored_leak import LABELS, StoredLeak
from bench.results.victim_values import (
    PairedDifference,
    geometric,
    independent,
    other_victims,
    paired_difference,
    same_samples,
    victim_values,
)


@dataclass(frozen=True)
class Comparison:
    """What is known of two cells on the same victims.

    Args:
        first: the first cell.
        second: the second cell.
        metrics: each metric that one of them has, and the difference; None if no victim has a value in both.
        common: the number of victims that both have.
        apart: per cell what it alone has of settings and names, `{name: value}`.
    """

    first: Row
    second: Row
    metrics: list[tuple[Measure, PairedDifference | None]]
    common: int
    apart: list[dict[str, str]]

    def document(self) -> dict[str, Any]:
        """The comparison as the JSON document of `leakbench compare --json`."""
        return {
            "cells": [
                {"results": str(row.cell.folder), **{name: row.summary[name] for name in LABELS}, "differs": apart}
                for row, apart in zip((self.first, self.second), self.apart)
            ],
            "victims": {
                "common": self.common,
                "first": self.first.summary["victims"],
                "second": self.second.summary["victims"],
            },
            "test": "two-sided sign-flip test of the paired differences",
            "metrics": {
                measure.key: None if found is None else asdict(found) | {"better": measure.better, "unit": measure.unit}
                for measure, found in self.metrics
            },
        }


def compare(first: StoredLeak, second: StoredLeak) -> Comparison:
    """Compares two cells on the same victims.

    Raises:
        UserError: they are one cell, or attack other victims.
    """
    if first.folder.resolve() == second.folder.resolve():
        raise UserError(f"{first.folder.name} is named twice; name two cells (leakbench compare A B)")
    if problem := other_victims(first, second):
        raise UserError(f"the cells attack other victims, so their difference is not paired: {problem}")
    stored = [query.rows(cell) for cell in (first, second)]
    common = same_samples(*stored)
    if not common:
        raise UserError("the cells have no finished victim in common; run the same command for both first")
    rows = [read(cell, each) for cell, each in zip((first, second), stored)]
    known = measures(rows[0].modality, [row.columns for row in rows])
    found = []
    for measure in known:
        if measure.batches and all((row.batch or 1) == 1 for row in rows):
            continue
        ours, theirs = (
            {victim: value for victim, value in victim_values(cell, each, measure.key).items() if victim in common}
            for cell, each in zip((first, second), stored)
        )
        tested = all(independent(cell, each, measure.key) for cell, each in zip((first, second), stored))
        found.append((measure, paired_difference(ours, theirs, geometric(first, measure.key), tested)))
    names = [{name: row.summary[name] for name in LABELS} for row in rows]
    configs = [row.cell.facts.get("config") or {} for row in rows]
    alike = names[0] == names[1]
    apart = (
        differing(configs)
        if alike
        else [{key: own[key] for key in LABELS if own[key] != other[key]} for own, other in (names, names[::-1])]
    )
    return Comparison(rows[0], rows[1], found, len(common), apart)


def table(found: Comparison) -> RenderableType:
    """The comparison for a terminal."""
    drawn = Table(title=Text(_title(found)), title_justify="left", title_style="bold")
    drawn.add_column("metric")
    for name in ("A", "B", "A - B", "95 % interval", "p", "n"):
        drawn.add_column(name, justify="right", no_wrap=True)
    for measure, difference in found.metrics:
        head = measure.title.removesuffix(", mean").removesuffix(", rate")
        label = Text(head + (f" ({measure.unit})" if measure.unit else ""))
        if difference is None:
            drawn.add_row(label, *["n/a"] * 5, "0")
        else:
            drawn.add_row(label, *_cells(measure, difference))
    return drawn


def sentences(found: Comparison) -> list[str]:
    """What the table does not say."""
    out = [
        f"{found.common} victims in common, of {found.first.summary['victims']} and {found.second.summary['victims']}; "
        "A and B are the figures on these alone.",
        "p: two-sided sign-flip test of the paired differences. n: victims with a value in both.",
    ]
    if any(one and one.p is None for _, one in found.metrics):
        out.append(
            "The time has neither an interval nor a p: victims that are worked on at once share it, so their times are "
            "not independent (engine.chunk=1 works on one victim at a time)."
        )
    if any(one and one.ratio for _, one in found.metrics):
        out.append("A difference with a × is the ratio A / B of geometric means.")
    if any(one and one.unpaired for _, one in found.metrics):
        out.append("Victims without a value in one of the two are left out of that metric, so it is over survivors.")
    return out


def _title(found: Comparison) -> str:
    rows = zip(("A", "B"), (found.first, found.second), found.apart)
    both = ", ".join(
        f"{name} {found.first.summary[name]}"
        for name in LABELS
        if found.first.summary[name] == found.second.summary[name]
    )
    words = [f"{sign}: " + ", ".join(f"{key} {value}" for key, value in apart.items()) for sign, row, apart in rows]
    return "\n".join([*words, f"both: {both}"] if both else words)


def _cells(measure: Measure, found: PairedDifference) -> list[str]:
    places = measure.places
    first, second = number(found.first, places), number(found.second, places)
    sign = "×" if found.ratio else ""
    digits = None if found.ratio else places
    interval = "" if found.low is None or found.high is None else f"{_n(found.low, digits)} to {_n(found.high, digits)}"
    p = "" if found.p is None else f"{found.p:.3g}"
    return [first, second, f"{sign}{_n(found.difference, digits)}", interval, p, str(found.n)]


def _n(value: float, places: int | None) -> str:
    return number(value, places)
