"""The columns with a figure in them: those that every cell has, and one per metric, as the metric describes itself."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from bench.metrics.column import ScoreColumn
from bench.modalities.base import Modality
from bench.results.intervals import MEAN


@dataclass(frozen=True)
class Measure:
    """A column with a number in it.

    Args:
        key: its name in the csv.
        path: where it stands in the summary of a cell.
        title: words of the header, which name what is estimated.
        better: `up`, `down` or empty.
        unit: as printed, or empty.
        places: digits after the point; None: three significant digits.
        short: words of the header in a terminal; empty where it is not shown there.
        bounds: whether a terminal shows its interval too.
        batches: whether it says anything of its own only where a batch has several examples.
    """

    key: str
    path: tuple[str, ...]
    title: str
    better: str = ""
    unit: str = ""
    places: int | None = None
    short: str = ""
    bounds: bool = False
    batches: bool = False

    def value(self, summary: dict[str, Any]) -> dict[str, Any] | None:
        """The entry of a cell (see `bench.results.summary`), or None; a plain number comes without bounds.

        Args:
            summary: see `bench.results.summary`; None where it has no such score at all.
        """
        found: Any = summary
        if self.key in summary["other"]:  # a metric with the name of another entry
            return summary["other"][self.key]
        for name in self.path:
            found = None if found is None else found.get(name)
        if found is None or isinstance(found, dict):
            return found
        return {"mean": found, "low": None, "high": None, "n": summary["victims"], "estimand": MEAN, "method": None}


_COSTS = (
    Measure("evaluations_per_victim", ("evaluations_per_victim",), "evaluations, mean", "", "per victim", 0),
    Measure("seconds_per_victim", ("seconds_per_victim",), "time, mean", "", "s per victim", short="s/victim"),
)
_LABELS = (
    Measure("label_accuracy", ("label_accuracy",), "label acc., rate", "up", places=2, short="label"),
    Measure("label_overlap", ("label_overlap",), "label overlap, mean", "up", places=2, short="overlap", batches=True),
)


def measures(kind: Modality, columns: Iterable[Mapping[str, ScoreColumn]]) -> tuple[Measure, ...]:
    """The columns of cells of one kind: what every such cell has, and each metric that one of them has.

    Args:
        kind: the kind of data, which says in which order they stand.
        columns: of each cell, see `bench.results.columns`.
    """
    found: dict[str, ScoreColumn] = {}
    for each in columns:
        found |= {key: column for key, column in each.items() if key not in found}
    scores = tuple(_score(key, column) for key, column in found.items() if column.shown)
    groups = {"success": _success(kind), "labels": _LABELS, "scores": scores, "costs": _COSTS}
    return tuple(measure for name in kind.groups for measure in groups[name])


def _success(kind: Modality) -> tuple[Measure, ...]:
    """The success rates, of which a terminal shows the first."""
    return tuple(
        Measure(
            f"success_{bound}",
            ("success_rate", bound),
            f"success rate, MSE {bound}",
            "up",
            places=2,
            short="" if at else f"MSE≤{bound}",
            bounds=not at,
        )
        for at, bound in enumerate(kind.success)
    )


def _score(key: str, column: ScoreColumn) -> Measure:
    return Measure(
        key,
        (key,),
        f"{column.title}, {column.estimand}",
        column.direction,
        column.unit,
        column.places,
        short="" if column.short is None else column.short or column.title,
        bounds=column.bounds,
    )
