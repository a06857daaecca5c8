"""Who takes part in a cell: data, client, attack, scorer, engine and logger, built from its config."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from omegaconf import DictConfig, OmegaConf
from pytorch_lightning.utilities.rank_zero import rank_zero_only
from torch import nn

from bench.attacks.base import Attack
from bench.client import Client
from bench.config.instantiate import import_target, instantiate
from bench.datamodules.base import VictimDataModule
from bench.datamodules.public_images import public_images
from bench.defenses.base import Defense
from bench.defenses.stack import Stack
from bench.download.hub_name import provenance, revision
from bench.engine.settings import EngineSettings
from bench.errors import NotApplicable, UserError
from bench.host.capacity import check_inputs, check_rows, check_threads
from bench.loggers.base import CellLogger
from bench.messages.data_facts import DataFacts
from bench.metrics.scorer import Scorer
from bench.modalities.lookup import modality
from bench.models import checkpoint
from bench.models.losses import loss_of
from bench.models.shared import choose
from bench.models.text.tokenizer import Tokenizer
from bench.models.text.vocabulary import Vocabulary
from bench.results.stored_training import awaited
from bench.running.model_memory import check_model, check_size
from bench.running.model_probes import known_info, probe_of, remember
from bench.storage.hashing import sha256
from bench.terminal.printable import visible
from bench.terminal.progress import console
from bench.threat import Threat

_PRETRAINED = ("model.source", "model.weights", "attack.language_model.source")  # keys that name pretrained weights
_PRIVATE_SHARE = 100  # images of one's own for each image of a batch, from which their mean says nothing of the batch


@dataclass
class Contents:
    """What a cell's config points to: read from files, before any model is built.

    Args:
        data: set up.
        tokenizer: of sentences; None for data that are not tokenised.
        scorer: knows which scores there can be.
        checkpoint: SHA-256 of the weights' file, if there is one.
        pretrained: see `revisions`.
    """

    data: VictimDataModule
    tokenizer: Tokenizer | None
    scorer: Scorer
    checkpoint: str | None
    pretrained: dict[str, str]


def read_contents(cfg: DictConfig, *, scored: bool = True) -> Contents:
    """Reads data and the files of weights, and builds the metrics if something is to be scored; writes nothing.

    Raises:
        UserError: something is not there, cannot be read, or does not go with the rest.
    """
    data: VictimDataModule = instantiate(cfg.data, "data")
    metrics = {name: instantiate(node, f"metric.{name}") for name, node in cfg.metric.items() if scored}
    check_kinds(cfg, data)  # a model of images brings no tokeniser
    tokenizer = adopt_tokenizer(cfg.model, data)
    check_rows(data.victims, data.batch_size)
    data.setup("test")
    check_inputs(data.victims, data.batch_size, math.prod(data.shape))
    scorer = modality(data.modality).scorer(metrics, tokenizer)
    scorer.inspect(data.shape)
    return Contents(data, tokenizer, scorer, checkpoint_hash(cfg.model), revisions(cfg))


def checkpoint_hash(node: DictConfig) -> str | None:
    """SHA-256 of the weights' file of a model, if it has one.

    For weights that a training of this results folder has yet to store, `awaited` words stand for the hash, so that a
    cell that failed for want of them can be kept on record. Building the model refuses them.

    Raises:
        UserError: it cannot be read.
    """
    _check_checkpoint(node)
    if node.checkpoint is None:
        return None
    file = Path(node.checkpoint).expanduser()
    if file.is_file():
        return sha256(file)
    if words := awaited(file):
        return words
    raise UserError(f"model.checkpoint={node.checkpoint!r}: no such file")


def _check_checkpoint(node: DictConfig) -> None:
    if node.checkpoint is not None and node.per_victim:
        raise UserError("model.checkpoint needs model.per_victim=false: all victims share the weights in the file")


@dataclass
class Components:
    """What a cell is built from."""

    data: VictimDataModule
    client: Client
    attack: Attack
    scorer: Scorer
    engine: EngineSettings
    logger: CellLogger


def build(cfg: DictConfig, contents: Contents | None = None) -> Components:
    """Builds every component and checks that they suit each other; writes nothing.

    Args:
        cfg: of the cell.
        contents: what has been read for it; None to read it here.
    """
    logger: CellLogger = instantiate(cfg.logger, "logger")
    engine = instantiate_engine(cfg.engine)
    attack: Attack = instantiate(cfg.attack, "attack", engine=engine)
    contents = contents or read_contents(cfg)
    data = contents.data
    control = bool(cfg.attack.control)
    if data.classes is None and not control:
        raise NotApplicable(f"data '{data.title}' has no labels: it serves controls and pictures only (attack=noise)")
    if data.classes == 1 and not control:
        raise NotApplicable(f"data '{data.title}' has one class: a loss over one class has no gradient to attack")
    client = client_of(cfg, contents, engine, grant_mean=control and "mean_image" in attack.needs)
    attack.check(client.share(data.deal([0])))
    return Components(data, client, attack, contents.scorer, engine, logger)


def client_of(cfg: DictConfig, contents: Contents, engine: EngineSettings, *, grant_mean: bool = False) -> Client:
    """The private side of a cell; writes nothing.

    Args:
        cfg: of the cell.
        contents: what has been read for it.
        engine: its type is that of the client's gradient.
        grant_mean: see `Client`.
    """
    data, facts = contents.data, facts_of(contents.data, contents.tokenizer)
    threat: Threat = instantiate(cfg.threat, "threat")
    facts = replace(facts, public=public_images(data, threat.most_public_images))
    check_model(cfg, given(facts), data.victims)
    defense = defense_of(cfg.defense)
    changed = cfg.defense if defense.changes_model else None
    probe = probe_of(cfg.model, facts, data.batch_size, contents.checkpoint, changed)
    client = Client(
        model_builder(cfg.model, facts),
        loss_of(cfg.model.loss),
        per_victim=cfg.model.per_victim,
        mode=cfg.model.mode,
        defense=defense,
        threat=threat,
        data=facts,
        batch_size=data.batch_size,
        seed=cfg.seed,
        grant_mean=grant_mean,
        dtype=engine.dtype,
        info=known_info(probe),
    )
    remember(probe, client.facts)
    check_size(cfg, client.facts.parameters, data.victims)
    return client


def defense_of(node: Mapping[str, Any]) -> Defense:
    """What the config's node `defense` describes; a node without `_target_` is no defence.

    Raises:
        UserError: a parameter is out of its range.
    """
    return instantiate(node, "defense") if "_target_" in node else Stack([])


def check_kinds(cfg: DictConfig, data: VictimDataModule) -> None:
    """Refuses a model of another kind of data: sentences need one that takes a tokeniser, images one that does not."""
    kind = modality(data.modality)
    target = import_target(cfg.model["_target_"], "model")
    if ("tokenizer" in inspect.signature(target).parameters) != kind.tokenized:
        raise UserError(
            f"data '{data.title}' holds {kind.name}, and model '{cfg.names.model}' does not take them "
            f"(try model={kind.model})"
        )


def adopt_tokenizer(node: DictConfig, data: VictimDataModule) -> Tokenizer | None:
    """Hands sentences the tokeniser of their model, before they are read; None for data that are not tokenised."""
    if not modality(data.modality).tokenized:
        return None
    vocabulary: Vocabulary = instantiate(node.vocabulary, "model.vocabulary")
    tokenizer = data.adopt(vocabulary.make, node.head)
    assert isinstance(tokenizer, Tokenizer)
    return tokenizer


def facts_of(data: VictimDataModule, tokenizer: Tokenizer | None) -> DataFacts:
    """What the client has to know of the data.

    The mean of a user's own images counts as public where each batch is a hundredth of them at most.
    """
    known = data.public or data.size_of_pool >= _PRIVATE_SHARE * data.batch_size
    mean = data.mean_image if known else None
    facts = DataFacts(data.shape, data.classes or 1, mean, tokenizer, surrogate=data.set_aside, hidden=data.hidden)
    return replace(facts, columns=data.columns, input_range=data.input_range)


def revisions(cfg: DictConfig) -> dict[str, str]:
    """Which pretrained weights stand at each key of the config that names some (`bench.download.hub_name.revision`)."""
    named = {key: OmegaConf.select(cfg, key) for key in _PRETRAINED}
    found = {key: revision(source) for key, source in named.items() if isinstance(source, str)}
    return {key: value for key, value in found.items() if value is not None}


def sources(cfg: DictConfig, data: VictimDataModule, checkpoint: str | None) -> dict[str, dict[str, str]]:
    """Where data and weights come from, for the record: `{key of the config: {"name", "commit", "sha256"}}`.

    `data` has a `fingerprint` of all examples as well. What is not known is absent.

    Args:
        cfg: of the cell.
        data: set up.
        checkpoint: SHA-256 of the weights' file, if there is one.
    """
    found = {"data": {"fingerprint": data.fingerprint, **data.provenance}}
    if checkpoint is not None:
        found["model.checkpoint"] = {"sha256": checkpoint}
    for key in (*_PRETRAINED, "model.vocabulary.root"):
        source = OmegaConf.select(cfg, key)
        if isinstance(source, str) and (known := provenance(source)):
            found[key] = known
    return found


def instantiate_engine(node: DictConfig) -> EngineSettings:
    """The engine's settings; a given number of threads takes effect here, for what is not the engine's as well."""
    check_threads(node.threads, "engine.threads")
    if node.threads is not None:
        torch.set_num_threads(node.threads)
    torch.backends.cuda.matmul.allow_tf32 = node.tf32
    torch.backends.cudnn.allow_tf32 = node.tf32  # on by default in torch
    compile_ = None if node.compile == "auto" else bool(node.compile)
    return EngineSettings(chunk=node.chunk, threads=node.threads, compile=compile_, precision=node.dtype)


def model_builder(node: DictConfig, facts: DataFacts) -> Callable[[], nn.Module]:
    """What makes the model.

    Raises:
        UserError: a checkpoint with a fresh model per victim, or one that does not fit.
    """
    _check_checkpoint(node)
    known = given(facts)

    def make() -> nn.Module:
        model: nn.Module = instantiate(node, "model", **known)
        if node.checkpoint is not None:
            checkpoint.load(model, node.checkpoint)
        choose(model, node.get("shared"))
        return model

    if node.checkpoint is not None:
        fresh: nn.Module = instantiate(node, "model", **known)
        checkpoint.load(fresh, node.checkpoint, notice)
    return make


@rank_zero_only
def notice(sentence: str) -> None:
    """One line on standard error."""
    console.print(f"leakbench: {visible(sentence)}", markup=False, soft_wrap=True)


def given(facts: DataFacts) -> dict[str, Any]:
    """What a model is told beside its config."""
    known: dict[str, Any] = {"shape": facts.shape, "classes": facts.classes}
    return known if facts.tokenizer is None else {**known, "tokenizer": facts.tokenizer}
