"""The tables of label inference: what share of the labels each rule gets right, by batch size."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bench.report.table import Cell, Column, Line, Missing, Page, Section, Table, Value
from bench.results.intervals import methods
from bench.results.labels_summary import FIGURES

_SETTING = ("data", "label_rule", "labels", "defense", "threat")
_SIZES = ("median", "low", "high", "largest")
ABOUT = "The share of a batch's labels that a rule claims. Small numbers are 95 % intervals."
_NOTES = (
    "Figures: the share of a batch's labels that the rule claims, as multisets, the mean over victims. For batches of "
    "one this is the instance accuracy. A victim that failed counts as 0.",
    "B inferred: up to which batch size of the row the numerical rank of a layer's gradient is the batch size of every "
    "victim. It needs no label rule. A rank is at most the size of the layer, so it shows no larger batch.",
)


def page(found: Sequence[Mapping[str, Any]]) -> Page:
    """A section per setting: data, how their labels are dealt, defence and threat model.

    Args:
        found: of `bench.report.measured.summaries`.
    """
    settings: dict[tuple[Any, ...], list[Mapping[str, Any]]] = {}
    for one in found:
        settings.setdefault(tuple(one[name] for name in _SETTING), []).append(one)
    sections = [_section(key, settings[key]) for key in sorted(settings, key=str)]
    return Page("Labels inferred from gradients", sections, method=methods(errors=False))


def _section(setting: tuple[Any, ...], found: Sequence[Mapping[str, Any]]) -> Section:
    data, rule, labels, defense, threat = setting
    drawn = ", drawn at random" if labels == "random" else ""
    dealt = "batches drawn with replacement" if rule == "replacement" else f"{rule} labels"
    title = f"{data}, {dealt}{drawn}, defence {defense}, threat model {threat}"
    notes = [*_NOTES, methods(errors=False), *_reasons(found)]
    return Section(title, [_table(found)], notes, alone=f"Labels inferred on {title}")


def _table(found: Sequence[Mapping[str, Any]]) -> Table:
    """Rows rule x model, columns batch size; of several cells in one place (other seeds) the latest stands."""
    sizes = sorted({one["batch_size"] for one in found})
    columns = [Column("model", short="model"), Column("rule", short="rule")]
    columns += [Column(f"B = {size}", short=f"B={size}", direction="up", align="r", figure=True) for size in sizes]
    columns += [Column("B inferred", short="B inferred", align="r")]
    rows: dict[tuple[str, str], dict[int, Mapping[str, Any]]] = {}
    for one in found:
        rows.setdefault((one["model"], one["rule"]), {})[one["batch_size"]] = one
    lines = []
    for model, rule in sorted(rows):
        own = rows[model, rule]
        cells: list[Cell] = [model, rule, *(_figure(own.get(size)) for size in sizes), _inferred(own)]
        lines.append(Line(cells, f"{rule} on {model}"))
    return Table(columns, lines)


def _figure(one: Mapping[str, Any] | None) -> Cell:
    if one is None:
        return Missing()
    if one["label_overlap"] is None:
        return Missing(one["reasons"].get("cell", ""))
    return Value(**one["label_overlap"], places=3)


def _inferred(row: Mapping[int, Mapping[str, Any]]) -> str:
    """Up to which batch size the rank shows every victim's: `64`, `0` if not even the smallest, or `n/a`."""
    known = [(size, row[size]["batch_size_right"]) for size in sorted(row) if row[size]["batch_size_right"]]
    if not known:
        return "n/a"
    most = 0
    for size, share in known:
        if share["mean"] < 1:
            break
        most = size
    return str(most)


def _reasons(found: Sequence[Mapping[str, Any]]) -> list[str]:
    """Why a cell has no figure, and which cells hold examples that earlier victims held too."""
    lines = [
        f"{one['rule']} on {one['model']}, B = {one['batch_size']}: {one['reasons']['cell']}"
        for one in found
        if "cell" in one["reasons"]
    ]
    again = sorted({one["batch_size"] for one in found if one["reused"]})
    if again:
        named = ", ".join(map(str, again))
        lines.append(f"Some victims of B = {named} hold examples of earlier ones: the whole data set had been dealt.")
    return list(dict.fromkeys(lines))


def raw(found: Sequence[Mapping[str, Any]]) -> Table:
    """One line per cell with everything that is known of it, for a program.

    Args:
        found: of `bench.report.measured.summaries`.
    """
    plain = [*_SETTING, "model", "rule", "batch_size", "seed", "victims", "failures", "reused"]
    shares = [*FIGURES, "batch_size_right"]
    rest = ["seconds_per_victim", "origin", "identity"]
    columns = [Column(key=name) for name in plain] + [Column(key=name, figure=True) for name in shares]
    columns += [Column(key=name) for name in (*(f"inferred_{size}" for size in _SIZES), *rest, "reason")]
    lines = []
    for one in found:
        sizes = one["inferred_batch_size"] or {}
        cells: list[Cell] = [one[name] for name in plain]
        cells += [Value(**one[name]) if one[name] else Missing() for name in shares]
        cells += [sizes.get(size) for size in _SIZES]
        lines.append(Line([*cells, *(one[name] for name in rest), one["reasons"].get("cell")]))
    return Table(columns, lines)
