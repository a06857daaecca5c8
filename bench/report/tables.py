"""The boards as markdown, csv and plain text for a terminal. (LaTeX: `tex.py`.)"""

import csv
import io
import textwrap
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from bench.report.leaderboard import Board, Leaderboard, Row, marks
from bench.report.measures import MEASURES, Measure
from bench.results.intervals import MARKS, methods
from bench.results.scores import OTHERS, RECOVERED
from bench.results.things import IMAGES, SENTENCES
from bench.terminal.printable import csv_cell, visible

WORDS = ("attack", "data", "model", "defense")
PROVENANCE = ("seed", "commit", "torch", "device")
_LAST = ("wall_seconds", "statuses", "repeated", "paper", "reason", "identity")
# Behind the key of a measure in the csv.
_MEDIANS = ("median", "recovered_median", "others_median")
_PARTS = ["", "_low", "_high", "_n", "_left_out", "_estimand", "_method"]
_PARTS += [f"_{name}{part}" for name in _MEDIANS for part in ("", "_low", "_high", "_n", "_method")]
_ARROWS = {"up": " ↑", "down": " ↓", "": ""}
# Longer names are cut in a terminal, so that a line stays below 120 columns.
_NAME_WIDTH, _DEFENSE_WIDTH = 18, 22
_WIDTH = 118  # of the sentences below a terminal's tables


def number(value: float, places: int | None) -> str:
    """A figure as printed: so many digits after the point, or three significant ones.

    Example:
        >>> number(0.03456, None), number(1.5e-7, None), number(12.345, 1), number(1234.0, 0)
        ('0.0346', '1.50e-07', '12.3', '1,234')
    """
    if places is not None:
        return f"{value:,.{places}f}"
    if value == 0 or 1e-3 <= abs(value) < 999.5:
        return f"{value:#.3g}".rstrip(".")
    return f"{value:.2e}" if abs(value) < 1e-3 or abs(value) >= 1e6 else f"{value:,.0f}"


def interval(value: Mapping[str, Any], places: int | None, dash: str = " – ") -> str | None:
    """What stands below a figure: its bounds, the medians of its two groups (`65.1 of 6, 9.8 of 2`), or None.

    Args:
        value: an entry of a summary.
        places: as of `number`.
        dash: between the bounds.
    """
    if value.get("groups"):
        medians = (f"{number(group['mean'], places)} of {group['n']}" for group in value["groups"].values())
        return "medians " + ", ".join(medians)
    if value["low"] is None:
        return None
    return f"{number(value['low'], places)}{dash}{number(value['high'], places)}"


def title(measure: Measure, arrows: dict[str, str]) -> str:
    """The header of a measure, with arrow and unit."""
    return measure.title + arrows[measure.better] + (f" ({measure.unit})" if measure.unit else "")


def attack_name(row: Row) -> str:
    """The attack, marked where it is a control."""
    return row.summary["attack"] + (" (control)" if row.control else "")


def failed(row: Row) -> str:
    """How many victims failed; a dash where none was begun."""

    return str(row.summary["failures"]) if row.summary["victims"] else "-"


def markdown(board: Leaderboard, grids: dict[Path, str]) -> str:
    """The page: a table of scores and one of provenance a board.

    Args:
        board: what to print.
        grids: `{folder of a cell: link to its picture or its sentences}`, relative to the page.
    """
    lines = ["# Leaderboard", ""]
    for each in board.boards:
        lines += [f"## {md(each.title)}", "", *_markdown_scores(each), ""]
        lines += ["### Where the figures come from", "", *_markdown_provenance(each, grids), ""]
        lines += ["### Notes", "", *(f"- {md(line)}" for line in each.foot), ""]
    if board.warnings:
        lines += ["## Skipped", "", *(f"- {md(line)}" for line in board.warnings), ""]
    return "\n".join(lines)


# every sign that is markup in a table's cell in any of the common kinds of markdown
_SAFE = {
    "\\": "\\\\",
    "&": "&amp;",
    "<": "&lt;",
    "|": "\\|",
    "*": "\\*",
    "_": "\\_",
    "`": "\\`",
    "[": "\\[",
    "~": "&#126;",
    "$": "&#36;",
}


