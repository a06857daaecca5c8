"""Victims dealt to processes, and handed out in blocks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from bench.messages.victims import Victims


def share(ids: Sequence[int], rank: int, world: int) -> Sequence[int]:
    """Returns the share of one process: every `world`-th id, from the `rank`-th on; of a range it is a range.

    The shares of all processes together hold each id exactly once; none is repeated to make the shares equal.

    Args:
        ids: the ids to divide.
        rank: number of the process, from 0.
        world: number of processes.
    """
    return ids[rank::world]


class Deals(Protocol):
    """What deals victims by their ids."""

    def deal(self, ids: Sequence[int]) -> Victims:
        """Returns the victims `ids`, in that order."""


class Blocks:
    """Yields victims in blocks. It is no DataLoader, since Lightning would replace its sampler by one that pads."""

    def __init__(self, source: Deals, ids: Sequence[int], block: int, count: int) -> None:
        self._source, self._ids, self._block, self._count = source, ids, block, count

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Victims]:
        starts = range(0, self._count * self._block, self._block)
        return (self._source.deal(self._ids[start : start + self._block]) for start in starts)
