"""What the victims of one client share, kept for the label rules that look at it one after the other."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from bench.client import Client
from bench.engine.size import bytes_of_tensors
from bench.messages.observation import Observation
from bench.messages.victims import Victims

ROOM = 2**28  # bytes that are kept; larger updates are computed again
_OF_A_RULE = ("attack", "names", "measure", "suite", "results", "report", "logger", "executor")


class SharedUpdates:
    """The updates of a client's victims, each computed once while they fit into `ROOM`.

    A suite of label rules meets each client once per rule, and gradients of large batches take longer than any rule.

    Args:
        client: the private side. What it shares depends on the victims alone.
    """

    def __init__(self, client: Client) -> None:
        self.client = client
        self._kept: dict[tuple[Any, ...], Observation] = {}
        self._bytes = 0

    def __call__(self, victims: Victims) -> Observation:
        """What an attacker sees of these victims; see `Client.share`."""
        key = (victims.inputs.device, *victims.ids.tolist())
        if key in self._kept:
            return self._kept[key]
        seen = self.client.share(victims)
        size = sum(map(bytes_of_tensors, (seen.gradients, seen.parameters, seen.buffers)))
        if self._bytes + size <= ROOM:
            self._kept[key], self._bytes = seen, self._bytes + size
        return seen


_last: tuple[str, SharedUpdates] | None = None  # of the cell before; a suite goes through the rules last


def updates_of(config: Mapping[str, Any], contents: Mapping[str, Any], make: Callable[[], Client]) -> SharedUpdates:
    """The updates of a cell's client: those of the cell before if the two cells differ in their rule only.

    Args:
        config: of the cell, as plain containers.
        contents: hashes of its data and weights, see `bench.results.identity.contents`.
        make: builds the client.
    """
    global _last
    same = {key: value for key, value in config.items() if key not in _OF_A_RULE}
    key = json.dumps([same, dict(contents)], sort_keys=True, default=str)
    if _last is None or _last[0] != key:
        _last = None  # the old one goes before the new one comes
        _last = key, SharedUpdates(make())
    return _last[1]
