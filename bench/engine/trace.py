"""A few values of each run, evenly spaced in its iterations, however long the run gets."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from bench.engine.slots import Slots


@dataclass(frozen=True)
class TraceConfig:
    """Which iterates of a run are kept: every `stride`-th. When the buffer is full, every second one is dropped.

    Args:
        room: how many are kept at most, even.
        stride: iterations between two kept iterates, at the beginning.
        moments: how many of them are returned in the end, evenly spaced.
    """

    room: int
    stride: int
    moments: int


PICTURES = TraceConfig(room=16, stride=1, moments=8)  # images are large, and a strip of eight fits a page
WORDS = TraceConfig(room=32, stride=10, moments=32)  # iterations 0, 10, 20, 30, as in the table on text of DLG


@dataclass(eq=False)
class TraceBuffer(Slots):
    """Values seen at multiples of a stride, which doubles for a slot when its buffer is full."""

    at: Tensor  # [S, room], the iteration of each value, -1 at unused entries
    values: Tensor  # [S, room, n]
    count: Tensor  # [S]
    stride: Tensor  # [S]
    first: Tensor  # [S], the stride to begin with

    @classmethod
    def start(cls, slots: int, room: int, stride: int, like: Tensor) -> TraceBuffer:
        """Makes an empty buffer.

        Args:
            slots: S.
            room: see `TraceConfig`.
            stride: see `TraceConfig`.
            like: `[S, n]`, which gives n, the type and the device of the values.
        """
        strides = torch.full((slots,), stride, dtype=torch.long, device=like.device)
        return cls(
            at=torch.full((slots, room), -1, dtype=torch.long, device=like.device),
            values=like.new_zeros(slots, room, like.shape[1]),
            count=torch.zeros(slots, dtype=torch.long, device=like.device),
            stride=strides,
            first=strides.clone(),
        )

    def clear(self, slots: Tensor) -> None:
        """Empties the buffers of the slots in the mask `slots` `[S]`."""
        self.at[slots] = -1
        self.count[slots] = 0
        self.stride[slots] = self.first[slots]

    def see(self, time: Tensor, values: Tensor, slots: Tensor) -> None:
        """Keeps the values whose time is a multiple of the stride of their slot.

        Args:
            time: `[S]`, int64, the iterations of the runs.
            values: `[S, n]`.
            slots: `[S]`, mask; the values of other slots are ignored.
        """
        index = torch.nonzero(slots & (time % self.stride == 0)).flatten()
        if not len(index):
            return
        room = self.at.shape[1]
        full = index[self.count[index] == room]
        if len(full):
            half = room // 2
            self.at[full, :half], self.values[full, :half] = self.at[full, ::2], self.values[full, ::2]
            self.at[full, half:] = -1
            self.count[full] = half
            self.stride[full] *= 2
            index = index[time[index] % self.stride[index] == 0]
        self.at[index, self.count[index]] = time[index]
        self.values[index, self.count[index]] = values[index]
        self.count[index] += 1

    def pick(self, slot: int, moments: int) -> tuple[Tensor, Tensor]:
        """Returns at most `moments` values of one slot, evenly spaced, on the CPU.

        Args:
            slot: number of the slot.
            moments: how many values are returned at most.

        Returns:
            Times `[moments]` (-1 at unused entries) and values `[moments, n]`.
        """
        count = int(self.count[slot])
        at = torch.full((moments,), -1, dtype=torch.long)
        values = self.values.new_zeros(moments, self.values.shape[2], device="cpu")
        if count:
            chosen = torch.linspace(0, count - 1, min(moments, count)).round().long()
            at[: len(chosen)] = self.at[slot].cpu()[chosen]
            values[: len(chosen)] = self.values[slot].cpu()[chosen]
        return at, values
