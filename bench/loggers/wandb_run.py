"""One run of W&B: how it is begun with all of its files in the results folder, and how a cell is told to it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import wandb

from bench.loggers.base import Run
from bench.loggers.content import QUARTILES, Content, by_moment, gray_levels
from bench.results.row_files import digest
from bench.results.stored_cell import ExampleTable
from bench.storage.portable import portable

EVALUATIONS, ITERATION = "evaluations", "iteration"  # the x axes of the objective and of the pictures
JOBS = {"leak": "attack"}  # the job type of a kind of cell, where it is another word
_TAGS = ("threat", "data", "attack", "defense")
_LONGEST = 64  # W&B refuses longer tags


@dataclass(frozen=True)
class Account:
    """Where runs go.

    Args:
        mode: `offline`, `online` or `disabled`.
        project: the project of an online or synced run.
        entity: its entity; None is the account's default.
    """

    mode: Literal["offline", "online", "disabled"]
    project: str
    entity: str | None


def begun(account: Account, results: Path, **about: Any) -> wandb.Run:
    """Begins a run.

    Args:
        account: where it goes.
        results: the results folder; all files of the run are in its folder `wandb`.
        about: what `wandb.init` is told of the run: `name`, `id`, `group`, `job_type`, `tags`, `config`.

    Raises:
        OSError: the files cannot be written.
    """
    results.mkdir(parents=True, exist_ok=True)
    home = (results / "wandb").absolute()
    # W&B keeps the images of a table in the data folder until a sync, so that folder must move with the run.
    os.environ |= {
        "WANDB_DIR": str(results.absolute()),
        "WANDB_DATA_DIR": str(home / "data"),
        "WANDB_CACHE_DIR": str(home / "cache"),
        "WANDB_CONFIG_DIR": str(home / "config"),
        "WANDB_ARTIFACT_DIR": str(home / "artifacts"),
    }
    run = wandb.init(
        **about,
        mode=account.mode,
        project=account.project,
        entity=account.entity,
        dir=str(results.absolute()),  # the process that writes may have another working folder
        reinit="create_new",  # a run that the user has open in this process stays as it is
        # The run records neither the machine's folders nor the command line, because the config has all settings.
        settings=wandb.Settings(
            silent=True, console="off", x_disable_stats=True, x_disable_meta=True, disable_git=True
        ),
    )
    for axis, keys in ((EVALUATIONS, "objective/*"), (ITERATION, "pictures/*")):
        run.define_metric(axis, hidden=True)
        run.define_metric(keys, step_metric=axis)
    return run


def about(run: Run, *, private: bool) -> dict[str, Any]:
    """What W&B is told of a cell before it begins. The config comes first, so that an interrupted run has it too.

    Args:
        run: the cell.
        private: whether private examples are going to be told, which the config says.
    """
    return {
        "name": run.name,
        "id": run.identity,
        "group": run.group,
        "job_type": JOBS.get(run.kind, run.kind),
        "tags": tags(run.labels),
        "config": {**config(run), "pictures": private},
    }


def tags(labels: Mapping[str, str]) -> list[str]:
    """`threat:basic`, `data:MNIST`, ... of what a cell has, each at most 64 characters long.

    >>> tags({"attack": "iDLG", "data": "MNIST", "model": "LeNet"})
    ['data:MNIST', 'attack:iDLG']
    """
    return [f"{group}:{labels[group]}"[:_LONGEST] for group in _TAGS if labels.get(group)]


def config(run: Run) -> dict[str, Any]:
    """The config of a cell; in each group, `name` is what the tables call the choice (`attack.name`, `data.name`)."""
    found = dict(run.config)
    for group, label in run.labels.items():
        if isinstance(found.get(group), Mapping):
            found[group] = {**found[group], "name": label}
    return found


def tell(run: wandb.Run, told: Content) -> None:
    """Reports a cell: the objective, the pictures, the table, and the final figures in the summary."""
    for at, values in told.objective:
        run.log({EVALUATIONS: at, **{key: values[key] for key in QUARTILES}})
    for key, at, images in by_moment(told.pictures):
        shown = [wandb.Image(gray_levels(one.pixels), caption=_caption(one.victim, one.position)) for one in images]
        run.log({ITERATION: at, key: shown})
    run.log({told.table_key: table(told.table)})
    run.summary.update(told.scalars)
    run.summary.update(portable(told.words))


def table(found: ExampleTable) -> wandb.Table:
    """A table of W&B, with pixel arrays as images."""
    made = wandb.Table(columns=[*found.columns])
    for row in found.rows:
        cells = (wandb.Image(gray_levels(value)) if isinstance(value, np.ndarray) else value for value in row)
        made.add_data(*cells)
    return made


def artifact(name: str, kind: str, files: Iterable[tuple[str, bytes]], **metadata: Any) -> wandb.Artifact:
    """An artifact of these files, with their digest in its metadata (see `bench.results.row_files.digest`).

    Args:
        name: its name.
        kind: its type.
        files: path in the artifact and content of each file.
        metadata: what else its metadata say.
    """
    kept = list(files)
    made = wandb.Artifact(name, type=kind, metadata={"sha256": digest(kept), **metadata})
    for path, content in kept:
        with made.new_file(path, mode="wb") as file:
            file.write(content)
    return made


def _caption(victim: int, position: int) -> str:
    return f"victim {victim}, example {position}"