def md(text: Any) -> str:
    """Text that can stand in a markdown table: nothing in it is markup, and every sign can be seen."""
    return "".join(_SAFE.get(sign, sign) for sign in visible(text))


def markdown_table(header: list[str], align: str, rows: list[list[str]]) -> list[str]:
    """The lines of a table; `align` has `l` or `r` for each column."""
    rule = {"l": ":--", "r": "--:"}
    lines = [header, [rule[side] for side in align], *rows]
    return ["| " + " | ".join(line) + " |" for line in lines]


def _markdown_scores(board: Board) -> list[str]:
    paper = any(row.paper for row in board.rows)
    header = [*WORDS, "B", "victims", "failed", *(title(measure, _ARROWS) for measure in board.measures)]
    rows = []
    for row in board.rows:
        head = [md(attack_name(row)), *(md(row.summary[word]) for word in WORDS[1:]), md(row.batch)]
        counts = [str(row.summary["victims"]), failed(row)]
        if row.empty:
            scores = [f"*{md(row.stopped)}*"] + [""] * (len(board.measures) - 1)
        else:
            scores = [_markdown_value(measure, row) for measure in board.measures]
        rows.append([*head, *counts, *scores, *([md(row.paper)] if paper else [])])
    align = "llllrrr" + "r" * len(board.measures) + ("l" if paper else "")
    return markdown_table([*header, *(["paper"] if paper else [])], align, rows)


def _markdown_value(measure: Measure, row: Row) -> str:
    value = measure.value(row.summary)
    if value is None:
        return "n/a"
    return with_bounds(value, measure.places)


def with_bounds(value: Mapping[str, Any], places: int | None) -> str:
    """A figure of markdown: its marks behind it, its bounds or the medians of its groups below it."""
    below = interval(value, places)
    return number(value["mean"], places) + marks(value) + (f"<br><sub>{below}</sub>" if below else "")


def _markdown_provenance(board: Board, grids: dict[Path, str]) -> list[str]:
    shown = "sentences" if board.things == SENTENCES else "grid"
    what = "sentences" if board.things == SENTENCES else "pictures"
    header = ["attack", "data", *PROVENANCE, "work (s)", "how victims ended", what]
    rows = []
    for row in board.rows:
        known = [md(row.provenance[key]) for key in PROVENANCE]
        wall = "" if row.provenance["wall"] is None else number(row.provenance["wall"], None)
        ended = ", ".join(f"{count} {md(word)}" for word, count in row.statuses.items())
        ended = "; ".join(filter(None, [ended, md(row.stopped)]))
        link = grids.get(row.cell.folder)
        rows.append(
            [md(attack_name(row)), md(row.summary["data"]), *known, wall, ended, f"[{shown}]({link})" if link else ""]
        )
    return markdown_table(header, "llrlllrll", rows)


def csv_text(board: Leaderboard) -> str:
    """Raw numbers, a line a cell (controls once): each measure with the columns of `_PARTS`; empty where undefined.

    `KEY_left_out` counts the samples without a value, over whose survivors the figure is then; the medians of two
    groups stand in place of an interval. The measures are those of images, of sentences, or of both, by what the
    results are about.
    """
    kinds = dict.fromkeys(each.things for each in board.boards)
    measures = list(dict.fromkeys(measure for kind in kinds for measure in MEASURES[kind]))
    numbered = [f"{measure.key}{part}" for measure in measures for part in _PARTS]
    lines: list[list[Any]] = [
        ["threat", *WORDS, "control", "batch_size", "victims", "failures", *numbered, *PROVENANCE, *_LAST]
    ]
    for row in board.rows:
        numbers = []
        for measure in measures:
            numbers += _numbers(measure.value(row.summary) or {})
        words = [row.summary[word] for word in ("threat", *WORDS)]
        counts = [int(row.control), row.batch, row.summary["victims"], row.summary["failures"]]
        statuses = " ".join(f"{word}={count}" for word, count in row.statuses.items())
        known = [*(row.provenance[key] for key in PROVENANCE), row.provenance["wall"]]
        lines.append(
            [*words, *counts, *numbers, *known, statuses, row.repeated, row.paper, row.stopped, row.cell.identity]
        )
    return csv_lines(lines)


