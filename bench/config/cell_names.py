"""What each part of a cell is called in tables: the option, and what was changed in it."""

import functools
from pathlib import Path
from typing import Any, cast

from omegaconf import DictConfig, OmegaConf

from bench.config import options
from bench.config.composing import cache_folder, composed_by_hydra
from bench.config.display_names import named
from bench.config.label_rules import named_with_rule


def names(
    cfg: DictConfig,
    defense: dict[Any, Any],
    config_dir: Path | None,
    rule: str | None = None,
    composed: tuple[str, ...] | None = None,
) -> dict[str, str]:
    """The displayed name of each group's option, with what was changed in it.

    Args:
        cfg: the checked cell.
        defense: the node of the defence as the user wrote it, with the parts of a stack by name.
        config_dir: a folder with options of the user's own.
        rule: the chosen option of the group `labels`; None if the attack keeps its own rule.
        composed: the choices that the cell was composed of, if none of them changes another group's option: what they
            give is composed already, which halves the time. None if one does.
    """
    chosen = {group: name for group, name in cfg.names.items() if name is not None}
    ours = config_dir is None  # a user's files may change during a run; the project's own do not
    nodes = (_as_shipped if ours else as_written)(tuple(chosen.items()), config_dir, cache_folder(), composed)
    here = {group: defense if group == "defense" and "parts" in defense else cfg[group] for group in chosen}
    found = {group: named(chosen[group], cast(dict, here[group]), cast(dict, nodes[group])) for group in chosen}
    if rule is not None:
        ruled = composed_by_hydra(
            [f"{group}={name}" for group, name in chosen.items()] + [f"labels={rule}"], config_dir
        )
        attack: Any = OmegaConf.to_container(ruled.attack, resolve=True)
        node = cast(dict, here["attack"])
        if "measure" in cfg:  # a rule alone, whatever the attack
            found["attack"] = named(rule, node["labels"], attack["labels"])
        else:
            found["attack"] = named_with_rule(chosen["attack"], rule, node, nodes["attack"], attack)
    return found


def as_written(
    chosen: tuple[tuple[str, str], ...], config_dir: Path | None, cache: str, composed: tuple[str, ...] | None = None
) -> dict[str, Any]:
    """`{group: node}` as the files of the chosen options have it, resolved.

    Args:
        chosen: pairs of a group and its option.
        config_dir: a folder with options of the user's own.
        cache: the cache folder. It is a part of the key under which the answer is cached, because nodes may name it.
        composed: see `names`.
    """
    words = [f"{group}={name}" for group, name in chosen] if composed is None else list(composed)
    original = composed_by_hydra(words, config_dir)
    return {group: OmegaConf.to_container(original[group], resolve=True) for group, _ in chosen}


def option_names(config_dir: Path | None) -> dict[str, list[str]]:
    """The names of all options, as `{group: names}`. They are read once if there is no folder of the user's."""
    known = _shipped_names() if config_dir is None else _names_of(config_dir)
    return {group: list(listed) for group, listed in known.items()}


def _names_of(config_dir: Path | None) -> dict[str, list[str]]:
    return {group: list(options.entries(group, config_dir)) for group in options.groups(config_dir)}


@functools.cache
def _shipped_names() -> dict[str, list[str]]:
    return _names_of(None)


# Composing takes most of the time before a suite's first cell, and a suite's cells choose among few options.
_as_shipped = functools.lru_cache(maxsize=256)(as_written)
