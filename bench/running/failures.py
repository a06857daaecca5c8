"""Keeps on record that a cell as a whole has no result, so that a leaderboard shows it instead of leaving it out."""

from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from bench.config.display_names import title
from bench.config.instantiate import instantiate
from bench.errors import UserError
from bench.metrics.scorer import Scorer
from bench.results.identity import contents, identity
from bench.results.store import Store, load
from bench.running.components import adopt_tokenizer, check_kinds, revisions
from bench.storage.hashing import sha256
from datamodules.text_base import TextDataModule


def record_failure(cfg: DictConfig, status: str, reason: str) -> None:
    """Writes the failure under the identity that the cell has when it succeeds, so that a success takes its place.

    A cell whose data or weights cannot be read, sentences for lack of a tokeniser too, has no identity; its failure is
    only told, not stored.

    Args:
        cfg: of `bench.config.compose.compose`.
        status: `not_applicable` or `error`.
        reason: a sentence.

    Raises:
        UserError: the results folder cannot be written.
    """
    try:
        data = instantiate(cfg.data, "data")
        if isinstance(data, TextDataModule):
            check_kinds(cfg, data)  # a model of images brings no tokeniser
            adopt_tokenizer(cfg.model, data)
        data.setup("test")
        scorer = Scorer({name: instantiate(node, f"metric.{name}") for name, node in cfg.metric.items()})
        scorer.inspect(data.shape)
        given = cfg.model.checkpoint
        weights = sha256(Path(given).expanduser()) if given else None
        pretrained = revisions(cfg)
    except (UserError, OSError):
        return
    config: Any = OmegaConf.to_container(cfg, resolve=True)
    extra = contents(data.fingerprint, weights, pretrained, scorer.reasons)
    store, own = Store(Path(cfg.results)), identity(config, extra)
    labels = {**config["names"], "data": title(data.title, config["names"]["data"])}
    folders = sorted(store.cells.glob(f"[!.]*-{own}"))
    if folders:
        try:
            cell = load(folders[0])  # it has been opened: its facts say more than we can
        except ValueError:  # that is what failed
            return
    else:
        grants = {name: value for name, value in config["threat"].items() if isinstance(value, bool)}
        facts = {
            "labels": labels,
            "config": config,
            "control": bool(config["attack"].get("control")),
            "threat": {"letter": config["threat"].get("letter"), "grants": grants},
            "data": {"things": data.things},
            "contents": extra,
        }
        cell = store.cell("-".join(labels[name] for name in ("attack", "data", "model")), own, facts)
    cell.fail(status, reason)
