"""Which run a slot works on next: the first that waits, or the first of those that belong to this slot.

A processor's kernels round an entry by where in a batch it stands: the last few of a tensor, which fill no vector
register, take another path through `exp` or `tanh` than the others. So a victim's path is a function of its own numbers
only if the number of slots and its own slot are always the same ones, whoever else is at work, in whichever process.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from torch import Tensor


def seats_of(ids: Tensor, restarts: int, slots: int) -> list[int]:
    """The slot that each run of each victim belongs to, by nothing but its numbers.

    Consecutive victims take consecutive slots, one further with each round, so that every n-th victim (what one of n
    processes is dealt) takes all slots in turn as well.

    Args:
        ids: `[V]`, the victims' numbers; restarts: runs a victim; slots: S.

    Returns:
        V times `restarts` slots, all runs of a victim beside each other.

    Example:
        >>> import torch
        >>> seats_of(torch.arange(8), 1, 4), seats_of(torch.tensor([0, 2, 4, 6]), 1, 4)
        ([0, 1, 2, 3, 1, 2, 3, 0], [0, 2, 1, 3])
    """
    runs = (victim * restarts + run for victim in ids.tolist() for run in range(restarts))
    return [(run + run // slots) % slots for run in runs]


class Waiting:
    """The runs that wait for a slot, in order.

    Args:
        total: runs, numbered from 0.
        slots: S.
        seats: the slot of each run; None where a run takes any slot.
    """

    def __init__(self, total: int, slots: int, seats: Sequence[int] | None) -> None:
        lines: list[deque[int]] = [deque() for _ in range(slots if seats is not None else 1)]
        for run in range(total):
            lines[0 if seats is None else seats[run]].append(run)
        self._lines = lines

    def next(self, slot: int) -> int | None:
        """The run that this slot takes now; None where none waits for it."""
        line = self._lines[slot if len(self._lines) > 1 else 0]
        return line.popleft() if line else None
