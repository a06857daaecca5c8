"""`leakbench status`: how far the work in a results folder has come, in sentences and as a table."""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from bench.cli.cell_states import STATES, CellStatus, ResultsStatus, look
from bench.cli.output import Answer, say, show
from bench.results.kinds import KINDS
from bench.terminal.duration import duration
from bench.terminal.printable import visible

COLUMNS = ("attack", "data", "model", "defense", "threat", "batch size", "seed")


def answer(arguments: argparse.Namespace) -> Answer:
    """Prints the counts, then a row per cell; with `--failed`, only the cells that failed.

    Raises:
        UserError: the folder is not a results folder.
    """
    found = look(arguments.folder.expanduser())
    for warning in found.warnings:
        say(warning)
    show(sentence(found))
    if arguments.failed:
        failures = [cell for cell in found.cells if cell.state == "failed"]
        for line in failed_lines(failures, found):
            show(line)
        found = replace(found, cells=failures)
    elif found.cells:
        if text := common(found):
            show(text)
        show(table(found))
    return 0, found.document()


def sentence(status: ResultsStatus) -> str:
    """The status in words: one line that counts the cells, and one line per kind of unit."""
    counts = Counter(cell.state for cell in status.cells)
    states = ", ".join(f"{counts[state]} {state}" for state in STATES if counts[state]) or "none"
    counted = [(units, *status.count(units)) for units in dict.fromkeys(kind.units for kind in KINDS)]
    lines = [f"{units}: {done:,} of {wanted:,}" for units, done, wanted in counted if wanted or units == "victims"]
    pace = "" if status.rate is None else f", {status.rate:.3g} per second"
    left = "" if status.left is None else f", about {duration(status.left)} left"
    return "\n".join([f"cells: {states}", *lines]) + pace + left


def common(status: ResultsStatus) -> str:
    """What all cells have in common, which the table leaves out; empty if they have nothing in common."""
    shared = [name for name in COLUMNS if len({_value(cell, name) for cell in status.cells}) == 1]
    words = [f"{name} {_value(status.cells[0], name)}" for name in shared if _value(status.cells[0], name)]
    return f"in all cells: {', '.join(words)}" if words and len(status.cells) > 1 else ""


def failed_lines(failures: Sequence[CellStatus], status: ResultsStatus) -> list[str]:
    """A line per failed cell with the reason; it names what tells the cell from the others of the folder."""
    columns = [name for name in differing(status) if name not in ("attack", "data")]
    found = []
    for cell in failures:
        details = ", ".join(f"{name} {_value(cell, name)}" for name in columns)
        name = f"{cell.task} on {cell.labels.get('data', 'its data')}" + (f" ({details})" if details else "")
        found.append(f"{name}, {cell.done} of {cell.wanted} {cell.units}: {cell.reason}")
    return found or ["no cell has failed"]


def table(status: ResultsStatus) -> RenderableType:
    """The status as a table for the terminal: the state of each cell, and what differs between cells."""
    drawn = Table()
    drawn.add_column("state", no_wrap=True)
    drawn.add_column("units", justify="right")
    columns = differing(status)
    for column in columns:
        drawn.add_column(column, overflow="fold")
    origins = any(cell.origin for cell in status.cells)
    if origins:
        drawn.add_column("origin", overflow="fold")
    reasons = any(cell.reason for cell in status.cells)
    if reasons:
        drawn.add_column("reason", overflow="fold")
    for cell in status.cells:
        words = [Text(visible(_value(cell, name))) for name in columns]
        words += [Text(cell.origin)] * origins + [Text(visible(cell.reason))] * reasons
        drawn.add_row(cell.state, f"{cell.done} of {cell.wanted} {cell.units}", *words)
    return drawn


def differing(status: ResultsStatus) -> list[str]:
    """The columns whose values differ between cells; of a single cell, attack, data, model and defence.

    What is not known of a missing cell makes no difference.
    """
    if len(status.cells) == 1:
        return [name for name in COLUMNS if name in ("attack", "data", "model", "defense")]
    values = {name: {_value(cell, name) for cell in status.cells} - {""} for name in COLUMNS}
    found = [name for name in COLUMNS if len(values[name]) > 1]
    return found or ["attack", "data"]


def _value(cell: CellStatus, name: str) -> str:
    """What stands in a column; empty if it is not known or the cell has no such thing."""
    if name == "attack":
        return cell.task
    return str(cell.labels.get(name, cell.settings.get(name, "")))
