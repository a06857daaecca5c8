"""The words around a table for a paper: its headers, its caption, its footnotes and the notes below it."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from bench.report import papers
from bench.report.measures import Measure
from bench.report.table import Cell, Column, Missing, Value
from bench.report.table_options import TableOptions
from bench.report.table_order import better
from bench.report.table_rows import TableRow
from bench.report.versions import mixed
from bench.results.intervals import GEOMETRIC, GROUPS, SURVIVORS

_TITLES = {"defense": "defence", "label_accuracy": "label acc.", "label_overlap": "label overlap"}
_TITLES |= {"evaluations_per_victim": "evaluations", "seconds_per_victim": "time"}
_RIGHT = ("B", "seed", "victims", "failed", "rank")
_SIGNS = {
    SURVIVORS: "Only victims with a reconstruction have this score.",
    GROUPS: "Some victims are recovered and others are not, so the joint figure has no interval.",
}


@dataclass(frozen=True)
class Marked:
    """A cell of a table for a paper.

    Args:
        cell: what it holds.
        bold: whether it is the best of its group.
        letters: the footnotes that it refers to.
        cited: the key of the paper that follows a name in LaTeX, or empty.
    """

    cell: Cell
    bold: bool = False
    letters: str = ""
    cited: str = ""


@dataclass(frozen=True)
class TableGroup:
    """Lines that are compared with each other, and what they have in common; empty if the caption says it."""

    heading: str
    lines: list[list[Marked]]


@dataclass
class Footnotes:
    """Letters for sentences, in the order in which they come up."""

    sentences: list[str] = field(default_factory=list)

    def letter(self, sentence: str) -> str:
        """The letter of a sentence; after `z` follow numbers."""
        if sentence not in self.sentences:
            self.sentences.append(sentence)
        at = self.sentences.index(sentence)
        return chr(ord("a") + at) if at < 26 else f"{at + 1}"


def noted(
    row: TableRow, shown: Sequence[str], cells: list[Marked], footnotes: Footnotes, several: bool, keys: dict[str, str]
) -> list[Marked]:
    """The cells with the letters of their footnotes: threat model, reason of an empty row, how a paper is known."""
    first = next((at for at, key in enumerate(shown) if key in ("attack", "defense")), 0)
    letters = []
    if several and not row.first.control:
        letters.append(footnotes.letter(f"{_threat(row)}."))
    if row.first.control:
        letters.append(footnotes.letter("Control: it looks at no gradient."))
    if row.first.stopped:
        letters.append(footnotes.letter(f"{row.first.stopped}."))
    out = list(cells)
    out[first] = replace(out[first], letters=",".join(letters), cited=keys.get(row.word("attack"), ""))
    if "paper" in shown:
        at = shown.index("paper")
        known = papers.figures_of(row.first.cell.facts)
        said = dict.fromkeys(_how_known(one) for one in known if "value" in one)
        out[at] = replace(out[at], letters=",".join(footnotes.letter(one) for one in said))
    for at, key in enumerate(shown):
        if one := row.first.reported.get(papers.measured(key)):
            letter = footnotes.letter(_how_known({"source": one.source, "known": one.known}))
            out[at] = replace(out[at], letters=letter)
    return out


def _how_known(figure: dict[str, Any]) -> str:
    known = str(figure.get("known") or "")
    meaning = papers.KNOWN.get(known.upper(), known or "nobody says how it is known")
    source = f"{figure['source']}: " if figure.get("source") else ""
    return f"{source}{meaning}."


def _threat(row: TableRow) -> str:
    threat = row.first.cell.facts.get("threat") or {}
    grants = row.first.modality.relevant(threat.get("grants") or {})
    yes = [key.replace("_", " ") for key, value in grants.items() if value is True]
    letter = threat.get("letter")
    name = f"Threat model {row.word('threat')}" + (f" ({letter})" if letter and letter != row.word("threat") else "")
    return f"{name} grants {', '.join(yes) or 'nothing'}"


def said(key: str, value: str) -> str:
    """What rows have in common, in words: `no defence`, `B = 4`."""
    if key == "defense":
        return "no defence" if value == "none" else f"defence {value}"
    return {"B": f"B = {value}", "seed": f"seed {value}", "data": value}.get(
        key, f"{key.replace('threat', 'threat model')} {value}"
    )


def caption(constant: dict[str, str], rows: Sequence[TableRow]) -> str:
    """A caption that says what the table shows, and what all rows have in common."""
    common = ", ".join(said(key, value) for key, value in constant.items())
    noun = rows[0].first.modality.name
    return f"What attacks on shared gradients recover of private {noun}" + (f" ({common})." if common else ".")


def _title(key: str, known: dict[str, Measure], options: TableOptions) -> str:
    if key in options.titles:
        return str(options.titles[key])
    if key in _TITLES:
        return _TITLES[key]
    if measured := papers.measured(key):
        return f"{_title(measured, known, options)}, reported"
    if key.startswith("success_") and key in known:
        alone = sum(one.startswith("success_") for one in options.columns) == 1
        return "success" if alone else f"success {key.removeprefix('success_')}"
    return known[key].title.rpartition(", ")[0] if key in known else key


def column(key: str, known: dict[str, Measure], options: TableOptions) -> Column:
    """A column and how it is headed."""
    title = _title(key, known, options)
    if measured := papers.measured(key):
        return Column(title, unit=known[measured].unit.removesuffix("per victim").strip(), align="r")
    if key not in known:
        return Column(title, align="r" if key in _RIGHT else "l", symbol=key == "B")
    measure = known[key]
    unit = measure.unit.removesuffix("per victim").strip()
    return Column(
        title, direction=better(measure, options) if measure.better else "", unit=unit, align="r", figure=True
    )


def notes(
    groups: Sequence[TableGroup],
    known: dict[str, Measure],
    shown: Sequence[str],
    footnotes: Footnotes,
    options: TableOptions,
    rows: Sequence[TableRow],
    several: bool,
) -> list[tuple[str, str]]:
    """What stands below the table: how its figures were found, what its signs and letters say."""
    cells = [marked for group in groups for line in group.lines for marked in line]
    values = [one.cell for one in cells if isinstance(one.cell, Value)]
    found: list[tuple[str, str]] = []
    estimands = {
        known[key].title.rpartition(", ")[0]
        for key in shown
        if key in known
        if any(isinstance(f := row.figure(known[key]), Value) and f.estimand == GEOMETRIC for row in rows)
    }
    bounds = (
        " with 95 % intervals" if options.intervals != "none" and any(one.low is not None for one in values) else ""
    )
    several_seeds = any(len(row.members) > 1 for row in rows)
    over = "Means over seeds (over victims if there is one seed)" if several_seeds else "Means over victims"
    sentence = f"{over}{bounds}" + (f"; {', '.join(sorted(estimands))}: geometric mean" if estimands else "") + "."
    if values:
        found.append(("", sentence))
    rates = [key.removeprefix("success_") for key in shown if key.startswith("success_") and key in known]
    if rates:
        bound = rates[0] if len(rates) == 1 else "the number in its head"
        found.append(("", f"Success: the share of images whose mean squared error is at most {bound}."))
    if any(one.bold for one in cells):
        found.append(
            (
                "",
                "Bold: a paired sign-flip test over the same victims separates it (p < 0.05, each pair for "
                "itself) from every other row of its group that has a figure.",
            )
        )
    if "rank" in shown:
        unranked = " A control has none." if any(row.first.control for row in rows) else ""
        found.append(("", f"Ranks are shared if the paired test does not separate two rows.{unranked}"))
    if any(isinstance(one.cell, Missing) for one in cells):
        found.append(("", "n/a: no value is known."))
    used = {mark for value in values for mark in value.marks}
    found += [(mark, words) for mark, words in _SIGNS.items() if mark in used]
    found += [("", one) for one in mixed([member for row in rows for member, _ in row.members])]
    return found + [(footnotes.letter(one), one) for one in footnotes.sentences]
