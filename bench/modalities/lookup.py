"""Finds a kind of data by its name: a file of this room, or an entry point of an installed package."""

from __future__ import annotations

import functools
import importlib
import importlib.util
import re
from collections.abc import Mapping
from importlib.metadata import entry_points
from typing import Any

from bench.errors import UserError
from bench.modalities.base import Modality

GROUP = "leakbench.modalities"  # of the entry points
_NAME = re.compile(r"[a-z][a-z0-9_]*")
_SHOWN = 40  # characters of a name that is not known


@functools.cache
def modality(name: str) -> Modality:
    """The kind of data with this name.

    It is the object `MODALITY` of `bench/modalities/NAME.py`, or what an installed package declares as NAME in the
    entry points `leakbench.modalities`. Stored cells name their kind, and a results folder may come from anybody. So a
    name leads only to what has been installed here, and no path of a module is read from a cell.

    Args:
        name: the plural noun, such as `images`.

    Raises:
        UserError: there is no such kind, or its package cannot be imported.
    """
    found = _ours(name) or _installed(name)
    if not isinstance(found, Modality):
        raise UserError(f"no kind of data here is called {name[:_SHOWN]!r}: install the package that defines it")
    return found


def modality_of(facts: Mapping[str, Any]) -> Modality:
    """The kind of data that a cell is about, by its stored facts; images if the facts do not say.

    Raises:
        UserError: this installation does not know the kind.
    """
    return modality((facts.get("data") or {}).get("modality") or "images")


def _ours(name: str) -> Any:
    """The object in a file of this room, or None."""
    module = f"{__package__}.{name}"
    if not _NAME.fullmatch(name) or importlib.util.find_spec(module) is None:
        return None
    return getattr(importlib.import_module(module), "MODALITY", None)


def _installed(name: str) -> Any:
    """The object that a package declares, or None."""
    for found in entry_points(group=GROUP, name=name):
        try:
            return found.load()
        except (ImportError, AttributeError) as error:
            raise UserError(f"data of the kind {name!r} cannot be read: {found.value}: {error}") from None
    return None
