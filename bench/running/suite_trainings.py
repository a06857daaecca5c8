"""The trainings that a suite runs first, and whose weights its cells use (`trainings` of configs/suite/NAME.yaml).

A cell names weights by `model.checkpoint=training:NAME:EPOCH`. Once the data are known to be on this machine, the path
of the file takes the place of this word. The file itself is there when the training has ended.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from omegaconf import DictConfig

from bench.errors import UserError
from bench.results import store
from bench.results.kinds import KINDS
from bench.results.store import Store
from bench.results.stored_training import StoredTraining, checkpoint_file, read_awaited
from bench.running.executor import ERROR, NOT_APPLICABLE, Result

_WORD = re.compile(r"training:([\w.-]+):(\d+)")


@dataclass(frozen=True)
class Weights:
    """Which weights a cell uses.

    Args:
        name: of the training in the suite's file.
        training: its config.
        epoch: after which the weights were stored.
    """

    name: str
    training: DictConfig
    epoch: int


def weights_of(config: DictConfig, trainings: Mapping[str, DictConfig]) -> Weights | None:
    """Which weights of a suite's trainings a cell names; None if it names none.

    Args:
        config: of the cell.
        trainings: `{name: config}`.

    Raises:
        UserError: the suite has no such training, or the training stores no weights of this epoch.
    """
    word = config.model.checkpoint
    found = _WORD.fullmatch(word) if isinstance(word, str) else None
    if found is None:
        return None
    name, epoch = found[1], int(found[2])
    if name not in trainings:
        known = f"there are {', '.join(trainings)}" if trainings else "the suite has no trainings"
        raise UserError(f"model.checkpoint={word}: no training {name!r}; {known}")
    stored = list(trainings[name].training.checkpoints)
    if epoch not in stored:
        raise UserError(
            f"model.checkpoint={word}: training {name!r} stores no weights of epoch {epoch} "
            f"(training.checkpoints={stored})"
        )
    return Weights(name, trainings[name], epoch)


def point(cells: Iterable[tuple[DictConfig, Weights]]) -> None:
    """Writes the path of its weights into each cell, in place of the word for them.

    The weights are those of the training's first run. The data sets are read, because they are part of a training's
    identity, which is part of the path.

    Args:
        cells: their configs, and which weights they use.

    Raises:
        UserError: data cannot be read, or cannot be trained on.
    """
    folders: dict[int, Path] = {}
    for config, weights in cells:
        key = id(weights.training)
        if key not in folders:
            folders[key] = _folder(weights)
        path = checkpoint_file(folders[key], 0, weights.epoch)
        word = config.model.checkpoint
        config.model.checkpoint = str(path)
        config.names.model = config.names.model.replace(word, path.name)


def _folder(weights: Weights) -> Path:
    """The folder of a training, which need not exist."""
    from bench.running.training_cell import TrainingCell

    try:
        known = TrainingCell(weights.training).identify()
    except UserError as error:
        raise UserError(f"training {weights.name}: {error}") from None
    return Store(Path(weights.training.results).absolute()).place(StoredTraining, known.slug, known.identity)


def refused(weights: Weights, path: str, result: Result) -> Result | None:
    """What comes of a cell whose training did not store its weights; None if it did.

    Args:
        weights: which.
        path: their file.
        result: what came of the training.
    """
    if Path(path).is_file():
        return None
    if result.document is None:
        status = NOT_APPLICABLE if result.status == NOT_APPLICABLE else ERROR
        return Result(status, reason=f"training {weights.name} has no weights: {result.reason}")
    return Result(ERROR, reason=f"training {weights.name} diverged before epoch {weights.epoch}, so it has no weights")


def forget_awaited(root: Path) -> None:
    """Removes the records of cells that failed for want of weights which are there now.

    Such a record has an identity of its own, because the hash of the weights was not known.

    Args:
        root: the results folder.
    """
    for kind in KINDS:
        found, _ = store.cells(root, kind)
        for cell in found:
            wanted = read_awaited((cell.facts.get("contents") or {}).get("checkpoint"))
            training = wanted and Store(root).folder(StoredTraining, wanted[0])
            if wanted and training and checkpoint_file(training, *wanted[1:]).is_file() and not cell.done():
                shutil.rmtree(cell.folder, ignore_errors=True)
