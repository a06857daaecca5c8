"""What the paper of a suite reports, beside its published settings here and what measures best here."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from bench.config import paper_section
from bench.config.paper_section import CELL_KEYS, KNOWN, PaperItem, PaperSection
from bench.report.measures import Measure, measures
from bench.report.rows import Row, figure
from bench.report.table import Cell, Column, Line, Missing, Page, Section, Table, Value, marks
from bench.report.table_rows import TableRow, by_setting, over_seeds
from bench.results import intervals, plans
from bench.results.intervals import MARKS, Interval, methods
from bench.results.leaks import values
from bench.results.stored_leak import ENDED_WELL, StoredLeak

_SUCCESS = re.compile(r"success_(\d[\d.e+-]*)")
_ITERATIONS = "iterations"
_COLUMNS = (
    "published settings here: the attack as its paper or its authors' code runs it; best here: the option of leakbench "
    "that measures best. Both are on the images and the network of the column measured on. The attack and the number "
    "of victims stand behind a figure. Of a cell that is not finished (5 of 8 victims) those stand that ended first, "
    "which are rarely like the others."
)
ABOUT = "Figures of a paper, and what its settings and ours gave here. Small numbers are 95 % intervals."
_MEDIAN = "iterations, median: a victim that reached its budget counts with all of its iterations."
_PATHS = ("published", "best")

Pair = dict[str, TableRow]  # the measured rows of an item in one setting, by `published` and `best`


def sections(root: Path, config_dir: Path | None = None) -> dict[str, PaperSection]:
    """The papers of the suites that were run in a results folder, `{suite: section}`, the latest first.

    Args:
        root: the results folder.
        config_dir: a folder with suites of the user's own.
    """
    known = {plan.suite: paper_section.of_suite(plan.suite, config_dir) for plan in plans.read(root)[0]}
    return {suite: found for suite, found in known.items() if found is not None}


def page(found: Mapping[str, PaperSection], rows: Iterable[Row]) -> Page:
    """A section per suite: a line per figure of the paper and setting that was measured.

    Args:
        found: of `sections`.
        rows: the rows of the leaderboard.
    """
    measured = by_setting([(row, row.stored) for row in rows], each=False)
    parts = [_section(suite, section, measured) for suite, section in found.items()]
    return Page("Papers beside what was measured", parts, method=methods(errors=True))


def raw(found: Mapping[str, PaperSection], rows: Iterable[Row]) -> Table:
    """The same as one table for a program; a figure that is not quoted is empty."""
    measured = by_setting([(row, row.stored) for row in rows], each=False)
    columns = [Column(key=key) for key in ("suite", "source", "item", "metric", "where", "known", "paper", *CELL_KEYS)]
    for which in _PATHS:
        columns += [Column(key=f"{which}_{name}") for name in ("attack", "victims", "wanted")]
        columns += [Column(key=which, figure=True)]
    lines = []
    for suite, section in found.items():
        for item, pair in _measured(section, measured):
            quoted = item.figure if item.shown != paper_section.UNQUOTED else None
            one = next(iter(pair.values()), None)
            cells: list[Cell] = [suite, section.source, item.what, item.metric, item.where, item.known, quoted]
            cells += [one.word(key) if one else None for key in CELL_KEYS]
            for which in _PATHS:
                row = pair.get(which)
                cells += [row.word("attack"), _victims(row), _wanted(row)] if row else [None] * 3
                cells += [_figure(row, item) if row else Missing()]
            lines.append(Line(cells))
    return Table(columns, lines)


def curves(found: Mapping[str, PaperSection], rows: Iterable[TableRow]) -> list[list[tuple[float, float]]]:
    """Per row the `(threshold, share of images recovered)` that papers report of it, by threshold.

    Args:
        found: of `sections`.
        rows: those of a figure. Only a row with a paper's own settings has points.
    """
    items = [item for section in found.values() for item in section.items if item.shown != paper_section.UNQUOTED]
    out = []
    for row in rows:
        own = [one for one in items if one.published and _matches(row, one.published, one.cells)]
        points = ((_SUCCESS.fullmatch(one.metric), one.figure) for one in own)
        out.append(sorted({(float(at[1]), share) for at, share in points if at and share is not None}))
    return out


def _section(suite: str, section: PaperSection, measured: Sequence[TableRow]) -> Section:
    lines = []
    for item, pair in _measured(section, measured):
        first = next(iter(pair.values()), None)
        words = [item.what, _title(item, measured), item.shown, item.source, _setting(first)]
        shown = [_shown(pair.get(which), getattr(item, which), item) for which in _PATHS]
        counts = ", ".join(str(_victims(row)) for row in pair.values())
        lines.append(Line([*words, *shown, counts], item.what))
    columns = [
        Column("figure", short="figure", width=34),
        Column("metric"),
        Column("paper", short="paper", align="r"),
        Column("how it is known"),
        Column("measured on", short="measured on", width=24),
        Column("published settings here", short="published here", align="r", figure=True, bounds=True),
        Column("best here", short="best here", align="r", figure=True, bounds=True),
        Column(short="n", align="r"),
    ]
    table = Table(columns, lines)
    return Section(f"Suite {suite}: {section.source}", [table], _notes(section, table))


def _notes(section: PaperSection, table: Table) -> list[str]:
    known = {one.known if one.known in paper_section.QUOTED else "NOT QUOTED" for one in section.items}
    words = "; ".join(f"{word}: {meaning}" for word, meaning in KNOWN.items() if word in known)
    found = [f"paper: what the paper reports. {words}.", _COLUMNS, *section.notes]
    found += [_MEDIAN] if any(one.metric == _ITERATIONS for one in section.items) else []
    return [*found, *(f"{mark} {MARKS[mark]}" for mark in marks(table)), methods(errors=True)]


def _measured(section: PaperSection, measured: Sequence[TableRow]) -> Iterator[tuple[PaperItem, Pair]]:
    """Each figure with the rows beside it, a setting at a time; with no rows if nothing of it was measured."""
    for item in section.items:
        pairs: dict[tuple[str, ...], Pair] = {}
        for which in _PATHS:
            attack = getattr(item, which)
            for row in measured if attack else ():
                if _matches(row, attack, item.cells):
                    own = pairs.setdefault(tuple(row.word(key) for key in CELL_KEYS), {})
                    # of several in one place, such as those of two versions, the latest stands
                    if which not in own or own[which].first.cell.created <= row.first.cell.created:
                        own[which] = row
        ordered = sorted(pairs.items())
        # the order of the columns, whichever was found first
        yield from ((item, {which: pair[which] for which in _PATHS if which in pair}) for _, pair in ordered)
        if not pairs:
            yield item, {}


def _matches(row: TableRow, attack: str, cells: Mapping[str, str | int]) -> bool:
    wanted = {"attack": attack, **{key: str(word) for key, word in cells.items()}}
    return all(fnmatch.fnmatchcase(row.word(key), word) for key, word in wanted.items())


def _shown(row: TableRow | None, attack: str | None, item: PaperItem) -> Cell:
    """A figure with its attack and its number of victims behind it, or why there is none."""
    if attack is None:
        return Missing("none in this suite", inline=True)
    if row is None:
        return Missing("not run", inline=True)
    found = _figure(row, item)
    if isinstance(found, Missing):
        return Missing(found.reason or row.first.stopped or "no figure", inline=True)
    victims, wanted = _victims(row), _wanted(row)
    counted = f"{victims} of {wanted}" if victims < wanted else f"{victims}"
    return replace(found, note=f" ({row.word('attack')}, {counted} victim{'s' * (counted != '1')})")


def _figure(row: TableRow, item: PaperItem) -> Value | Missing:
    """The measured figure; of several seeds the mean of theirs."""
    found = [_of_cell(one, item.metric) for one, _ in row.members]
    known = [one for one in found if isinstance(one, Value)]
    if len(known) < len(found):
        return next(one for one in found if isinstance(one, Missing))
    return known[0] if len(known) == 1 else over_seeds(known)


def _of_cell(row: Row, metric: str) -> Value | Missing:
    measure = _measures(row).get(metric)
    if measure is not None:
        return figure(measure, row)
    if not row.stored.victims.num_rows:
        return Missing(row.stopped or "")
    if threshold := _SUCCESS.fullmatch(metric):
        return _success(row, float(threshold[1]))
    if metric == _ITERATIONS:
        return _iterations(row)
    return Missing(f"no metric {metric}")


def _success(row: Row, threshold: float) -> Value | Missing:
    """The share of images at or below a threshold of the squared error; a failed victim is no success."""
    found = values(row.stored, "mse")
    if "mse" not in row.stored.samples.column_names:
        return Missing("no sample has a value of mse")
    owners = np.repeat(list(found), [len(own) for own in found.values()])
    hits = np.nan_to_num(np.concatenate(list(found.values())), nan=np.inf) <= threshold
    return _value(intervals.rate(hits.astype(float), owners), places=2)


def _iterations(row: Row) -> Value | Missing:
    """The median number of iterations of the victims that did not fail."""
    names = ("victim", "status", "iterations")
    entries = zip(*(row.stored.victims[name].to_pylist() for name in names), strict=True)
    known = [(victim, count) for victim, status, count in entries if status in ENDED_WELL and count is not None]
    if not known:
        return Missing("no victim has a number of iterations")
    victims, counts = zip(*known, strict=True)
    left_out = row.stored.victims.num_rows - len(known)
    return _value(intervals.median(counts, victims), places=0, left_out=left_out)


def _value(found: Interval, places: int, left_out: int = 0) -> Value:
    bounds = (found.mean, found.low, found.high, found.n)
    return Value(*bounds, estimand=found.estimand, method=found.method, left_out=left_out, places=places)


def _measures(row: Row) -> dict[str, Measure]:
    return {measure.key: measure for measure in measures(row.modality, [row.columns])}


def _title(item: PaperItem, measured: Sequence[TableRow]) -> str:
    """What is compared, as the leaderboard heads it."""
    if item.metric == _ITERATIONS:
        return "iterations, median"
    if threshold := _SUCCESS.fullmatch(item.metric):
        return f"success rate, MSE {threshold[1]}"
    known = (_measures(row.first).get(item.metric) for row in measured)
    measure = next(filter(None, known), None)
    return item.metric.replace("_", " ") if measure is None else measure.title


def _victims(row: TableRow) -> int:
    return sum(one.summary["victims"] for one, _ in row.members)


def _wanted(row: TableRow) -> int:
    """How many victims were asked for."""
    return sum(StoredLeak.wanted(one.cell.facts.get("config") or {}) for one, _ in row.members)


def _setting(row: TableRow | None) -> str:
    """What was measured: the data set and the model, and what differs from one image, fresh weights and no defence."""
    if row is None:
        return ""
    words = [row.word("data"), row.word("model")]
    words += ["stored weights"] if row.word("weights") == "stored" else []
    words += [row.word("defense")] if row.word("defense") != "none" else []
    return ", ".join(words + ([f"B = {row.word('B')}"] if row.word("B") != "1" else []))
