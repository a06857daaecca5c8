"""Composes the config of a stored cell again, on this machine, as if its settings had been typed.

Anybody may have written the record. So classes and folders come from the options as they are on this machine, and only
numbers and plain words from the record; each is checked against its type like an override of the command line.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from hydra.core.override_parser.types import Transformer
from omegaconf import DictConfig, OmegaConf

from bench.config.compose import NAMED, compose
from bench.config.overrides import read
from bench.errors import UserError
from bench.results import document as documents
from bench.results.identity import OUTSIDE, PLACES, metric_identity
from bench.storage.portable import portable

_GROUPS = (*NAMED, "engine", "seed")
_DEEPEST = 8  # levels of settings
_WORD = re.compile(r"[\w-]+")  # no name of a class, a module, a file or a place on a hub
_KEY = re.compile(r"\w+(\.\w+)*")
_SILENT = ("logger=none", "report.images=0", "report.reconstructions=none")


def recomposed(facts: Mapping[str, Any], given: Sequence[str], config_dir: Path | None) -> DictConfig:
    """The config of a stored cell with the options of this machine; its identity may be another one.

    Args:
        facts: of the cell.
        given: overrides of the user's, such as `data.root=DIR`; they count more than the record.
        config_dir: a folder with options of the user's own.

    Raises:
        UserError: an option is not on this machine, or a setting of the record is not taken from it.
    """
    config: dict[str, Any] = facts.get("config") or {}
    texts, parsed = read(list(given))
    own = {override.key_or_group for override in parsed}
    words = [f"{group}={_option(config, group)}" for group in NAMED if group not in own]
    settings: list[str] = []
    for _ in range(_DEEPEST):
        cfg = compose([*words, *_SILENT, *settings, *texts], config_dir)
        found = [(key, value) for key, value in _differences(cfg, config) if key not in own]
        if not found:
            return _with_metrics(cfg, facts)
        # A setting may follow another one, as attack.step.lr and attack.priors follow attack.lr and attack.tv. So plain
        # settings at the top are set first, and what still differs then has a value of its own.
        plain = [(key, value) for key, value in found if _KEY.fullmatch(key) and _is_plain(value)]
        if not plain:
            raise UserError(
                f"{found[0][0]} of its record may name a class or a file, which is not taken from it; "
                f"say {found[0][0]}=..."
            )
        least = min(key.count(".") for key, _ in plain)
        settings += [f"{key}={Transformer.encode(value)}" for key, value in plain if key.count(".") == least]
    raise UserError(f"the settings of its record cannot be set here ({found[0][0]})")


def _option(config: Mapping[str, Any], group: str) -> str:
    """The option of a group that the record names: `lenet` of `lenet (activation=relu)`."""
    name = (config.get("names") or {}).get(group)
    found = re.match(r"\w+", name) if isinstance(name, str) else None
    if found is None:
        raise UserError(f"its record does not say which option of {group} it was made of")
    return found[0]


def _differences(cfg: DictConfig, stored: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """The settings in which the record differs, `(key, value of the record)`."""
    fresh: Any = documents.plain(portable(OmegaConf.to_container(cfg)))
    return [pair for group in _GROUPS if group in stored for pair in _below(group, fresh.get(group), stored[group])]


def _below(key: str, fresh: Any, stored: Any) -> Iterator[tuple[str, Any]]:
    outside = key in PLACES or (key in OUTSIDE and key != "data.victims")
    if outside or key.endswith(("._target_", ".version")):  # the identity of the cell tells another class or version
        return
    if isinstance(fresh, Mapping) and isinstance(stored, Mapping):
        for name, value in stored.items():
            yield from _below(f"{key}.{name}", fresh.get(name), value)
    elif (fresh, isinstance(fresh, bool)) != (stored, isinstance(stored, bool)):
        yield key, stored


def _is_plain(value: Any) -> bool:
    if isinstance(value, list):
        return all(map(_is_plain, value))
    return (
        value is None
        or isinstance(value, bool | int | float)
        or bool(isinstance(value, str) and _WORD.fullmatch(value))
    )


def _with_metrics(cfg: DictConfig, facts: Mapping[str, Any]) -> DictConfig:
    """The config with those metrics of this machine that the cell was scored with."""
    known = facts.get("metrics") or {}
    nodes: Any = OmegaConf.to_container(cfg.metric)
    same = {
        key: node for key, node in nodes.items() if (known.get(key) or {}).get("identity") == metric_identity(key, node)
    }
    if not same:
        raise UserError("none of its scores can be computed here (say metric=NAME)")
    OmegaConf.set_struct(cfg, False)
    cfg.metric = same
    OmegaConf.set_struct(cfg, True)
    return cfg
