"""What a defence costs: a classifier is trained under it, run after run -> `Trainer.fit`, `Trainer.test` -> store."""

from __future__ import annotations

import platform
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from omegaconf import DictConfig, OmegaConf
from pytorch_lightning.utilities.exceptions import MisconfigurationException
from torch import nn

from bench.client import DataFacts
from bench.config.display_names import title
from bench.config.instantiate import instantiate
from bench.defenses.base import ClientContext, Defense, GradientDefense
from bench.defenses.privacy import Privacy
from bench.defenses.stack import defense_of, described, schedule_of
from bench.engine.rng import seed_of, seeded
from bench.errors import NotApplicable, Unwritable, UserError
from bench.host.capacity import require_memory
from bench.models.differentiable_norms import replace_norms
from bench.models.introspect import Loss, check_training, introspect
from bench.models.losses import loss_of
from bench.models.shared import trained
from bench.results.price_summary import summarise
from bench.results.prices import PriceCell, Prices, price_identity
from bench.running.components import check_model, instantiate_engine, model_builder
from bench.running.leak_cell import device_in_words, environment
from bench.storage.hashing import sha256
from bench.storage.provenance import commit, versions
from bench.terminal.printable import visible
from bench.terminal.progress import bars
from bench.training.classifier import Classifier
from bench.training.schedule import TrainingSchedule
from datamodules.base import VictimDataModule
from datamodules.images import ImageDataModule
from datamodules.labelled import LabelledSplit, held_out, labelled
from datamodules.pool import Pool

_NORMS = (nn.modules.batchnorm._BatchNorm,)


@dataclass
class TrainingComponents:
    """What a price is made of."""

    data: VictimDataModule
    train: Pool
    test: Pool
    build: Callable[[], nn.Module]
    loss: Loss
    defense: Defense
    local: ClientContext
    schedule: TrainingSchedule
    checkpoint: str | None  # SHA-256 of the weights' file

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


def run_price(cfg: DictConfig) -> dict[str, Any]:
    """Trains what is lacking of one price and returns its document (`bench.results.price_summary`).

    Args:
        cfg: of `bench.config.compose.compose`, with a node `training`.

    Raises:
        UserError: before anything is written: what the user asked for cannot be done.
        NotApplicable: likewise: nothing can be trained under this defence.
    """
    trainee = build(cfg)
    cell = open_price(cfg, trainee)
    todo = sorted(set(range(trainee.schedule.runs)) - {row["run"] for row in cell.runs()})
    labels = cell.facts["labels"]
    with bars() as drawn:
        bar = drawn.add_task(visible(f"training {labels['defense']} {labels['data']}"), total=len(todo), note="")
        for run in todo:
            cell.append(train(cfg, trainee, cell, run))
            drawn.advance(bar)
        drawn.remove_task(bar)
    return summarise(cell)


def build(cfg: DictConfig) -> TrainingComponents:
    """Everything that is trained with and on; writes nothing."""
    instantiate_engine(cfg.engine)
    schedule: TrainingSchedule = instantiate(cfg.training, "training")
    require_memory(schedule.runs * 1_000, f"training.runs={schedule.runs}: the rows of so many", "take fewer")
    data, train, test = split(cfg, schedule)
    facts = DataFacts(train.shape, train.classes or 1, train.mean_image)
    check_model(cfg, facts, 1)
    maker, weights = model_builder(cfg.model, facts)
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
    trainee = TrainingComponents(data, train, test, maker, loss, defense, local, schedule, weights)
    classifier(cfg, trainee, 0)  # a defence that cannot be trained under is refused before anything is written
    return trainee


def split(cfg: DictConfig, schedule: TrainingSchedule) -> tuple[VictimDataModule, Pool, Pool]:
    """The data set, and its examples to train and to test on.

    Raises:
        UserError: it is not on this machine, has no labels, is too small, or knows no official splits.
        NotApplicable: it is not of images.
    """
    node = OmegaConf.to_container(cfg.data, resolve=True)
    assert isinstance(node, dict)
    data: VictimDataModule = instantiate(node, "data")
    _of_images(data)
    data.setup()
    if schedule.split == "held_out":
        assert schedule.train is not None and schedule.test is not None
        return data, *held_out(data, schedule.train, schedule.test, schedule.split_seed)
    if "split" not in node:
        raise UserError(f"training.split=official: data '{data.title}' has no splits (training.split=held_out)")
    pools = []
    for word in ("train", "test"):
        one: VictimDataModule = instantiate({**node, "split": word}, "data")
        one.setup()
        pools.append(labelled(one))
    return data, pools[0], pools[1]


