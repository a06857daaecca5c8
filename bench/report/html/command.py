"""The command that computes a cell again, from the config that the cell was stored with.

The config names the option that each group was taken from. What differs between the option's file and the stored
config becomes an override. The files are read as they are, without Hydra, because composing takes a third of a second
per cell.
"""

import functools
import re
import shlex
from collections.abc import Iterator, Mapping
from typing import Any

import yaml
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from bench.config import options
from bench.results.identity import OUTSIDE

_GROUPS = ("data", "attack", "model", "defense", "threat")
# Of a node itself: these follow from the option.
_SKIPPED = frozenset({"_target_", "version"})
_BARE = re.compile(r"[A-Za-z_/.][\w./:-]*", re.ASCII)
_WORDS = frozenset({"null", "true", "false", "nan", "inf"})
_ABSENT = object()


def command(config: Mapping[str, Any]) -> str | None:
    """The command line that computes a cell again.

    Args:
        config: the resolved config of a cell, as it is stored.

    Returns:
        One line for a POSIX shell; None if the config does not say which options it was made of, or if an option is
        none of the package's own, because the file of a user's option is not known here.
    """
    chosen = {group: str(name).partition(" (")[0] for group, name in (config.get("names") or {}).items() if name}
    if any(group not in chosen or _file(group, chosen[group]) is None for group in _GROUPS):
        return None
    words = [f"{group}={chosen[group]}" for group in _GROUPS]
    words += [f"seed={config['seed']}"] if config.get("seed") else []
    for group in _GROUPS:
        words += _changes(group, _file(group, chosen[group]) or {}, config)
    words += _changes("engine", _file("engine", "default") or {}, config)
    words += _metrics(chosen["data"], config)
    return shlex.join(["leakbench", "run", *words])


@functools.cache
def _file(group: str, option: str) -> dict[str, Any] | None:
    """The content of an option's file, with the files of its group that it is based on; None if there is no such file.

    Interpolations stay as they are written.
    """
    path = options.config_root() / group / f"{option}.yaml"
    if not path.is_file():
        return None
    content = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    below: dict[str, Any] = {}
    for entry in content.pop("defaults", []):
        if isinstance(entry, str) and entry != "_self_" and "@" not in entry:
            below = _merged(below, _file(group, entry) or {})
    return _merged(below, content)


def _merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    out = dict(below)
    for key, value in above.items():
        old = out.get(key)
        out[key] = _merged(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return out


def _changes(key: str, written: Mapping[str, Any], config: Mapping[str, Any]) -> list[str]:
    """An override per setting of the node at `key` that the file does not have so.

    Args:
        key: the dotted key of the node, such as `attack`.
        written: the node as its file has it.
        config: the resolved config.
    """
    stored = _at(config, key)
    found = []
    for name, value in _leaves(stored) if isinstance(stored, Mapping) else ():
        place = f"{key}.{name}"
        if place in OUTSIDE - {"data.victims"} or name in _SKIPPED:
            continue
        before = _at(written, name)
        if isinstance(value, list) and name == "parts":
            value = [_part(part) for part in value]
        if before is _ABSENT or _resolved(place, before, config) != value:
            found.append(f"{place}={_word(value)}")
    return found


def _leaves(node: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in node.items():
        if isinstance(value, Mapping) and value:
            yield from _leaves(value, f"{above}{key}.")
        else:
            yield f"{above}{key}", value


def _at(node: Any, name: str) -> Any:
    for key in name.split("."):
        if not isinstance(node, Mapping) or key not in node:
            return _ABSENT
        node = node[key]
    return node


def _resolved(place: str, written: Any, config: Mapping[str, Any]) -> Any:
    """A written value with its interpolations resolved in the stored config."""
    if "${" not in str(written):
        return written
    whole = OmegaConf.create(dict(config))
    try:
        OmegaConf.update(whole, place, written, merge=False)
        found = OmegaConf.select(whole, place)
        return OmegaConf.to_container(found, resolve=True) if OmegaConf.is_config(found) else found
    except OmegaConfBaseException:  # an environment variable, or a key that this config lacks
        return _ABSENT


def _part(node: Any) -> Any:
    """A part of a stack of defences as one writes it: a name, or a name with its settings."""
    if not isinstance(node, Mapping):
        return node
    for name in options.entries("defense"):
        written = _file("defense", name) or {}
        if written.get("_target_") != node.get("_target_"):
            continue
        changed = {key: value for key, value in node.items() if key not in _SKIPPED and written.get(key) != value}
        return {name: changed} if changed else name
    return dict(node)


def _metrics(data: str, config: Mapping[str, Any]) -> list[str]:
    """The overrides of the metrics: which are left out, and the settings that differ from their files."""
    stored = config.get("metric") or {}
    usual = _names_of(_metric_option(data))
    if len(stored) == 1 and len(usual) > 1 and (only := next(iter(stored))) in options.entries("metric"):
        return [f"metric={only}", *_changes(f"metric.{only}", _file("metric", only) or {}, config)]
    words = [f"~metric.{name}" for name in usual if name not in stored]
    for name in stored:
        words += _changes(f"metric.{name}", _file("metric", name) or {}, config)
    return words


def _metric_option(data: str) -> str:
    """The set of metrics that comes with a data set."""
    text = (options.config_root() / "data" / f"{data}.yaml").read_text(encoding="utf-8")
    for entry in (yaml.safe_load(text) or {}).get("defaults", []):
        for key, option in entry.items() if isinstance(entry, dict) else ():
            if key.startswith("override /metric"):
                return str(option)
    return "image"


@functools.cache
def _names_of(option: str) -> list[str]:
    text = (options.config_root() / "metric" / f"{option}.yaml").read_text(encoding="utf-8")
    return [entry.partition("@")[2] for entry in (yaml.safe_load(text) or {}).get("defaults", []) if "@" in entry]


def _word(value: Any) -> str:
    """A value in Hydra's grammar of overrides.

    >>> _word([1, {"clip": {"norm": 1.0}}]), _word(None), _word("two words")
    ('[1,{clip:{norm:1.0}}]', 'null', "'two words'")
    """
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, Mapping):
        return "{" + ",".join(f"{key}:{_word(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ",".join(map(_word, value)) + "]"
    text = str(value)
    if not isinstance(value, str) or (_BARE.fullmatch(text) and text.lower() not in _WORDS):
        return text
    # A backslash is one, but before a quotation mark it needs another.
    return "'" + re.sub(r"(\\*)('|$)", lambda found: found[1] * 2 + ("\\'" if found[2] else ""), text) + "'"
