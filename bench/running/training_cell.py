"""A cell of a training: its units are runs of a classifier that is trained under a defence, then tested."""

from __future__ import annotations

import platform
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, ClassVar

import torch
from omegaconf import DictConfig, OmegaConf
from torch import nn

from bench.client import DataFacts
from bench.config.display_names import title
from bench.config.instantiate import instantiate
from bench.datamodules.base import VictimDataModule
from bench.datamodules.images import ImageDataModule
from bench.datamodules.labelled import LabelledSplit, held_out, labelled
from bench.datamodules.pool import Pool
from bench.defenses.base import ClientContext, Defense, GradientDefense
from bench.defenses.privacy import Privacy
from bench.defenses.stack import described, schedule_of
from bench.engine.rng import seed_of, seeded
from bench.errors import NotApplicable, UserError
from bench.host import signals
from bench.host.capacity import require_memory
from bench.loggers.base import CellLogger
from bench.models.differentiable_norms import replace_norms
from bench.models.introspect import Loss, check_training, introspect
from bench.models.losses import loss_of
from bench.models.shared import trained
from bench.results.identity import training_identity
from bench.results.store import Failure
from bench.results.stored_training import StoredTraining
from bench.results.training_summary import summarise
from bench.running.cell import Cell, Identified, called
from bench.running.components import check_model, checkpoint_hash, defense_of, instantiate_engine, model_builder
from bench.running.trainer import device_in_words, fitting_trainer
from bench.storage.provenance import commit, versions
from bench.terminal.printable import visible
from bench.terminal.progress import bars
from bench.training.classifier import Classifier
from bench.training.schedule import TrainingSchedule

_NORMS = (nn.modules.batchnorm._BatchNorm,)


@dataclass
class TrainingComponents:
    """What a training is made of."""

    train: Pool
    test: Pool
    build: Callable[[], nn.Module]
    loss: Loss
    defense: Defense
    local: ClientContext
    schedule: TrainingSchedule

    @property
    def sampling(self) -> str:
        """How steps are drawn: by the schedule, and Poisson where a privacy guarantee is accounted for that.

        Clients and local steps deal out a batch, which then has to have the same size in each step.
        """
        if self.dealt:
            return "shuffle"
        return "poisson" if self.defense.privacy(None) else self.schedule.sampling

    @property
    def dealt(self) -> bool:
        """Whether a batch is dealt out to clients or local steps."""
        return bool(schedule_of(self.defense, self.local).parts)


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

    def work(self, stored: StoredTraining, todo: list[int]) -> None:
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


def build(cfg: DictConfig, data: VictimDataModule) -> TrainingComponents:
    """Everything that is trained with and on; writes nothing."""
    instantiate_engine(cfg.engine)
    schedule: TrainingSchedule = instantiate(cfg.training, "training")
    require_memory(schedule.runs * 1_000, f"training.runs={schedule.runs}: the rows of so many", "take fewer")
    train, test = split(cfg, data, schedule)
    facts = DataFacts(train.shape, train.classes or 1, train.mean_image)
    check_model(cfg, facts, 1)
    maker = model_builder(cfg.model, facts)
    loss = loss_of(cfg.model.loss)
    with seeded(cfg.seed, "training", 0):
        model = maker()
    defense = defense_of(OmegaConf.to_container(cfg.defense, resolve=True))  # type: ignore[arg-type]
    replace_norms(model)
    found = introspect(model.eval(), loss, facts.shape, facts.classes, 2)
    check_training(model, facts.shape, schedule.batch_size)
    local = ClientContext(
        model=model,
        batch_size=schedule.batch_size,
        last_linear=found.last_linear,
        batch_statistics=any(isinstance(layer, _NORMS) for layer in model.modules()),
        frozen_statistics=False,
        mappable=found.mappable,
    )
    trainee = TrainingComponents(train, test, maker, loss, defense, local, schedule)
    classifier(cfg, trainee, 0)  # a defence that cannot be trained under is refused before anything is written
    return trainee


