"""The rows of the boards: one board a threat model, the controls in each, ranked per data set."""

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import pyarrow.compute as pc

from bench.results import query
from bench.results.store import Cell
from bench.results.summary import summarise


@dataclass(frozen=True)
class Measure:
    """A column with a number in it.

    Args:
        key: its name in the csv.
        path: where it stands in the summary of a cell.
        title: words of the header.
        better: `up`, `down` or empty.
        unit: as printed, or empty.
        places: digits after the point; None: three significant digits.
    """

    key: str
    path: tuple[str, ...]
    title: str
    better: str = ""
    unit: str = ""
    places: int | None = None

    def value(self, row: "Row") -> dict[str, Any] | None:
        """`{mean, low, high, n}` of the row, or None; a plain number comes without bounds."""
        found: Any = row.summary
        for name in self.path:
            found = found[name]
        if found is None or isinstance(found, dict):
            return found
        return {"mean": found, "low": None, "high": None, "n": row.summary["victims"]}


MEASURES = (
    Measure("success_1e-2", ("success_rate", "1e-2"), "success, MSE 1e-2", "up", places=2),
    Measure("success_1e-3", ("success_rate", "1e-3"), "success, MSE 1e-3", "up", places=2),
    Measure("success_1e-4", ("success_rate", "1e-4"), "success, MSE 1e-4", "up", places=2),
    Measure("label_accuracy", ("label_accuracy",), "label acc.", "up", places=2),
    Measure("mse", ("mse",), "MSE", "down"),
    Measure("psnr", ("psnr",), "PSNR", "up", "dB", 1),
    Measure("ssim", ("ssim",), "SSIM", "up", places=3),
    Measure("lpips_alex", ("lpips_alex",), "LPIPS alex", "down", places=3),
    Measure("lpips_vgg", ("lpips_vgg",), "LPIPS vgg", "down", places=3),
    Measure("evaluations_per_victim", ("evaluations_per_victim",), "evaluations", "", "per victim", 0),
    Measure("seconds_per_victim", ("seconds_per_victim",), "time", "", "s per victim"),
)


@dataclass(frozen=True)
class Row:
    """One cell as a line of a board.

    Args:
        cell: where it comes from.
        summary: see `bench.results.summary`.
        control: whether it is a control, which every board carries.
        batch: B, or None where neither a row nor the config says it.
        statuses: how many victims ended how, `{word: count}`; empty for a cell without victims.
        repeated: how many victims have images that an earlier one had already.
        provenance: `seed`, `commit`, `torch`, `device` (words; several are joined) and `wall` (seconds of work).
    """

    cell: Cell
    summary: dict[str, Any]
    control: bool
    batch: int | None
    statuses: dict[str, int]
    repeated: int
    provenance: dict[str, Any]

    @property
    def stopped(self) -> str | None:
        """Why the cell as a whole failed or does not apply, or None."""
        return self.summary["reasons"].get("cell")

    @property
    def empty(self) -> bool:
        """Whether there is nothing to show but why it stopped: no victim has a result."""
        return self.stopped is not None and self.summary["failures"] == self.summary["victims"]

    @property
    def paper(self) -> str:
        """The paper's figure and how it is known, or nothing."""
        figure = self.cell.facts.get("paper") or {}
        source = ", ".join(str(figure[key]) for key in ("source", "known") if figure.get(key))
        return f"{figure['value']}" + (f" ({source})" if source else "") if "value" in figure else ""


@dataclass(frozen=True)
class Board:
    """The rows of one threat model and what stands below them."""

    threat: str
    rows: list[Row]
    foot: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Leaderboard:
    """All boards, each row once (`rows`, in order), and a sentence for each file that was skipped."""

    boards: list[Board]
    rows: list[Row]
    warnings: list[str]


def leaderboard(listing: query.Listing) -> Leaderboard:
    """Read every cell of `listing` and arrange them in boards."""
    rows, warnings = [], list(listing.warnings)
    for cell in listing.cells:
        stored = query.rows(cell)
        warnings += stored.warnings
        rows.append(_row(cell, stored))
    rows.sort(key=_rank)
    threats = sorted({row.summary["threat"] for row in rows if not row.control})
    if not threats:
        threats = sorted({row.summary["threat"] for row in rows})
    boards = []
    for threat in threats:
        own = [row for row in rows if row.summary["threat"] == threat]
        sets = {row.summary["data"] for row in own}
        shown = [row for row in rows if row in own or (row.control and row.summary["data"] in sets)]
        boards.append(Board(threat, shown, _foot(shown, own)))
    return Leaderboard(boards, rows, warnings)


