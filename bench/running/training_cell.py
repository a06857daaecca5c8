"""A cell of a training: its units are runs of a classifier that is trained under a defence, then tested."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any, ClassVar

import torch
from omegaconf import DictConfig

from bench.config.display_names import title
from bench.config.instantiate import instantiate
from bench.datamodules.base import VictimDataModule
from bench.datamodules.labelled import LabelledSplit
from bench.defenses.privacy import Privacy
from bench.defenses.stack import described
from bench.engine.rng import seed_of
from bench.host import signals
from bench.loggers.base import CellLogger
from bench.models.shared import trained
from bench.results.failure import Failure
from bench.results.identity import trained_with, training_identity
from bench.results.stored_training import StoredTraining
from bench.results.training_summary import summarise
from bench.running.cell import Cell, Identified, called
from bench.running.components import checkpoint_hash
from bench.running.trainer import device_in_words, fitting_trainer
from bench.running.training_components import TrainingComponents, build, classifier, read_data
from bench.storage.provenance import stamp
from bench.terminal.printable import visible
from bench.terminal.progress import bars
from bench.training.checkpoints import CheckpointWriter
from bench.training.classifier import Classifier

NORMED = 64  # examples whose gradients tell the norm that a checkpoint says


class TrainingCell(Cell[StoredTraining]):
    """The trainings of one model, data set, defence and schedule: the accuracy that is left, and what a step costs."""

    kind: ClassVar[type[StoredTraining]] = StoredTraining

    parts: TrainingComponents

    @cached_property
    def data(self) -> VictimDataModule:
        """The data set, read."""
        return read_data(self.cfg)

    @cached_property
    def logger(self) -> CellLogger:
        """See `Cell.logger`."""
        found: CellLogger = instantiate(self.cfg.logger, "logger")
        return found

    def build(self) -> None:
        """See `Cell.build`."""
        assert self.logger is not None
        self.parts = build(self.cfg, self.data)

    def identify(self) -> Identified:
        """See `Cell.identify`."""
        config = self.config
        names = config["names"]
        labels = {name: names[name] for name in ("model", "defense", "training")}
        labels["data"] = title(self.data.title, names["data"])
        extra = {"data": self.data.fingerprint, "checkpoint": checkpoint_hash(self.cfg.model)}
        slug = "-".join(labels[name] for name in ("defense", "data", "model"))
        facts = {"labels": labels, "config": config, "contents": extra}
        return Identified(training_identity(config, extra), slug, facts)

    def done(self, stored: StoredTraining) -> set[int]:
        """See `Cell.done`: a run that lacks weights which are wanted is trained again, unless it diverged."""
        epochs = self.cfg.training.checkpoints
        return {
            row["run"]
            for row in stored.runs()
            if row["status"] != "trained" or all(stored.checkpoint(row["run"], epoch).is_file() for epoch in epochs)
        }

    def facts(self) -> dict[str, Any]:
        """See `Cell.facts`."""
        parts, model = self.parts, self.parts.local.model
        shapes = {name: tuple(model.get_parameter(name).shape) for name in trained(model)}
        return {
            "defense": described(parts.defense, parts.local, shapes),
            "schedule": parts.schedule.words,
            "model": {"parameters": sum(value.numel() for value in model.parameters() if value.requires_grad)},
            "data": {"train": len(parts.train), "test": len(parts.test), "split": parts.schedule.split},
        }

    def overview(self, stored: StoredTraining, todo: int) -> dict[str, Any]:
        """See `Cell.overview`."""
        facts, runs = stored.facts, self.wanted
        before = f", {runs - todo} of them stored already" if todo < runs else ""
        return {
            "defense": facts["labels"]["defense"],
            "data": f"{facts['labels']['data']}: {len(self.parts.train):,} to train, {len(self.parts.test):,} to test",
            "model": f"{facts['labels']['model']}: {facts['model']['parameters']:,} parameters",
            "schedule": facts["schedule"],
            "runs": f"{runs}{before}",
            "device": self.cfg.trainer.accelerator,
            "results": str(stored.folder),
        }

    def work(self, stored: StoredTraining, todo: Sequence[int]) -> None:
        """See `Cell.work`."""
        self.logger.open(called(self, stored))
        labels = stored.facts["labels"]
        with bars() as drawn:
            bar = drawn.add_task(visible(f"training {labels['defense']} {labels['data']}"), total=len(todo), note="")
            try:
                for run in todo:
                    stored.append(train(self.cfg, self.parts, stored, run))
                    drawn.advance(bar)
                    signals.check()
            finally:
                drawn.remove_task(bar)

    def read(self, stored: StoredTraining) -> list[dict[str, Any]]:
        """See `Cell.read`."""
        return stored.runs()

    def failed(self, rows: list[dict[str, Any]]) -> Failure | None:
        """See `Cell.failed`: a run that diverges has an accuracy, so none fails as a whole."""
        return None

    def summarise(self, stored: StoredTraining, rows: list[dict[str, Any]]) -> dict[str, Any]:
        """See `bench.results.training_summary`."""
        return summarise(stored)


def train(cfg: DictConfig, trainee: TrainingComponents, stored: StoredTraining, run: int) -> dict[str, Any]:
    """One training run as a row of the store."""
    schedule = trainee.schedule
    begun = stamp()
    seed = seed_of(cfg.seed, "training order", run)
    data = LabelledSplit(trainee.train, trainee.test, schedule.batch_size, trainee.sampling, seed)
    module = classifier(cfg, trainee, run)
    trainer = fitting_trainer(cfg, schedule.epochs, [checkpoint_writer(trainee, stored, run, data)])
    trainer.fit(module, data)
    module.eval()
    trainer.test(module, data, verbose=False)
    privacy = trainee.defense.privacy(None)
    return {
        "run": run,
        "status": "trained" if module.finite else "diverged",
        "correct": module.correct,
        "tested": module.tested,
        "steps": module.done,
        "seconds": module.seconds,
        "slowdown": slowdown(module, data),
        "bytes_per_step": stored.facts["defense"]["bytes"],
        "encoding": stored.facts["defense"]["encoding"],
        "epsilon": epsilon(privacy, trainee, data) if privacy else None,
        "delta": privacy.delta if privacy else None,
        "sampling": trainee.sampling,
        "optimiser": "SGD",
        "lr": schedule.lr,
        "momentum": schedule.momentum,
        "batch_size": schedule.batch_size,
        "epochs": schedule.epochs,
        "device": device_in_words(trainer),
        **begun,
    }


def checkpoint_writer(
    trainee: TrainingComponents, stored: StoredTraining, run: int, data: LabelledSplit
) -> CheckpointWriter:
    """What writes the weights of a run at the epochs that its schedule names."""
    config = trained_with(stored.facts["config"], stored.facts.get("contents") or {})
    return CheckpointWriter(
        trainee.schedule.checkpoints,
        lambda epoch: stored.checkpoint(run, epoch),
        data.test_dataloader,
        lambda: data.examples(NORMED),
        trainee.loss,
        {"run": run, "config": config},
    )


def epsilon(privacy: Privacy, trainee: TrainingComponents, data: LabelledSplit) -> float:
    """Of the whole training: of the sampled mechanism, or where nothing is sampled with one step an epoch for each."""
    rate = data.sample_rate if trainee.sampling == "poisson" else None
    return privacy.of_training(trainee.schedule.epochs, data.steps, rate)


def slowdown(module: Classifier, data: LabelledSplit) -> float:
    """See `Classifier.slowdown`; of a batch of the training."""
    places = next(LabelledSplit(data.train, data.test, data.batch_size, "shuffle", data.seed).epoch(0))
    inputs, labels = data.train.inputs(places), torch.from_numpy(data.train.labels[places])
    return module.train().slowdown(inputs.to(module.device), labels.to(module.device))