def read_data(cfg: DictConfig) -> VictimDataModule:
    """The data set, read.

    Raises:
        UserError: it is not on this machine.
        NotApplicable: it is not of images.
    """
    data: VictimDataModule = instantiate(cfg.data, "data")
    _of_images(data)
    data.setup()
    return data


def split(cfg: DictConfig, data: VictimDataModule, schedule: TrainingSchedule) -> tuple[Pool, Pool]:
    """The examples to train and to test on.

    Raises:
        UserError: the data set has no labels, is too small, or knows no official splits.
    """
    if schedule.split == "held_out":
        assert schedule.train is not None and schedule.test is not None
        return held_out(data, schedule.train, schedule.test, schedule.split_seed)
    node = OmegaConf.to_container(cfg.data, resolve=True)
    assert isinstance(node, dict)
    if "split" not in node:
        raise UserError(f"training.split=official: data '{data.title}' has no splits (training.split=held_out)")
    pools = []
    for word in ("train", "test"):
        one: VictimDataModule = instantiate({**node, "split": word}, "data")
        one.setup()
        pools.append(labelled(one))
    return pools[0], pools[1]


def _of_images(data: VictimDataModule) -> None:
    """
    Raises:
        NotApplicable: it is of something else: said before it is read, which sentences need a tokeniser for.
    """
    if not isinstance(data, ImageDataModule):
        raise NotApplicable(
            f"data '{data.title}' holds {data.things}: `leakbench train` trains classifiers of images, so what a "
            f"defence leaves of the accuracy on {data.things} is not measured"
        )


def classifier(cfg: DictConfig, trainee: TrainingComponents, run: int) -> Classifier:
    """A fresh model of this run, under the defence.

    Raises:
        NotApplicable: the defence cannot be used in training this model.
    """
    with seeded(cfg.seed, "training", run):
        model = trainee.build().train()
    local, schedule = replace(trainee.local, model=model), trainee.schedule
    others = [type(part).__name__ for part, _ in trainee.defense.flat(local) if not isinstance(part, GradientDefense)]
    if local.batch_statistics and others:
        raise NotApplicable(
            f"defense {', '.join(others)} computes on parts of a batch, each of which would move BatchNorm's running "
            "statistics: train a model with another normalisation"
        )
    steps = schedule.epochs * (len(trainee.train) // schedule.batch_size)
    seed = seed_of(cfg.seed, "training", run)
    return Classifier(model, trainee.loss, trainee.defense, local, schedule=schedule, steps=steps, seed=seed)


def train(cfg: DictConfig, trainee: TrainingComponents, stored: StoredTraining, run: int) -> dict[str, Any]:
    """One training run as a row of the store."""
    schedule = trainee.schedule
    started = datetime.now(UTC).isoformat(timespec="seconds")
    seed = seed_of(cfg.seed, "training order", run)
    data = LabelledSplit(trainee.train, trainee.test, schedule.batch_size, trainee.sampling, seed)
    module = classifier(cfg, trainee, run)
    trainer = fitting_trainer(cfg, schedule.epochs)
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
        "host": platform.node(),
        "device": device_in_words(trainer),
        "started": started,
        "commit": commit(),
        "versions": versions(),
    }


def epsilon(privacy: Privacy, trainee: TrainingComponents, data: LabelledSplit) -> float:
    """Of the whole training: of the sampled mechanism, or where nothing is sampled with one step an epoch for each."""
    epochs = trainee.schedule.epochs
    if trainee.sampling == "poisson":
        return privacy.epsilon(epochs * data.steps, data.sample_rate)
    return privacy.epsilon(epochs, 1.0)


def slowdown(module: Classifier, data: LabelledSplit) -> float:
    """See `Classifier.slowdown`; of a batch of the training."""
    places = next(LabelledSplit(data.train, data.test, data.batch_size, "shuffle", data.seed).epoch(0))
    inputs, labels = data.train.inputs(places), torch.from_numpy(data.train.labels[places])
    return module.train().slowdown(inputs.to(module.device), labels.to(module.device))
