"""What a training is made of, built from its config."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from omegaconf import DictConfig, OmegaConf
from torch import nn

from bench.config.instantiate import instantiate
from bench.datamodules.base import VictimDataModule
from bench.datamodules.labelled import held_out, labelled
from bench.datamodules.pool import Pool
from bench.defenses.base import ClientContext, Defense, GradientDefense, ModelDefense
from bench.defenses.example_defense import ExampleDefense
from bench.defenses.example_form import ExampleForm
from bench.defenses.stack import schedule_of
from bench.engine.rng import seed_of, seeded
from bench.errors import NotApplicable, UserError
from bench.host.capacity import require_memory
from bench.messages.data_facts import DataFacts
from bench.modalities.lookup import modality
from bench.models.differentiable_norms import replace_norms
from bench.models.introspect import check_training, introspect
from bench.models.losses import loss_of
from bench.models.second_derivative import Loss
from bench.models.soft_labels import soft_labels
from bench.running.components import defense_of, given, instantiate_engine, model_builder
from bench.running.model_memory import check_model
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
        """How steps are drawn: by the schedule, or as the privacy guarantee needs it, if the defence has one.

        Clients and local steps deal out a batch, which then has to have the same size in each step.
        """
        if self.dealt:
            return "shuffle"
        privacy = self.defense.privacy(None)
        return privacy.sampling if privacy else self.schedule.sampling

    @property
    def dealt(self) -> bool:
        """Whether a batch is dealt out to clients or local steps."""
        return bool(schedule_of(self.defense, self.local).parts)


def build(cfg: DictConfig, data: VictimDataModule) -> TrainingComponents:
    """Everything that is trained with and on; writes nothing."""
    instantiate_engine(cfg.engine)
    schedule: TrainingSchedule = instantiate(cfg.training, "training")
    require_memory(schedule.runs * 1_000, f"training.runs={schedule.runs}: the rows of so many", "take fewer")
    train, test = split(cfg, data, schedule)
    facts = DataFacts(train.shape, train.classes or 1, train.mean_image)
    check_model(cfg, given(facts), 1)
    defense = defense_of(OmegaConf.to_container(cfg.defense, resolve=True))  # type: ignore[arg-type]
    plain = model_builder(cfg.model, facts)

    def maker() -> nn.Module:
        return defense.change_model(plain())

    loss = loss_of(cfg.model.loss)
    with seeded(cfg.seed, "training", 0):
        model = maker()
    replace_norms(model)
    found = introspect(model.eval(), loss, facts.shape, facts.classes, 2)
    labels = soft_labels(loss, (schedule.batch_size, facts.classes), torch.device("cpu"))
    check_training(model, facts.shape, schedule.batch_size)
    local = ClientContext(
        model=model,
        batch_size=schedule.batch_size,
        last_linear=found.last_linear,
        batch_statistics=any(isinstance(layer, _NORMS) for layer in model.modules()),
        frozen_statistics=False,
        mappable=found.mappable,
        examples=ExampleForm(facts.shape, facts.classes, False, labels.refusal, soft=False),
    )
    trainee = TrainingComponents(train, test, maker, labels.loss, defense, local, schedule)
    classifier(cfg, trainee, 0)  # a defence that cannot be trained under is refused before anything is written
    return trainee


def read_data(cfg: DictConfig) -> VictimDataModule:
    """The data set, read.

    Raises:
        UserError: it is not on this machine.
        NotApplicable: it is not of images.
    """
    data: VictimDataModule = instantiate(cfg.data, "data")
    _check_trainable(data)
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


def _check_trainable(data: VictimDataModule) -> None:
    """Refuses data of which no classifier can be trained, before they are read (sentences would need a tokeniser).

    Raises:
        NotApplicable: they are of another kind than images.
    """
    if not modality(data.modality).trainable:
        raise NotApplicable(
            f"data '{data.title}' holds {data.modality}: `leakbench train` trains classifiers of images, so what a "
            f"defence leaves of the accuracy on {data.modality} is not measured"
        )


def classifier(cfg: DictConfig, trainee: TrainingComponents, run: int) -> Classifier:
    """A fresh model of this run, under the defence.

    Raises:
        NotApplicable: the defence cannot be used in training this model.
    """
    with seeded(cfg.seed, "training", run):
        model = trainee.build().train()
    local, schedule = replace(trainee.local, model=model), trainee.schedule
    whole = GradientDefense, ExampleDefense, ModelDefense  # they leave a step one gradient of one batch
    others = [type(part).__name__ for part, _ in trainee.defense.flat(local) if not isinstance(part, whole)]
    if local.batch_statistics and others:
        raise NotApplicable(
            f"defense {', '.join(others)} computes on parts of a batch, each of which would move BatchNorm's running "
            "statistics: train a model with another normalisation"
        )
    steps = schedule.epochs * (len(trainee.train) // schedule.batch_size)
    seed = seed_of(cfg.seed, "training", run)
    return Classifier(model, trainee.loss, trainee.defense, local, schedule=schedule, steps=steps, seed=seed)
