"""What differs between cells that have the same names in tables, such as the cells of a sweep over seeds."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

# Parts of a config on which no number depends, and settings that only say how much is done or where it lies.
_OUTSIDE = frozenset(
    {"results", "paths", "logger", "trainer", "executor", "report", "suite", "names", "metric", "scale", "experiment"}
)
_KEYS = frozenset({"data.victims", "data.root", "model.vocabulary.root", "engine.chunk", "engine.threads"})
_TITLES = {"data.batch_size": "B"}


def settings(config: Mapping[str, Any], seeds: bool = True) -> dict[str, Any]:
    """The settings of a cell that can change its numbers, `{dotted key: value}`.

    Args:
        config: of the cell.
        seeds: whether the seeds are among them.
    """
    found = leaves({key: value for key, value in config.items() if key not in _OUTSIDE})
    return {
        key: value for key, value in found.items() if key not in _KEYS and (seeds or key.rpartition(".")[2] != "seed")
    }


def leaves(node: Mapping[str, Any], above: str = "") -> dict[str, Any]:
    """The values of a nested mapping by their dotted keys.

    >>> leaves({"a": {"b": 1}, "c": [2]})
    {'a.b': 1, 'c': [2]}
    """
    found: dict[str, Any] = {}
    for key, value in node.items():
        if isinstance(value, Mapping):
            found |= leaves(value, f"{above}{key}.")
        else:
            found[f"{above}{key}"] = value
    return found


def differing(configs: Sequence[Mapping[str, Any]]) -> list[dict[str, str]]:
    """Per cell the settings in which it differs from another of these, `{name: value in words}`.

    The name is the last part of the key if that is enough to tell the settings apart. A setting that follows a shorter
    key of the same value in each cell (`model.seed` follows `seed`) is left out.

    Args:
        configs: one per cell.

    >>> differing([{"seed": 0, "data": {"seed": 0, "set": "mnist"}}, {"seed": 1, "data": {"seed": 1, "set": "mnist"}}])
    [{'seed': '0'}, {'seed': '1'}]
    """
    cells = [settings(config) for config in configs]
    keys = sorted({key for cell in cells for key in cell}, key=lambda key: (key.count("."), key))
    shown: dict[tuple[str, ...], str] = {}
    for key in keys:
        values = tuple(json.dumps(cell.get(key), sort_keys=True, default=str) for cell in cells)
        if len(set(values)) > 1:
            shown.setdefault(values, key)
    last = [key.rpartition(".")[2] for key in shown.values()]
    names = [_TITLES.get(key, short if last.count(short) == 1 else key) for key, short in zip(shown.values(), last)]
    return [{name: _word(values[at]) for name, values in zip(names, shown)} for at in range(len(cells))]


def _word(text: str) -> str:
    value = json.loads(text)
    return value if isinstance(value, str) else text