def _of_images(data: VictimDataModule) -> None:
    """
    Raises:
        NotApplicable: it is of something else: said before it is read, which sentences need a tokeniser for.
    """
    if not isinstance(data, ImageDataModule):
        raise NotApplicable(
            f"data '{data.title}' holds {data.things}: `leakbench train` trains classifiers of images, so what a "
            f"defence costs on {data.things} has no price here"
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


def train(cfg: DictConfig, trainee: TrainingComponents, cell: PriceCell, run: int) -> dict[str, Any]:
    """One training run as a row of the store."""
    schedule = trainee.schedule
    started = datetime.now(UTC).isoformat(timespec="seconds")
    seed = seed_of(cfg.seed, "training order", run)
    data = LabelledSplit(trainee.train, trainee.test, schedule.batch_size, trainee.sampling, seed)
    module = classifier(cfg, trainee, run)
    trainer = make_trainer(cfg, schedule.epochs)
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
        "bytes_per_step": cell.facts["defense"]["bytes"],
        "encoding": cell.facts["defense"]["encoding"],
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


def make_trainer(cfg: DictConfig, epochs: int) -> pl.Trainer:
    """Lightning's trainer, on one device: what is measured is one client's step.

    Raises:
        UserError: this machine does not have the device.
    """
    settings: dict[str, Any] = {**cfg.trainer, "inference_mode": True, "num_nodes": 1, "strategy": "auto"}
    if not isinstance(settings["devices"], list) and settings["devices"] != 1:
        settings["devices"] = 1
    try:
        return pl.Trainer(
            **settings,
            plugins=environment(),
            max_epochs=epochs,
            logger=False,
            enable_progress_bar=False,
            use_distributed_sampler=False,
            num_sanity_val_steps=0,
            default_root_dir=cfg.results,
        )
    except (MisconfigurationException, ValueError, TypeError) as error:
        raise UserError(f"trainer: {' '.join(str(error).split())}") from error


def open_price(cfg: DictConfig, trainee: TrainingComponents) -> PriceCell:
    """The price's folder, made if need be."""
    config: Any = OmegaConf.to_container(cfg, resolve=True)
    own, facts = identified(config, trainee.data.fingerprint, trainee.checkpoint, trainee.data.title)
    model = trainee.local.model
    shapes = {name: tuple(model.get_parameter(name).shape) for name in trained(model)}
    facts |= {
        "defense": described(trainee.defense, trainee.local, shapes),
        "schedule": trainee.schedule.words,
        "model": {"parameters": sum(value.numel() for value in model.parameters() if value.requires_grad)},
        "data": {"train": len(trainee.train), "test": len(trainee.test), "split": trainee.schedule.split},
    }
    return Prices(Path(cfg.results)).cell(slug(facts), own, facts)


def identified(config: Any, data: str, checkpoint: str | None, called: str) -> tuple[str, dict[str, Any]]:
    """Identity of a price, and the facts that hold whether it can be trained or not."""
    names = config["names"]
    labels = {name: names[name] for name in ("model", "defense", "training")}
    labels["data"] = title(called, names["data"])
    contents = {"data": data, "checkpoint": checkpoint}
    return price_identity(config, contents), {"labels": labels, "config": config, "contents": contents}


def slug(facts: dict[str, Any]) -> str:
    """What a person reads in the folder's name."""
    return "-".join(facts["labels"][name] for name in ("defense", "data", "model"))


def record_failure(cfg: DictConfig, status: str, reason: str) -> None:
    """Keeps on record that a price could not be found, where its data can be read."""
    config: Any = OmegaConf.to_container(cfg, resolve=True)
    try:
        data: VictimDataModule = instantiate(cfg.data, "data")
        _of_images(data)
        data.setup()
        weights = sha256(Path(given).expanduser()) if (given := cfg.model.checkpoint) else None
    except (UserError, OSError):
        return
    own, facts = identified(config, data.fingerprint, weights, data.title)
    try:
        price = Prices(Path(cfg.results)).cell(slug(facts), own, facts)
    except Unwritable:
        raise
    except UserError:  # its record cannot be read: that is what failed
        return
    price.fail(status, reason)