def _row(cell: Cell, stored: query.Rows) -> Row:
    victims = stored.victims
    config = cell.facts.get("config") or {}
    sizes = set(victims["batch_size"].to_pylist()) or {(config.get("data") or {}).get("batch_size")}
    provenance = {
        "seed": config.get("seed"),
        "commit": _joined(victims["commit"].to_pylist()),
        "torch": _joined(_torch(text) for text in victims["versions"].to_pylist()),
        "device": _joined(victims["device"].to_pylist()),
        "wall": pc.sum(victims["seconds"]).as_py(),
    }
    return Row(
        cell=cell,
        summary=summarise(cell, stored),
        control=bool(cell.facts.get("control")),
        batch=sizes.pop(),
        statuses=dict(Counter(sorted(victims["status"].to_pylist()))),
        repeated=sum(bool(count) for count in victims["repeats"].to_pylist()),
        provenance=provenance,
    )


def _torch(versions: str | None) -> str | None:
    try:
        return json.loads(versions or "{}").get("torch")
    except (ValueError, AttributeError):
        return None


def _joined(values: Iterable[str | None]) -> str | None:
    return ", ".join(sorted({value for value in values if value})) or None


def _rank(row: Row) -> tuple[Any, ...]:
    """Data set; then, of those with victims, the highest success rates, then the lowest MSE."""
    found = {measure.key: measure.value(row) for measure in MEASURES}
    successes = [-(found[f"success_{bound}"] or {"mean": -1.0})["mean"] for bound in ("1e-2", "1e-3", "1e-4")]
    mse = (found["mse"] or {"mean": float("inf")})["mean"]
    return (row.summary["data"], row.summary["victims"] == 0, *successes, mse, row.cell.folder.name)


def _foot(shown: list[Row], own: list[Row]) -> list[str]:
    """What a reader must know to compare the figures, a sentence each."""
    lines = [
        "Each score is a mean over samples with its 95 % bootstrap interval over victims, each rate with its Wilson "
        "interval (batches larger than one: bootstrap over victims). A failed victim counts as no success.",
        *_grants(own),
        *_metric_facts(shown),
        *_status_counts(shown),
        *_remarks(shown),
    ]
    if any(row.repeated for row in shown):
        which = ", ".join(f"{_name(row)} ({row.repeated} of {row.summary['victims']})" for row in shown if row.repeated)
        lines.append(f"Images repeated (more victims than the data set fills with new images): {which}.")
    if any("dirty" in (row.provenance["commit"] or "") for row in shown):
        lines.append("A commit marked dirty had changes that were not committed.")
    return lines


def _name(row: Row) -> str:
    return f"{row.summary['attack']} on {row.summary['data']}"


def _grants(own: list[Row]) -> list[str]:
    lines: list[str] = []
    for row in own:
        threat = row.cell.facts.get("threat") or {}
        grants = threat.get("grants") or {}
        yes = ", ".join(key.replace("_", " ") for key, value in grants.items() if value is True)
        no = ", ".join(key.replace("_", " ") for key, value in grants.items() if value is False)
        other = ", ".join(f"{key.replace('_', ' ')}: {v}" for key, v in grants.items() if not isinstance(v, bool))
        line = f"Threat model {threat.get('letter', row.summary['threat'])} grants {yes or 'nothing'}"
        line += (f" ({other})" if other else "") + (f"; it does not grant {no}." if no else ".")
        if grants and line not in lines:
            lines.append(line)
    return lines


def _metric_facts(shown: list[Row]) -> list[str]:
    """One line a metric and setting; the data sets are named where not all share it."""
    used: dict[tuple[str, str], set[str]] = {}
    for row in shown:
        for key, facts in (row.cell.facts.get("metrics") or {}).items():
            text = ", ".join(f"{name} {_plain(value)}" for name, value in facts.items() if value is not None)
            if text:
                used.setdefault((key, text), set()).add(row.summary["data"])
    variants = Counter(key for key, _ in used)
    return [
        f"{key}" + (f" on {', '.join(sorted(sets))}" if variants[key] > 1 else "") + f": {text}."
        for (key, text), sets in used.items()
    ]


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "[" + ", ".join(map(str, value)) + "]" if isinstance(value, list) else str(value)


def _status_counts(shown: list[Row]) -> list[str]:
    total: Counter[str] = Counter()
    for row in shown:
        total.update(row.statuses)
    if not total:
        return []
    return ["Victims by how the work on them ended: " + ", ".join(f"{n} {word}" for word, n in total.items()) + "."]


def _remarks(shown: list[Row]) -> list[str]:
    """Why an entry is missing or covers fewer samples; one line a reason, with the cells it holds for."""
    held: dict[str, list[str]] = {}
    for row in shown:
        for key, reason in row.summary["reasons"].items():
            if not row.empty:
                held.setdefault(f"{key}: {reason}", []).append(_name(row))
    return [f"{what} ({', '.join(dict.fromkeys(names))})." for what, names in held.items()]
