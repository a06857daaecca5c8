"""A workspace and a report of W&B for the runs of a results folder, as wandb-workspaces makes them.

Both show the keys of docs/wandb.md. They can be made without a network: then the specification is written as JSON.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from bench.errors import UserError
from bench.loggers.content import QUARTILES, RECONSTRUCTION, TRUTH
from bench.loggers.wandb_board import LEADERBOARD, TRADEOFF, cells
from bench.loggers.wandb_run import EVALUATIONS
from bench.metrics.column import ScoreColumn
from bench.results.columns import columns
from bench.results.moments import pictures
from bench.results.stored_leak import StoredLeak
from bench.results.stored_training import StoredTraining
from bench.storage.atomic import write_text

NAME = "dashboard.json"
TITLE = "Leakage through shared gradients"
_RATES = {"score/success_rate_1e-2": "1e-2", "score/success_rate_1e-3": "1e-3", "score/success_rate_1e-4": "1e-4"}
_ATTACK = "attack.name"  # a key of the config
_WIDE, _HIGH = 24, 12  # of a panel in a report, which is 24 units wide
_PINNED = 6  # scores that are pinned beside the names of the runs


@dataclass(frozen=True)
class Shown:
    """What the runs of a results folder have, and so what there are panels for.

    Args:
        scores: the keys of the scores, and the columns of the tables that they are in.
        rates: whether there are success rates.
        curves: whether there is an objective.
        images: whether there are pictures.
        tradeoff: whether defences were trained.
    """

    scores: dict[str, ScoreColumn]
    rates: bool
    curves: bool
    images: bool
    tradeoff: bool


def require_package() -> None:
    """Makes sure that wandb-workspaces is installed.

    Raises:
        UserError: it is not.
    """
    if find_spec("wandb_workspaces") is None:
        raise UserError("leakbench dashboard needs wandb-workspaces; run: pip install 'leakbench[dashboard]'")


def shown(results: Path) -> Shown:
    """What there is to show.

    Raises:
        UserError: there are no results.
    """
    found = cells(results)
    attacked = [cell for cell in found if isinstance(cell, StoredLeak)]
    if not attacked:
        raise UserError(f"no results in {results}; name another folder or run: leakbench suite quick")
    measured = {f"score/{key}": column for cell in attacked for key, column in columns(cell.facts).items()}
    return Shown(
        scores={key: column for key, column in measured.items() if column.shown},
        rates="score/mse" in measured,
        curves=any(cell.curves() for cell in attacked),
        images=any(pictures(cell).moments for cell in attacked),
        tradeoff=any(isinstance(cell, StoredTraining) for cell in found),
    )


def workspace(what: Shown, project: str, entity: str) -> Any:
    """The workspace: a section per kind of panel, the runs sorted by their first score.

    Args:
        what: what there is to show.
        project: the project of the runs.
        entity: its entity; may be empty as long as nothing is published.
    """
    from wandb_workspaces import workspaces as ws

    sections = [ws.Section(name=name, panels=panels, is_open=True) for name, panels in _panels(what).items()]
    pinned = [f"summary:{key}" for key in [*what.scores][:_PINNED]]
    return ws.Workspace(
        entity=entity,
        project=project,
        name=TITLE,
        sections=sections,
        runset_settings=ws.RunsetSettings(
            groupby=[ws.Metric("Group")],
            order=[ws.Ordering(ws.Summary(key), ascending=column.direction != "up") for key, column in _first(what)],
            pinned_columns=pinned,
        ),
    )


def report(what: Shown, project: str, entity: str) -> Any:
    """The report: a heading, a sentence and a grid of panels per kind of panel.

    Args:
        what: what there is to show.
        project: the project of the runs.
        entity: its entity; empty: no run set names a project, because W&B would look it up.
    """
    from wandb_workspaces.reports import v2 as wr

    blocks: list[Any] = [wr.P(_INTRODUCTION)]
    for name, panels in _panels(what).items():
        width = _WIDE // min(len(panels), 2)
        for place, panel in enumerate(panels):
            panel.layout = wr.Layout(x=place * width % _WIDE, y=place * width // _WIDE * _HIGH, w=width, h=_HIGH)
        runs = wr.Runset(name="runs", project=project if entity else "", entity=entity)
        blocks += [wr.H2(name), wr.P(_SENTENCES[name]), wr.PanelGrid(runsets=[runs], panels=panels)]
    return wr.Report(project=project, entity=entity, title=TITLE, blocks=blocks, width="fluid")


def write(results: Path, what: Shown, project: str) -> Path:
    """Writes both as JSON into the results folder, in the form in which W&B stores them.

    Raises:
        Unwritable: the file cannot be written.
    """
    made = {
        "project": project,
        "workspace": _plain(workspace(what, project, "")),
        "report": _plain(report(what, project, "")),
    }
    path = results / NAME
    write_text(path, json.dumps(made, indent=1) + "\n")
    return path


def publish(what: Shown, project: str, entity: str) -> list[str]:
    """Saves both at W&B; their addresses.

    Raises:
        UserError: W&B refuses.
    """
    from bench.sharing.sync import require_server

    require_server()
    addresses = []
    try:
        for made in (workspace(what, project, entity), report(what, project, entity)):
            made.save()
            addresses.append(made.url)
    except Exception as error:  # wandb-workspaces passes on what its client raises, which is of many kinds
        raise UserError(f"W&B refuses {entity}/{project}: {error}") from error
    return addresses


_INTRODUCTION = (
    "How much of private training data an attacker reconstructs from a shared gradient. A run is an attack on a data "
    "set, a model and a defence; its scores are estimates over many victims. leakbench wrote the runs and this report."
)
_SENTENCES = {
    "Leaderboard": "One row per cell, with the 95 % interval of each figure beside it.",
    "Success by threshold": "The share of private images that come back with at most this mean squared error.",
    "Scores": "The estimate of each score over the victims of a cell.",
    "Objective": "What the attacker minimises, against evaluations: the median and the quartiles over the victims.",
    "Leakage against utility": "What a defence leaves of the accuracy, and what still leaks under the worst attack.",
    "Pictures": "The private images, and what the attack had of them at several iterations.",
    "Victims": "One row per private example.",
}


def _panels(what: Shown) -> dict[str, list[Any]]:
    """`{section: panels}`, in order; a section without anything to show is left out."""
    from wandb_workspaces.reports import v2 as wr

    found: dict[str, list[Any]] = {"Leaderboard": [wr.WeavePanelSummaryTable(table_name=LEADERBOARD)]}
    if what.rates:
        found["Success by threshold"] = [
            _bars(wr, key, f"recovered up to MSE {name}", (0, 1)) for key, name in _RATES.items()
        ]
    if what.scores:
        found["Scores"] = [_bars(wr, key, column.title) for key, column in what.scores.items()]
    if what.curves:
        found["Objective"] = [
            wr.LinePlot(title=key, x=EVALUATIONS, y=[key], title_x="evaluations", log_y=True) for key in QUARTILES
        ]
    if what.tradeoff:
        found["Leakage against utility"] = [_scatter(wr), wr.WeavePanelSummaryTable(table_name=TRADEOFF)]
    if what.images:
        keys = [TRUTH, RECONSTRUCTION]
        found["Pictures"] = [
            wr.MediaBrowser(title="pictures", media_keys=keys, mode="grid", grid_x_axis="step", grid_y_axis="run")
        ]
    found["Victims"] = [wr.WeavePanelSummaryTable(table_name="table/victims")]
    return found


def _bars(wr: Any, key: str, title: str, bounds: tuple[float | None, float | None] = (None, None)) -> Any:
    """A bar per attack: the mean over its cells, with the range over them."""
    metric = wr.SummaryMetric(key)
    by = wr.Config(_ATTACK)
    return wr.BarPlot(
        title=title,
        metrics=[metric],
        groupby=by,
        groupby_aggfunc="mean",
        groupby_rangefunc="minmax",
        range_x=bounds,
    )


def _scatter(wr: Any) -> Any:
    chart = wr.CustomChart.from_table(
        TRADEOFF,
        chart_fields={"x": "accuracy", "y": "leak"},
        chart_strings={"title": "leakage against utility"},
    )
    chart.chart_name = "wandb/scatter/v0"
    return chart


def _first(what: Shown) -> Sequence[tuple[str, ScoreColumn]]:
    return list(what.scores.items())[:1]


def _plain(made: Any) -> Any:
    return json.loads(made._to_model().model_dump_json(by_alias=True, exclude_none=True))
