"""Typed configs: every key of a composed cell is known, present and of its type before anything is built.

A node without `_target_` is described by a dataclass below; a node with one by its constructor's signature (see
`bench.config.instantiate.parameters`), and so are nested nodes. The constructors themselves check ranges.

A node may also carry a short key that its parts refer to (`lr: ${attack.lr}`), so that a value that several parts need
is set in one place. The type of a short key is that of the parameters that take its value. Once each of these has a
value of its own, the short key is left out (see `bench.config.short_keys`).
"""

import typing
from collections.abc import Mapping
from typing import Any

from omegaconf import DictConfig, OmegaConf

from bench.config.checker import Checker, ShortKeys, links
from bench.config.instantiate import (
    parameters,
)
from bench.config.root import Root
from bench.errors import UserError


def check(cfg: DictConfig | Mapping[str, Any], knobs: ShortKeys | None = None) -> DictConfig:
    """Checks every value of a cell against its type; a whole number becomes a float if its type is a float.

    This imports the `_target_`s, and so torch. The defaults of the facts of attack and model are filled in.

    Args:
        cfg: the composed cell, with its interpolations.
        knobs: which keys of a node are short keys; if None, only those that a part refers to.

    Returns:
        The cell without interpolations.

    Raises:
        UserError: the cell has faults: unknown keys, missing keys, values of the wrong type, or targets that cannot be
            imported. One line names them all.
    """
    cfg = cfg if isinstance(cfg, DictConfig) else OmegaConf.create(dict(cfg))
    found = links(OmegaConf.to_container(cfg, resolve=False))
    container = typing.cast(dict[str, Any], OmegaConf.to_container(cfg, resolve=True))
    for early in (True, False):  # first the faults that the sources alone show, because importing torch takes seconds
        checker = Checker(found, knobs, early=early)
        checker.numbers(container)
        checked = checker.fields(container, parameters(Root), "")
        if checker.faults:
            raise UserError("; ".join(dict.fromkeys(checker.faults)))
    return OmegaConf.create(checked)


def check_as(kind: type, value: Any, where: str) -> Any:
    """Makes an instance of a dataclass from a plain mapping.

    Args:
        kind: the dataclass.
        value: the mapping of its fields.
        where: the place of the mapping, with which the message begins.

    Raises:
        UserError: `value` does not fit the dataclass.
    """
    if not isinstance(value, dict):
        raise UserError(f"{where}: want a mapping with the keys {', '.join(parameters(kind).configured)}")
    checker = Checker({})
    checked = checker.fields(value, parameters(kind), "")
    if checker.faults:
        raise UserError(f"{where}: " + "; ".join(checker.faults))
    return kind(**checked)
