"""The tensors of a batch by their names: `0`, `image`, `meta.age` in tuples, lists, dicts and dataclasses, nested."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Iterator, Mapping, MutableMapping
from typing import Any

import torch
from torch import Tensor

from bench.errors import UserError


def leaves(batch: Any) -> dict[str, Tensor]:
    """The tensors of a batch by their paths; the path of a batch that is one tensor is empty.

    Example:
        >>> import torch
        >>> list(leaves({"image": torch.zeros(1), "meta": (torch.zeros(1), "a word")}))
        ['image', 'meta.0']
    """
    if isinstance(batch, Tensor):
        return {"": batch}
    found: dict[str, Tensor] = {}
    for name, item in _items(batch):
        found |= {f"{name}.{path}" if path else name: value for path, value in leaves(item).items()}
    return found


def rebuilt(batch: Any, values: Mapping[str, Tensor]) -> Any:
    """A batch of the same form with other tensors at some paths; everything else is the same object.

    Args:
        batch: as the data loader gives it; it is not changed.
        values: `{path: tensor}`, see `leaves`.
    """
    if "" in values and isinstance(batch, Tensor):
        return values[""]
    changed = {}
    for name, item in _items(batch):
        inside = {path[len(name) + 1 :]: value for path, value in values.items() if _within(path, name)}
        if inside:
            changed[name] = rebuilt(item, inside)
    return _with(batch, changed) if changed else batch


def in_float32(batch: Any) -> Any:
    """The same batch with floating-point tensors in float32, detached; integers and truth values stay."""
    changed = {
        path: value.detach().float() if value.is_floating_point() else value.detach()
        for path, value in leaves(batch).items()
    }
    return rebuilt(batch, changed)


def named(batch: Any, name: object, what: str) -> str:
    """The path of a tensor that the user named, such as `image`, `0` or 0.

    Args:
        batch: see `leaves`.
        name: what the user gave.
        what: the argument, for the message.

    Raises:
        UserError: the batch has no such tensor, or several were named.
    """
    there = leaves(batch)
    if isinstance(name, list | tuple | set | frozenset):
        raise UserError(
            f"{what}={name!r}: one tensor is audited at a time. Audit each by itself "
            f"({' and '.join(f'{what}={one!r}' for one in sorted(name, key=str))}); the others then count as known to "
            "the attacker, and the report says so"
        )
    if str(name) not in there:
        names = ", ".join(repr(path) for path in there) or "no tensors"
        raise UserError(f"{what}={name!r}: the batch has no tensor of this name (there are {names})")
    return str(name)


def _within(path: str, name: str) -> bool:
    return path == name or path.startswith(f"{name}.")


def _items(batch: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(batch, Mapping):
        yield from ((str(key), value) for key, value in batch.items())
    elif dataclasses.is_dataclass(batch) and not isinstance(batch, type):
        yield from ((field.name, getattr(batch, field.name)) for field in dataclasses.fields(batch))
    elif isinstance(batch, tuple | list):
        yield from ((str(place), value) for place, value in enumerate(batch))


def _with(batch: Any, changed: Mapping[str, Any]) -> Any:
    if isinstance(batch, MutableMapping):
        found = copy.copy(batch)
        for key in list(found):
            if str(key) in changed:
                found[key] = changed[str(key)]
        return found
    if dataclasses.is_dataclass(batch) and not isinstance(batch, type):
        return dataclasses.replace(batch, **changed)
    items = [changed.get(str(place), value) for place, value in enumerate(batch)]
    return type(batch)(*items) if hasattr(batch, "_fields") else type(batch)(items)


def equal(one: Tensor, other: Tensor) -> bool:
    """Whether two tensors hold the same numbers in the same order, whatever their shapes and types are."""
    if one is other:
        return True
    return one.numel() == other.numel() and torch.equal(one.detach().flatten().double(), other.flatten().double())
