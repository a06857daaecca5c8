"""The division of a row: closed (an attack as leakbench ships it), open (anything else), or not known.

A row is closed if its record, composed again from the options of this machine that it names, has the same settings of
the attack, the data, the model, the threat model and the numerics. Free are what says which task was attacked (the data
set, its split, B, the seed, the strength of the defence) and what changes the speed only. A record that this machine
cannot compare is of no known division: nothing is guessed.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from hydra.errors import HydraException
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from bench import __version__
from bench.config import options as catalogue
from bench.config.composing import composed_by_hydra
from bench.results import document as documents
from bench.results.identity import OUTSIDE, PLACES, class_names
from bench.storage.portable import portable

CLOSED, OPEN, UNKNOWN = "closed", "open", "not known"
_GROUPS = ("attack", "data", "model", "threat", "defense")  # whose options a record names
_FIXED = ("attack", "data", "model", "threat", "engine")  # whose settings are as shipped in a closed row
# Which task was attacked stands in columns of its own, and a chunk changes the rounding only.
_FREE = frozenset({"data.set", "data.name", "data.split", "data.batch_size", "engine.chunk"})
_OF_ONES_OWN = ("folder", "text_file")  # options of data that no other laboratory has


@dataclass(frozen=True)
class Division:
    """The division of a row.

    Args:
        word: `closed`, `open` or `not known`.
        reason: why it is not closed, the end of a sentence; empty if it is closed.
    """

    word: str
    reason: str = ""

    @property
    def sentence(self) -> str:
        """`open: attack.lr is 0.5, as shipped 1.0`, or the word alone."""
        return f"{self.word}: {self.reason}" if self.reason else self.word


def division(facts: Mapping[str, Any], victims: Collection[int]) -> Division:
    """The division of a cell, from its record and the options of this machine.

    Args:
        facts: of the cell.
        victims: the numbers of the victims that are stored.
    """
    config = facts.get("config") or {}
    foreign = next(_foreign(config), None)
    if foreign:
        return Division(OPEN, "{} is {}, which is no class of leakbench".format(*foreign))
    chosen = {group: _option(config, group) for group in _GROUPS}
    for group, name in chosen.items():
        if name is None:
            return Division(UNKNOWN, f"its record does not name the option of {group}")
        if name not in catalogue.entries(group):
            return Division(UNKNOWN, f"leakbench {__version__} has no {group} {name!r}")
    if chosen["data"] in _OF_ONES_OWN:
        return Division(OPEN, f"its data are of its own (data={chosen['data']})")
    shipped = _shipped({group: name for group, name in chosen.items() if name is not None})
    if shipped is None:
        return Division(UNKNOWN, "its options cannot be composed on this machine")
    stored = documents.plain(class_names({group: config.get(group) for group in _FIXED}))
    found = [one for group in _FIXED for one in _apart(group, shipped[group], stored[group])]
    unknown = next((one for one in found if one.word == UNKNOWN), None)
    if unknown or found:
        return unknown or found[0]
    if sorted(victims) != list(range(len(victims))):
        return Division(UNKNOWN, "some of its first victims are not stored")
    return Division(CLOSED)


def _option(config: Mapping[str, Any], group: str) -> str | None:
    """The option that the record names: `lenet` of `lenet (activation=relu)`."""
    name = (config.get("names") or {}).get(group)
    found = re.match(r"\w+", name) if isinstance(name, str) else None
    return found[0] if found else None


def _foreign(config: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The classes of the record that are none of leakbench's, `(key, class)`."""
    for group in (*_GROUPS, "engine"):
        for key, value in _targets(group, config.get(group)):
            if not str(value).startswith("bench."):
                yield key, str(value)


def _targets(key: str, node: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(node, Mapping):
        for name, value in node.items():
            yield from [(key, value)] if name == "_target_" else _targets(f"{key}.{name}", value)
    elif isinstance(node, list):
        for at, value in enumerate(node):
            yield from _targets(f"{key}[{at}]", value)


# The settings of options as leakbench ships them, as far as they were asked for. No setting of one group depends on the
# option of another, so what was composed for one row serves all rows with the same option.
_SHIPPED: dict[str, Any] = {}


def _shipped(chosen: Mapping[str, str]) -> dict[str, Any] | None:
    """The settings of these options as leakbench ships them; None if they do not fit together.

    Args:
        chosen: `{group: option}`.
    """
    words = {group: f"{group}={chosen[group]}" for group in _FIXED if group in chosen} | {"engine": "engine"}
    if not _SHIPPED.keys() >= set(words.values()):
        try:
            cfg = composed_by_hydra([word for word in words.values() if "=" in word], None)
            nodes = {word: OmegaConf.to_container(cfg[group], resolve=True) for group, word in words.items()}
        except (HydraException, OmegaConfBaseException, ValueError, OSError, AssertionError):
            return None
        _SHIPPED.update(documents.plain(class_names(portable(nodes))))
    return {group: _SHIPPED[word] for group, word in words.items()}


def _apart(key: str, shipped: Any, stored: Any) -> Iterator[Division]:
    """The settings of a record that are not those of the option, each with what follows from it."""
    if key in _FREE or key in OUTSIDE or key in PLACES or key.endswith(".seed"):
        return
    if isinstance(shipped, Mapping) and isinstance(stored, Mapping):
        if shipped.get("version") != stored.get("version"):
            versions = [f"version {one['version']}" if "version" in one else "no version" for one in (stored, shipped)]
            yield Division(UNKNOWN, f"{key} has {versions[0]} in its record and {versions[1]} on this machine")
        elif shipped.get("_target_") != stored.get("_target_"):
            yield Division(OPEN, f"{key} is {stored.get('_target_')}, as shipped {shipped.get('_target_')}")
        elif odd := sorted(shipped.keys() ^ stored.keys()):
            yield Division(UNKNOWN, f"{key}.{odd[0]} is a setting of another version of leakbench")
        else:
            for name, value in shipped.items():
                yield from _apart(f"{key}.{name}", value, stored[name])
    elif (shipped, isinstance(shipped, bool)) != (stored, isinstance(stored, bool)):  # Python takes True for 1
        yield Division(OPEN, f"{key} is {_word(stored)}, as shipped {_word(shipped)}")


def _word(value: Any) -> str:
    if isinstance(value, Mapping):
        return str(value.get("_target_", "a group of settings"))
    return "null" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
