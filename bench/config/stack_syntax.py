"""Reads a stack of defences written with names, as in `parts: [clip, gaussian]` or `[clip, {gaussian: {std: 0.1}}]`."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any, cast

from omegaconf import DictConfig, OmegaConf

from bench.config.suggest import did_you_mean
from bench.errors import UserError

Option = Callable[[str], DictConfig]


def spelled_out(node: Mapping[str, Any], key: str, known: Collection[str], option: Option) -> dict[str, Any]:
    """Replaces each part that is a name, or a name with settings, by the node of that option.

    Args:
        node: a node in plain containers. A node without a list `parts` stays as it is; so does a part with `_target_`.
        key: the node's dotted key, for messages.
        known: the names of all defences.
        option: composes the whole config under one override, such as `defense=clip`.

    Raises:
        UserError: a part is not a name, a name with settings, or a node; or no defence has its name.
    """
    if not isinstance(node.get("parts"), list):
        return dict(node)
    return {**node, "parts": [_part(part, f"{key}.parts[{i}]", known, option) for i, part in enumerate(node["parts"])]}


def _part(part: Any, key: str, known: Collection[str], option: Option) -> dict[str, Any]:
    if isinstance(part, Mapping) and "_target_" in part:
        return spelled_out(part, key, known, option)
    name: Any = part
    settings: Any = {}
    if isinstance(part, Mapping) and len(part) == 1:
        ((name, settings),) = part.items()
    if not isinstance(name, str) or not isinstance(settings, Mapping):
        raise UserError(f"{key}={part}: want a name (clip), a name with settings ({{clip: {{norm: 1}}}}) or a node")
    if name not in known:
        raise UserError(f"{key}: no defense {name!r}{did_you_mean(name, known)} (leakbench list defenses)")
    node = OmegaConf.to_container(option(f"defense={name}").defense, resolve=True)
    others = [other for other in known if other != name]  # a stack that names itself would never end
    return spelled_out({**cast(dict, node), **settings}, key, others, option)
