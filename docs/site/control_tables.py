"""Makes the table of docs/attacks.md that sets every attack beside a control, from docs/controls.csv.

    python docs/site/control_tables.py RESULTS   # takes in a results folder of `leakbench suite attacks` first
    python docs/site/control_tables.py           # writes the table into the page

The file has a line per cell: what was attacked, the figure of the attack, that of the control on the same victims, and
the paired difference of the two with its 95 % interval and the p-value of the sign-flip test. A results folder need not
have every cell of the suite: lines of cells that it lacks stay, as long as the suite still has them as they were run.
"""

import sys
from collections.abc import Iterator, Sequence, Set
from pathlib import Path
from typing import Any

from made_tables import DOCS, Row, line, read, rewrite, write

from bench.modalities.lookup import modality_of
from bench.results import query
from bench.results.stored_leak import StoredLeak
from bench.results.summary import summary
from bench.results.victim_values import other_victims, paired_difference, victim_values
from bench.running import suite
from bench.running.cell import cell_of

MEASURED, PAGE = DOCS / "controls.csv", DOCS / "attacks.md"
BEGIN = "<!-- made by docs/site/control_tables.py -->"
COLUMNS = (
    "attack", "model", "data", "defense", "threat", "batch_size", "victims", "failures", "metric", "figure", "control",
    "difference", "low", "high", "p", "n", "identity",
)  # fmt: skip
_SCORES = {"images": "psnr", "sentences": "rouge_l"}
_UNITS = {"psnr": " dB", "rouge_l": ""}
_SEPARATED = 0.05


def control_rows(root: Path) -> list[dict[str, Any]]:
    """The attacks of a results folder that have ended with a figure, each beside the control on the same victims.

    Raises:
        ValueError: a cell has no control on its victims.
    """
    every = [cell for cell in query.cells(root).cells if isinstance(cell, StoredLeak) and _has_ended(cell)]
    controls = [cell for cell in every if cell.facts["control"]]
    rows = (_row(cell, controls) for cell in every if not cell.facts["control"])
    return [row for row in rows if row["figure"] is not None]


def _has_ended(cell: StoredLeak) -> bool:
    """Whether every victim has a row: those that end first are rarely like the others."""
    return len(cell.done()) >= cell.wanted(cell.facts["config"])


def _order(row: dict[str, Any]) -> tuple[Any, ...]:
    """Images before sentences; per network, defence and batch size the best first."""
    return (row["metric"], row["model"], row["defense"], str(row["batch_size"]), -float(row["figure"]))


def current() -> frozenset[str]:
    """The identities of the cells of suite attacks as it is."""
    return frozenset(cell_of(cell.config).identify().identity for cell in suite.plan("attacks", [], to_run=False))


def joined(new: Sequence[dict[str, Any]], old: Sequence[Row], identities: Set[str]) -> list[dict[str, Any]]:
    """The new rows, and the old ones of cells that are not among them; of cells that the suite has, in either case."""
    known = {row["identity"] for row in new}
    rows = [*new, *(row for row in old if row["identity"] not in known)]
    return sorted((row for row in rows if row["identity"] in identities), key=_order)


def _row(cell: StoredLeak, controls: Sequence[StoredLeak]) -> dict[str, Any]:
    kind = modality_of(cell.facts)
    metric, name = _SCORES[kind.name], kind.scale.control
    named = [one for one in controls if one.facts["labels"]["attack"] == name]
    control = next((one for one in named if other_victims(cell, one) is None), None)
    if control is None:
        raise ValueError(f"{cell.folder}: no cell of {name} has the same victims")
    values = [victim_values(one, query.rows(one), metric) for one in (cell, control)]
    found, told = paired_difference(values[0], values[1]), summary(cell)
    known: dict[str, Any] = {}
    if found is not None:
        known = {"figure": found.first, "control": found.second, **vars(found)}
    row: dict[str, Any] = {
        **{key: cell.facts["labels"][key] for key in ("attack", "model", "data", "defense", "threat")},
        "batch_size": cell.facts["config"]["data"]["batch_size"],
        **{key: told[key] for key in ("victims", "failures")},
        "metric": metric,
        **{key: known[key] for key in ("figure", "control", "difference", "low", "high", "p", "n") if key in known},
        "identity": cell.identity,
    }
    return {key: row.get(key) for key in COLUMNS}


def control_table(rows: Sequence[Row]) -> str:
    """A row per cell."""
    return "\n".join(_lines(rows))


def _lines(rows: Sequence[Row]) -> Iterator[str]:
    yield line("attack", "against", "B", "failed", "score", "control", "difference (95 % interval)", "p")
    yield "| --- | --- | --: | --: | --: | --: | --: | --: |"
    for row in rows:
        unit, digits = _UNITS[row["metric"]], 1 if row["metric"] == "psnr" else 2
        figures = (f"{float(row[key]):.{digits}f}{unit}" for key in ("figure", "control"))
        low, high = (f"{float(row[key]):+.{digits}f}" for key in ("low", "high"))
        p = float(row["p"])
        yield line(
            f"`{row['attack']}`",
            _against(row),
            row["batch_size"],
            f"{row['failures']} of {row['victims']}",
            *figures,
            f"{float(row['difference']):+.{digits}f} ({low} to {high})",
            "< 0.001" if p < 1e-3 else f"{p:.2g}",
        )


def _against(row: Row) -> str:
    said = [f"`{row['model']}`"]
    said += [f"`{row['defense']}`"] if row["defense"] != "none" else []
    said += [f"`threat={row['threat']}`"] if row["threat"] != "basic" else []
    return ", ".join(said)


def not_above(rows: Sequence[Row]) -> list[str]:
    """The attacks that the paired test does not put above their control, in the order of the file."""
    return [row["attack"] for row in rows if not (float(row["difference"]) > 0 and float(row["p"]) < _SEPARATED)]


def main(sources: Sequence[str] = ()) -> None:
    """Writes the table into the page, between the marks.

    Args:
        sources: nothing, or a results folder of suite attacks, which is taken in first.
    """
    for source in sources:
        old = read(MEASURED) if MEASURED.exists() else []
        write(MEASURED, COLUMNS, joined(control_rows(Path(source)), old, current()))
    rewrite(PAGE, BEGIN, control_table(read(MEASURED)))


if __name__ == "__main__":
    main(sys.argv[1:])
