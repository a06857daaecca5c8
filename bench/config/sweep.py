"""Overrides that name several values (`attack=dlg,idlg seed=0,1,2`): every combination of them is a cell."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from hydra.core.override_parser.types import IntervalSweep, Override, Transformer

from bench.config.overrides import read, shown
from bench.errors import UserError

MOST = 1_000  # cells that one command may name; each is composed and checked before the first one runs


@dataclass(frozen=True)
class Combination:
    """The overrides of one cell.

    Args:
        overrides: all of them, in the order in which they were given, each with one value.
        swept: those whose key has several values in the sweep.
    """

    overrides: list[str]
    swept: list[str]


def combinations(overrides: list[str]) -> list[Combination]:
    """Every combination of the values that the overrides name; the last key runs fastest.

    A comma separates values only outside quotes and brackets: `model.strides=[1,2],[2,2]` names two lists. A folder
    (`results`, `paths`, `data.root`) is always one text.

    Args:
        overrides: overrides in Hydra's grammar. `range(0,5)` and `choice(1,2)` name several values too.

    Returns:
        One combination without swept overrides if no override names several values.

    Raises:
        UserError: an override cannot be read, names no list of values, or names a key that another override sets; or
            there are more than `MOST` combinations.
    """
    texts, parsed = read(overrides)
    axes = [_values(text, override) for text, override in zip(texts, parsed)]
    keys = [override.key_or_group for override in parsed]
    several = [override.is_sweep_override() for override in parsed]
    for key, swept in zip(keys, several):
        if swept and keys.count(key) > 1:
            raise UserError(f"{key} is given more than once; name all its values in one place ({key}=A,B)")
    if (count := math.prod(map(len, axes))) > MOST:
        raise UserError(f"the values name {count:,} cells; {MOST:,} at most in one command")
    return [
        Combination(list(chosen), [text for text, swept in zip(chosen, several) if swept])
        for chosen in itertools.product(*axes)
    ]


def swept_keys(overrides: list[str]) -> list[str]:
    """The keys that have several values, in the order in which they were given; empty for a single cell.

    Raises:
        UserError: an override cannot be read.
    """
    return [override.key_or_group for override in read(overrides)[1] if override.is_sweep_override()]


def _values(text: str, override: Override) -> list[str]:
    """The override once per value; the override itself if it names one value."""
    if not override.is_sweep_override():
        return [text]
    if isinstance(override.value(), IntervalSweep):
        raise UserError(f"{shown(text)}: an interval names no list of values; name them, or use range(START,STOP,STEP)")
    if override.is_delete():
        raise UserError(f"{shown(text)}: what is left out has no values; say ~{override.key_or_group}")
    start = "++" if override.is_force_add() else "+" if override.is_add() else ""
    items = list(itertools.islice(_items(text, override), MOST + 1))
    if len(items) > MOST:
        raise UserError(f"{shown(text)} names more than {MOST:,} values; {MOST:,} cells at most in one command")
    if not items:
        raise UserError(f"{shown(text)} names no value")
    return [f"{start}{override.key_or_group}={_written(item)}" for item in items]


def _items(text: str, override: Override) -> Iterator[Any]:
    try:
        yield from override.sweep_iterator(Transformer.identity)
    except (ValueError, ArithmeticError) as error:
        raise UserError(f"{shown(text)} names no list of values ({error})") from None


def _written(item: Any) -> str:
    """A value in Hydra's grammar; an interpolation stays as it is, because an encoded one would be a plain text."""
    return item if isinstance(item, str) and "${" in item else str(Transformer.encode(item))
