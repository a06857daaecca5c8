"""JSON documents on disk: written as strict JSON, and read with the care that a file of unknown origin needs."""

import json
import math
import os
import stat
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

LARGEST = 16 * 2**20  # bytes; a cell's record has some thousand
_DEEPEST = 50  # nested containers
_COUNT = 2**63


def dump(document: Mapping[str, Any]) -> str:
    """The text of a document; a number that is not finite, which JSON does not have, becomes its name (`"nan"`)."""
    return json.dumps(plain(document), indent=1, allow_nan=False) + "\n"


def plain(value: Any) -> Any:
    """`value` as `read` would return it: lists for tuples, and names for numbers that are not finite.

    >>> plain({"lr": float("inf"), "shape": (1, 28)})
    {'lr': 'inf', 'shape': [1, 28]}
    """
    if isinstance(value, Mapping):
        return {str(name): plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


def read(path: Path) -> dict[str, Any]:
    """Reads the document in a file.

    Raises:
        FileNotFoundError: the file does not exist.
        ValueError: the file cannot be read or does not hold a document; the message says what is wrong.
    """
    try:
        # Without O_NONBLOCK, opening a pipe of that name would wait for a writer.
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        with os.fdopen(handle, "rb") as file:
            found = os.fstat(handle)
            if not stat.S_ISREG(found.st_mode) or found.st_size > LARGEST:
                raise ValueError(f"its {path.name} is not a file of at most {LARGEST // 2**20} MiB")
            document = plain(json.loads(file.read().decode()))
    except FileNotFoundError:
        raise
    except OSError as error:
        raise ValueError(f"its {path.name} cannot be read ({error.strerror or error})") from None
    except json.JSONDecodeError as error:
        raise ValueError(f"its {path.name} is not JSON ({error})") from None
    except UnicodeDecodeError:
        raise ValueError(f"its {path.name} is not text") from None
    except RecursionError:
        raise ValueError(f"its {path.name} is nested too deeply") from None
    if not isinstance(document, dict) or _depth(document) > _DEEPEST:
        raise ValueError(f"its {path.name} was not written by leakbench")
    return document


def record(path: Path, schema: int, labels: Collection[str]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Reads the record of a cell and checks what all kinds of cells have in common.

    Args:
        path: the file of the record.
        schema: the schema that this version reads.
        labels: the names of the labels that `facts.labels` has to hold.

    Returns:
        The record, and its `facts`.

    Raises:
        ValueError: the file does not exist, cannot be read, has another schema or lacks a label; the message says
            which.
    """
    try:
        found = read(path)
    except FileNotFoundError:
        raise ValueError(f"it has no {path.name}") from None
    if (given := found.get("schema")) is not None and given != schema:
        raise ValueError(f"it has schema {str(given)[:40]}, this version reads schema {schema}")
    held = found.get("facts")
    facts: dict[str, Any] = held if isinstance(held, dict) else {}
    words = facts.get("labels")
    if missing := [name for name in labels if not isinstance(words, dict) or not isinstance(words.get(name), str)]:
        raise ValueError(f"its {path.name} was not written by leakbench (labels lack {', '.join(missing)})")
    return found, facts


def _depth(document: Any) -> int:
    """How deep the containers of a document are nested."""
    depth, level = 0, [document]
    while level:
        depth += 1
        below = (one.values() if isinstance(one, dict) else one for one in level)
        level = [item for items in below for item in items if isinstance(item, dict | list)]
    return depth


def wrong(value: Any, shape: Any, where: str = "") -> str | None:
    """Says where a value does not have a shape; returns None if it has.

    Args:
        value: a value that `read` returned.
        shape: `str`, `bool`, `int` (a count, below 2^63), `float` (any finite number) or `object` (anything); `[shape]`
            for a list of that shape; `{name: shape}` for a mapping, whose other names may hold anything;
            `{...: shape}` for a mapping whose values all have that shape. Null has every shape, because readers treat
            it as absent.
        where: the value's own dotted name.

    >>> wrong({"data": {"victims": "8"}, "other": 1}, {"data": {"victims": int}})
    "data.victims is not a count: '8'"
    """
    if value is None or shape is object:
        return None
    if isinstance(shape, dict):
        if not isinstance(value, dict):
            return f"{where or 'it'} is not a mapping: {_short(value)}"
        known = {name: inner for name in value if (inner := shape.get(name, shape.get(...))) is not None}
        above = f"{where}." if where else ""
        return next((fault for name in known if (fault := wrong(value[name], known[name], above + name))), None)
    if isinstance(shape, list):
        if not isinstance(value, list):
            return f"{where} is not a list: {_short(value)}"
        return next((fault for item in value if (fault := wrong(item, shape[0], where))), None)
    words, fits = {
        str: ("text", isinstance(value, str)),
        bool: ("true or false", isinstance(value, bool)),
        int: ("a count", type(value) is int and 0 <= value < _COUNT),
        float: ("a number", type(value) is float or (type(value) is int and abs(value) < _COUNT)),
    }[shape]
    return None if fits else f"{where} is not {words}: {_short(value)}"


def _short(value: Any) -> str:
    text = repr(value) if isinstance(value, str | int | float) else type(value).__name__
    return text if len(text) <= 40 else f"{text[:40]}…"
