"""The names of a cell's parts in tables: the option's name, and what was changed in it."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any

from bench.storage.portable import portable

# Settings that have a column of their own, or that are places.
_APART = frozenset({"victims", "batch_size", "root", "name", "seed", "version", "set"})


def changed(node: Mapping[str, Any], original: Mapping[str, Any]) -> str:
    """The settings of `node` that differ from the option's file, as in `lr=0.5, step.tries=3`.

    If a part's setting follows a short key of the same value (`step.lr` follows `lr`), only the short key is shown.

    Args:
        node: the settings of a cell.
        original: the settings in the option's file.

    >>> changed({"lr": 0.5, "step": {"lr": 0.5, "tries": 20}}, {"lr": 1.0, "step": {"lr": 1.0, "tries": 20}})
    'lr=0.5'
    """
    before = _leaves(original)
    # Python takes True for 1
    different = {
        key: value
        for key, value in _leaves(node).items()
        if (before.get(key, ...), isinstance(before.get(key), bool)) != (value, isinstance(value, bool))
    }
    short = {key: value for key, value in different.items() if "." not in key}
    return ", ".join(
        f"{key}={_word(value)}"
        for key, value in different.items()
        if key not in _APART and not ("." in key and value in short.values())
    )


def named(name: str, node: Mapping[str, Any], original: Mapping[str, Any]) -> str:
    """The name of an option with what was changed in it: `lenet`, or `lenet (activation=relu)`.

    Args:
        name: the option.
        node: the settings of a cell.
        original: the settings in the option's file.
    """
    difference = changed(node, original)
    return f"{name} ({difference})" if difference else name


def title(data: str, name: str) -> str:
    """A data set's own title, followed by the changes that its displayed name lists.

    >>> title("samples-mnist", "samples (labels=random)")
    'samples-mnist (labels=random)'
    """
    return data + name[len(name.partition(" (")[0]) :]


def changes(name: str) -> list[str]:
    """The changes that a displayed name lists.

    >>> changes("lenet (per_victim=false, activation=tanh)"), changes("lenet")
    (['per_victim=false', 'activation=tanh'], [])
    """
    found = re.search(r" \((.*)\)$", name)
    return found[1].split(", ") if found else []


def without(name: str, settings: Collection[str]) -> str:
    """A displayed name without the changes of these settings.

    >>> without("lenet (per_victim=false, activation=tanh)", ["per_victim"])
    'lenet (activation=tanh)'
    """
    listed = changes(name)
    kept = ", ".join(change for change in listed if change.partition("=")[0] not in settings)
    option = name.removesuffix(f" ({', '.join(listed)})") if listed else name
    return f"{option} ({kept})" if kept else option


def _leaves(node: Mapping[str, Any], above: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in node.items():
        if isinstance(value, Mapping):
            found |= _leaves(value, f"{above}{key}.")
        else:
            found[f"{above}{key}"] = value
    return found


def _word(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, list):
        return f"[{','.join(_word(item) for item in value)}]"
    if isinstance(value, Mapping):  # a part of a stack
        return ",".join(_named_part(name, item) for name, item in value.items())
    return str(portable(value)).replace(" ", "")


def _named_part(name: str, settings: Any) -> str:
    if not isinstance(settings, Mapping):
        return f"{name}={_word(settings)}"
    return f"{name}({','.join(f'{key}={_word(item)}' for key, item in settings.items())})"
