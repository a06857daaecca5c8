"""Victims dealt to processes, and handed out in blocks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from bench.messages.victims import Victims


def share(ids: Sequence[int], rank: int, world: int) -> list[int]:
    """Returns the share of one process: every `world`-th id, from the `rank`-th on.

    The shares of all processes together hold each id exactly once; none is repeated to make the shares equal.

    Args:
        ids: the ids to divide.
        rank: number of the process, from 0.
        world: number of processes.
    """
    return list(ids[rank::world])


class Deals(Protocol):
    """What deals victims by their ids."""

    def deal(self, ids: Sequence[int]) -> Victims:
        """Returns the victims `ids`, in that order."""


class Blocks:
    """Yields victims in blocks. It is no DataLoader, since Lightning would replace its sampler by one that pads."""

    def __init__(self, source: Deals, ids: Sequence[int], block: int, count: int) -> None:
        self._source = source
        self._blocks = [ids[number * block : (number + 1) * block] for number in range(count)]

    def __len__(self) -> int:
        return len(self._blocks)

    def __iter__(self) -> Iterator[Victims]:
        return (self._source.deal(ids) for ids in self._blocks)
