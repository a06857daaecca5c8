"""Which run a slot works on next: the first that waits, or the first of those that belong to this slot.

The rounding of an entry depends on its position in the batch. The last few entries of a tensor, which do not fill a
vector register, are computed by another implementation of `exp` or `tanh` than the others. A victim's path is therefore
a function of its own numbers only if its slot and the number of slots are always the same, in every process and
whichever other victims are at work.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from torch import Tensor


def seats_of(ids: Tensor, restarts: int, slots: int) -> list[int]:
    """The slot that each run of each victim belongs to, as a function of its number alone.

    Consecutive victims take consecutive slots, shifted by one in each round. So every n-th victim, which is what one of
    n processes gets, takes all slots in turn as well.

    Args:
        ids: `[V]`, the numbers of the victims.
        restarts: runs per victim.
        slots: S.

    Returns:
        V times `restarts` slots; the runs of a victim are adjacent.

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
        total: number of runs; they are numbered from 0.
        slots: S.
        seats: the slot of each run; None if a run takes any slot.
    """

    def __init__(self, total: int, slots: int, seats: Sequence[int] | None) -> None:
        lines: list[deque[int]] = [deque() for _ in range(slots if seats is not None else 1)]
        for run in range(total):
            lines[0 if seats is None else seats[run]].append(run)
        self._lines = lines

    def next(self, slot: int) -> int | None:
        """Removes and returns the run that this slot takes now; None if no run waits for it."""
        line = self._lines[slot if len(self._lines) > 1 else 0]
        return line.popleft() if line else None