def csv_lines(lines: list[list[Any]]) -> str:
    """Lines of values as CSV; no text in it is a formula (see `bench.terminal.printable.csv_cell`)."""
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows([csv_cell(value) for value in line] for line in lines)
    return out.getvalue()


def _numbers(value: Mapping[str, Any]) -> list[Any]:
    """The columns of `_PARTS`."""
    nested = [(value.get("median") or {})] + [(value.get("groups") or {}).get(name, {}) for name in (RECOVERED, OTHERS)]
    plain = [value.get(part) for part in ("mean", "low", "high", "n", "left_out", "estimand", "method")]
    return [*plain, *(group.get(part) for group in nested for part in ("mean", "low", "high", "n", "method"))]


def text(board: Leaderboard) -> str:
    """A short table a board, for a terminal of 100 to 120 columns, and how the figures were found below the last."""
    return "\n\n".join(
        [*(_text_board(each) for each in board.boards), how_found({each.things for each in board.boards})]
    )


def explained(mark: str) -> str:
    """What a mark at a figure says, for a terminal."""
    return textwrap.fill(f"{mark} {MARKS[mark]}", _WIDTH)


def how_found(things: Collection[str]) -> str:
    """How the figures and intervals of boards of these things were found, for a terminal."""
    return textwrap.fill(methods(errors=IMAGES in things), _WIDTH)


def _text_board(board: Board) -> str:
    shown = [measure for measure in board.measures if measure.short]
    titles = [measure.short + _ARROWS[measure.better].strip() for measure in shown]
    several = len({row.summary["defense"] for row in board.rows}) > 1
    sized = board.things == SENTENCES
    words = ["attack", "data", *(["defense"] if several else [])]
    lines = [[*words, *(["B"] if sized else []), "n", "failed", *titles]]
    stopped: dict[int, str] = {}
    for row in board.rows:
        head = [
            _cut(row.summary["attack"]) + "*" * row.control,
            _cut(row.summary["data"]),
            *([_cut(row.summary["defense"], _DEFENSE_WIDTH)] if several else []),
            *([str(row.batch or "")] if sized else []),
            str(row.summary["victims"]),
            failed(row),
        ]
        if row.empty and row.stopped:
            stopped[len(lines)] = visible(row.stopped)
            lines.append([*head, *[""] * len(shown)])
        else:
            lines.append([*head, *(_text_value(measure, row) for measure in shown)])
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    printed = []
    for at, line in enumerate(lines):
        cells = [
            word.ljust(width) if i < len(words) else word.rjust(width)
            for i, (word, width) in enumerate(zip(line, widths))
        ]
        if at in stopped:
            cells = [*cells[: len(lines[0]) - len(titles)], stopped[at]]
        printed.append("  ".join(cells).rstrip())
    printed.insert(1, "-" * (sum(widths) + 2 * (len(widths) - 1)))
    if any(row.control for row in board.rows):
        printed.append("* control")
    printed += [line for mark in board.marks for line in explained(mark).splitlines()]
    partial = [row for row in board.rows if row.stopped and not row.empty]
    printed += [f"{row.summary['attack']} on {row.summary['data']} stopped: {row.stopped}" for row in partial]
    return "\n".join(map(visible, [board.title, *printed]))


def _cut(word: str, width: int = _NAME_WIDTH) -> str:
    word = visible(word)
    return word if len(word) <= width else word[: width - 1] + "…"


def _text_value(measure: Measure, row: Row) -> str:
    value = measure.value(row.summary)
    if value is None:
        return "n/a"
    bounds = interval(value, measure.places, ",") if measure.bounds and not value.get("groups") else None
    return number(value["mean"], measure.places) + marks(value) + (f" [{bounds}]" if bounds else "")
