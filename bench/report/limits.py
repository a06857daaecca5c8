"""The tables of limits: how far what is shared determines the inputs, and the unbiased limit, by model and defence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bench.report import by_data
from bench.report.table import Cell, Column, Line, Missing, Page, Section, Table, Value
from bench.results.intervals import methods

ABOUT = "How far what is shared determines the inputs. No attack was run. Small numbers are 95 % intervals."
_SPREADS = ("jacobian_rank", "condition", "limit_mse")
_IN_DECIBELS = ("limit_psnr", "bayesian_psnr")
_NUMBERS = ("entries", "shared", "std", "mean_mse", "informative", "seconds_per_victim", "origin", "identity")
_NOTES = (
    "Determined: the share of victims whose Jacobian, of what is shared by the inputs, has full rank, so that no small "
    "change of the inputs leaves what is shared as it is. Rank and condition are medians over victims.",
    "Unbiased limit: under noise, the PSNR that no unbiased attacker exceeds on average over the noise (the bound of "
    "Cramér and Rao; the mean over victims). An attacker with a prior is biased, and may exceed it.",
    "Bayesian limit: under noise, the PSNR that no attacker exceeds, biased or not, on average over images that are "
    "drawn from a Gaussian prior with the spectrum of natural images (the bound of van Trees; the mean over the "
    "victims' models). It says nothing about one image, and nothing about images of another kind.",
)


def page(found: Sequence[Mapping[str, Any]]) -> Page:
    """A section per data set.

    Args:
        found: of `bench.report.measured.summaries`.
    """
    return by_data.page("How far gradients determine their inputs", found, _section)


def _section(data: str, found: Sequence[Mapping[str, Any]]) -> Section:
    columns = [
        Column("model", short="model"),
        Column("defence", short="defence"),
        Column("B", align="r"),
        Column("victims", align="r"),
        Column("determined, share", short="determined", direction="down", align="r"),
        Column("rank", short="rank", align="r"),
        Column("of numbers", short="of", align="r"),
        Column("condition", short="condition", align="r"),
        Column("noise, deviation", short="noise", align="r"),
        Column("unbiased limit", short="limit", direction="down", unit="dB", align="r"),
        Column("Bayesian limit", short="Bayesian", direction="down", unit="dB", align="r"),
    ]
    lines = [_line(one) for one in found]
    notes = [*_NOTES, methods(errors=False), *by_data.reasons(found)]
    return Section(data, [Table(columns, lines)], notes, alone=f"Limits on {data}")


def _line(one: Mapping[str, Any]) -> Line:
    why = one["reasons"].get("cell", "")
    cells: list[Cell] = [one["model"], one["defense"], str(one["batch_size"]), str(one["victims"])]
    cells.append(Value(**one["determined"], places=2) if one["determined"] else Missing(why))
    cells.append(f"{one['jacobian_rank']['median']:.0f}" if one["jacobian_rank"] else Missing(why))
    cells.append("-" if one["entries"] is None else str(one["entries"]))
    cells.append(Value(one["condition"]["median"]) if one["condition"] else "-")
    cells.append("-" if one["std"] is None else Value(one["std"]))
    cells += [Value(**one[name], places=1) if one[name] else "-" for name in ("limit_psnr", "bayesian_psnr")]
    return Line(cells, f"{one['defense']} on {one['model']}")


def raw(found: Sequence[Mapping[str, Any]]) -> Table:
    """One line per cell with everything that is known of it, for a program.

    Args:
        found: of `bench.report.measured.summaries`.
    """
    keys = [
        *by_data.PLAIN,
        "determined",
        *(f"{name}_{part}" for name in _SPREADS for part in ("median", "low", "high")),
    ]
    keys += [f"{name}{part}" for name in _IN_DECIBELS for part in ("", "_low", "_high")]
    keys += [*_NUMBERS, "reason"]
    lines = []
    for one in found:
        cells: list[Cell] = [one[name] for name in by_data.PLAIN]
        cells.append((one["determined"] or {}).get("mean"))
        cells += [(one[name] or {}).get(part) for name in _SPREADS for part in ("median", "low", "high")]
        cells += [(one[name] or {}).get(part) for name in _IN_DECIBELS for part in ("mean", "low", "high")]
        lines.append(Line([*cells, *(one[name] for name in _NUMBERS), one["reasons"].get("cell")]))
    return Table([Column(key=key) for key in keys], lines)
