"""What a cell is: a hash of everything in its config that can change a number, and of nothing else."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

# Where results go, who is told, and on what they are computed.
_OUTSIDE = frozenset({"results", "paths", "logger", "trainer", "executor", "report", "suite", "names"})
# Where files lie and how many victims are worked on at once, wherever in the config it is said.
_ANYWHERE = frozenset({"root", "weights", "block"})
# 32 victims after 16 compute 16: the count is not part of the identity.
_OF_DATA = frozenset({"victims"})
# Of the engine's settings only these change numbers (a chunk by rounding, which grows along a path); the others are
# about speed.
_NUMERICS = frozenset({"dtype", "tf32", "chunk"})


def identity(config: Mapping[str, Any], extra: Mapping[str, Any]) -> str:
    """The identity of a cell.

    Args:
        config: a resolved config as plain containers (mappings, sequences, strings, numbers, booleans, null).
        extra: content hashes that the config cannot know, such as `{"data": ..., "checkpoint": ...}`.

    Returns:
        16 hexadecimal digits; the same for any order of keys, and for `1` and `1.0`.

    Raises:
        TypeError: a value is not one of the plain kinds above.

    Example:
        >>> identity({"seed": 0, "data": {"victims": 16}}, {}) == identity({"data": {"victims": 32}, "seed": 0.0}, {})
        True
        >>> identity({"seed": 0}, {}) == identity({"seed": 1}, {})
        False
    """
    document = [_canonical(relevant(config)), _canonical(extra)]
    text = json.dumps(document, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def contents(
    data: str, checkpoint: str | None, pretrained: Mapping[str, str], missing: Iterable[str]
) -> dict[str, Any]:
    """What a config cannot know: `extra` of `identity`.

    Args:
        data: fingerprint of the dataset.
        checkpoint: SHA-256 of the weights' file, if there is one.
        pretrained: which weights stand at each key that names some: a folder or a name on a hub can hold others later.
        missing: metrics that cannot be computed. One that can be later makes another cell: these rows have a hole.
    """
    found: dict[str, Any] = {"data": data, "checkpoint": checkpoint, "missing": sorted(missing)}
    return {**found, "pretrained": dict(pretrained)} if pretrained else found


def relevant(config: Mapping[str, Any]) -> dict[str, Any]:
    """`config` without what cannot change a number."""
    kept = {key: value for key, value in config.items() if key not in _OUTSIDE}
    if isinstance(data := kept.get("data"), Mapping):
        kept["data"] = {key: value for key, value in data.items() if key not in _OF_DATA}
    if isinstance(engine := kept.get("engine"), Mapping):
        kept["engine"] = {key: value for key, value in engine.items() if key in _NUMERICS}
    return _without_places(kept)


def _without_places(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _without_places(item) for key, item in value.items() if key not in _ANYWHERE}
    if isinstance(value, list | tuple):
        return [_without_places(item) for item in value]
    return value


def _canonical(value: Any) -> Any:
    if value is None or isinstance(value, bool | str | int):
        return value
    if isinstance(value, float):
        # YAML reads `lr: 1` as an integer and `lr: 1.0` as a float: the same number.
        return int(value) if value.is_integer() else value
    if isinstance(value, Mapping):
        return {str(key): _canonical(item) for key, item in value.items()}
    if isinstance(value, Sequence):
        return [_canonical(item) for item in value]
    raise TypeError(f"a config holds plain values only, got {type(value).__name__}: {value!r}")
