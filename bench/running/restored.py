"""Builds again what a stored cell was scored with: its data, its tokeniser and its metrics; no model and no attack.

A record names the options of its cell and their settings, but not the folders of this machine, and anybody may have
written it. So classes and folders come from the options as they are on this machine, and only settings from the record.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from omegaconf import DictConfig, OmegaConf

from bench.config import options
from bench.config.compose import compose
from bench.config.instantiate import instantiate
from bench.config.overrides import read
from bench.datamodules.base import VictimDataModule
from bench.errors import UserError
from bench.host.capacity import THREADS
from bench.models.text.tokenizer import Tokenizer
from bench.results import document as documents
from bench.results.identity import PLACES, metric_identity, node_identity
from bench.running.components import adopt_tokenizer
from bench.storage.portable import portable

_DATA, _VOCABULARY = "data.root", "model.vocabulary.root"
_ALLOWED = re.compile(r"metric(\..+)?|data\.root|model\.vocabulary\.root|paths\.\w+|trainer(\.\w+)?")


@dataclass(frozen=True)
class Request:
    """What the user asks of a rescoring: metrics to add, and the places of data and weights.

    Args:
        overrides: overrides as `leakbench run` takes them, of the metrics, of places and of the trainer.
        keys: the keys of these overrides, in order.
        config_dir: a folder with options of the user's own.
    """

    overrides: tuple[str, ...]
    keys: tuple[str, ...]
    config_dir: Path | None

    @classmethod
    def of(cls, overrides: list[str], config_dir: Path | None) -> Request:
        """Reads the overrides.

        Raises:
            UserError: an override is wrong, or would change what was attacked.
        """
        texts, parsed = read(overrides)
        keys = tuple(one.key_or_group for one in parsed)
        for text, key in zip(texts, keys):
            if not _ALLOWED.fullmatch(key):
                raise UserError(
                    f"{text}: a stored cell keeps its settings; rescore takes metric=NAME, metric.KEY.ARG=..., "
                    "data.root, model.vocabulary.root, paths.... and trainer (leakbench rescore --help)"
                )
        request = cls(tuple(texts), keys, config_dir)
        metrics = [text for text, key in zip(texts, keys) if key not in (_DATA, _VOCABULARY)]
        try:
            compose(metrics, config_dir)
        except UserError:
            if not any(key.startswith("metric.") for key in keys):
                raise
            compose(["data=sentences", *metrics], config_dir)  # the key may be one of a metric of sentences
        return request

    def named(self, cfg: DictConfig) -> list[str]:
        """The keys of the metrics that the overrides name."""
        if "metric" in self.keys:
            return list(cfg.metric)
        named = [key.split(".")[1] for key in self.keys if key.startswith("metric.")]
        return [key for key in dict.fromkeys(named) if key in cfg.metric]


def composed(request: Request, config: Mapping[str, Any]) -> DictConfig:
    """The options of a stored cell as they are on this machine, with the overrides of the request.

    Args:
        request: what the user asks for.
        config: the stored config of the cell.

    Raises:
        UserError: the cell's options are not on this machine, or the overrides do not fit them.
    """
    groups = {"data": _DATA} | ({"model": _VOCABULARY} if "vocabulary" in (config.get("model") or {}) else {})
    words: list[str] = []
    for group in groups:
        name = (config.get("names") or {}).get(group)
        found = re.match(r"\w+", name) if isinstance(name, str) else None
        if found is None:
            raise UserError(f"its record does not say which option of {group} it was made of")
        words += [f"{group}={found[0]}", *_required(group, found[0], config, request)]
    given = [
        text
        for text, key in zip(request.overrides, request.keys)
        if key not in (_DATA, _VOCABULARY) or (key in groups.values() and _at(config, key) is not _ABSENT)
    ]
    return _cached((*words, *given), request.config_dir)


@functools.lru_cache(maxsize=64)
def _cached(words: tuple[str, ...], config_dir: Path | None) -> DictConfig:
    return compose(list(words), config_dir)


def _required(group: str, option: str, config: Mapping[str, Any], request: Request) -> list[str]:
    """Overrides for the keys of an option that have no value of their own, with the values of the record."""
    entry = options.entries(group, request.config_dir).get(option)
    node: Any = OmegaConf.to_container(OmegaConf.load(entry.path)) if entry else {}
    keys = [f"{group}.{name}" for name, value in node.items() if value == "???"]
    values = {key: _at(config, key) for key in keys if key not in request.keys}
    return [f"{key}={value}" for key, value in values.items() if isinstance(value, str | int)]


def metric_nodes(request: Request, cfg: DictConfig, facts: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """`{metric key: node}` of the metrics that the cell was scored with, and of those that the request names.

    Args:
        request: what the user asks for.
        cfg: the result of `composed`.
        facts: of the cell.

    Raises:
        UserError: the request gives a metric other settings than its stored scores have, or a class of the cell's own
            metrics is not on this machine.
    """
    fresh: Any = OmegaConf.to_container(cfg.metric)
    stored = (facts.get("config") or {}).get("metric") or {}
    nodes = {key: fresh[key] for key in request.named(cfg)}
    for key, node in nodes.items():
        known = (facts.get("metrics") or {}).get(key)
        if known is not None and known.get("identity") != metric_identity(key, node):
            raise UserError(f"metric.{key} has other settings than its stored scores, which are never replaced")
    for key, node in stored.items():
        if key not in nodes:
            own = fresh.get(key)
            if own is None and key in options.entries("metric", request.config_dir):
                places = [text for text, name in zip(request.overrides, request.keys) if name.startswith("paths.")]
                made: Any = OmegaConf.to_container(_cached((f"metric={key}", *places), request.config_dir).metric)
                own = made.get(key)
            if own is None:
                raise UserError(f"metric {key!r} of this cell is not on this machine (--config-dir?)")
            nodes[key] = restored(f"metric.{key}", own, node, request.keys)
    return nodes


def data_of(request: Request, cfg: DictConfig, config: Mapping[str, Any]) -> tuple[VictimDataModule, Tokenizer | None]:
    """The data of a stored cell, read, and the tokeniser of its model if they are sentences.

    Args:
        request: what the user asks for.
        cfg: the result of `composed`.
        config: the stored config of the cell.

    Raises:
        UserError: the data or the vocabulary are not on this machine.
    """
    fresh: Any = OmegaConf.to_container(cfg)
    data: VictimDataModule = instantiate(restored("data", fresh["data"], config["data"], request.keys), "data")
    model = config.get("model") or {}
    node: dict[str, Any] = {}
    if "vocabulary" in model:
        own = fresh["model"]["vocabulary"]
        node["vocabulary"] = restored("model.vocabulary", own, model["vocabulary"], request.keys)
        node["head"] = model.get("head")
    tokenizer = adopt_tokenizer(OmegaConf.create(node), data)
    data.setup("test")
    return data, tokenizer


def restored(
    key: str, fresh: Mapping[str, Any], stored: Mapping[str, Any], given: tuple[str, ...] = ()
) -> dict[str, Any]:
    """The node of an option on this machine with the settings of the record.

    Args:
        key: the node's dotted key.
        fresh: the node as it is on this machine.
        stored: the node of the record, in which the last name stands for each absolute path.
        given: the keys that the user gives now; they are taken from `fresh`.

    Raises:
        UserError: the class, its version, or a setting that it takes, is another one than that of the record.
    """
    node = _overlaid(key, fresh, stored, given)
    if node_identity(key, documents.plain(portable(node))) != node_identity(key, stored):
        raise UserError(f"{key} is of another class, or takes other settings, than when the cell was stored")
    return node


def _overlaid(key: str, fresh: Mapping[str, Any], stored: Mapping[str, Any], given: tuple[str, ...]) -> dict[str, Any]:
    node = dict(fresh)
    for name, value in stored.items():
        own, place = fresh.get(name), f"{key}.{name}"
        if isinstance(value, Mapping) and isinstance(own, Mapping):
            node[name] = _overlaid(place, own, value, given)
        elif place in PLACES:
            node[name] = _placed(place, own, value, given)
        elif name not in fresh and "_target_" in fresh:
            continue  # the class does not take it any more, which `restored` refuses
        elif name not in ("_target_", "version") and portable(own) != value:
            if _names_a_class(value):
                raise UserError(f"{place} names a class in the record of the cell, and classes are not taken from it")
            node[name] = value
    return node


def _placed(key: str, own: Any, stored: Any, given: tuple[str, ...]) -> Any:
    """The place of files at a key, of which the record has the last name only."""
    if key in given or key.startswith("metric.") or portable(own) == stored:
        return own
    if key == _VOCABULARY and stored is not None:
        raise UserError(f"the vocabulary of its model was read from {stored!r}; say {key}=PLACE")
    return stored if stored is None or (isinstance(stored, str) and Path(stored).exists()) else own


def _names_a_class(value: Any) -> bool:
    if isinstance(value, Mapping):
        return "_target_" in value or any(map(_names_a_class, value.values()))
    return isinstance(value, list) and any(map(_names_a_class, value))


_ABSENT = object()


def _at(config: Mapping[str, Any], key: str) -> Any:
    found: Any = config
    for name in key.split("."):
        found = found.get(name, _ABSENT) if isinstance(found, Mapping) else _ABSENT
    return found


@contextmanager
def numerics(engine: Mapping[str, Any]) -> Iterator[None]:
    """Computes the block with the threads and the precision of products that the run of a cell had.

    Args:
        engine: the node `engine` of the cell's stored config.
    """
    products: tuple[Any, ...] = (torch.backends.cuda.matmul, torch.backends.cudnn)
    threads, before = torch.get_num_threads(), [one.allow_tf32 for one in products]
    wanted = engine.get("threads")
    try:
        if type(wanted) is int and 1 <= wanted <= THREADS:
            torch.set_num_threads(wanted)
        for one in products:
            one.allow_tf32 = engine.get("tf32") is True
        yield
    finally:
        torch.set_num_threads(threads)
        for one, allowed in zip(products, before):
            one.allow_tf32 = allowed
