"""A few moments of each run, evenly spaced however long it gets."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from bench.engine.slots import Slots


@dataclass(frozen=True)
class TraceConfig:
    """Which iterates of a run are kept: every `stride`-th, every second of these when there is no room for more.

    Args:
        room: how many at most, even.
        stride: iterations between two, to begin with.
        moments: how many of them are handed on in the end, evenly spread.
    """

    room: int
    stride: int
    moments: int


PICTURES = TraceConfig(room=16, stride=1, moments=8)  # they are large, and a strip of eight fits a page
WORDS = TraceConfig(room=32, stride=10, moments=32)  # at iterations 0, 10, 20, 30, as in the paper's table on text


@dataclass(eq=False)
class TraceBuffer(Slots):
    """Values seen at multiples of a stride that doubles, a slot at a time, when the room is full."""

    at: Tensor  # [S, room], the time of each value, -1 where empty
    values: Tensor  # [S, room, n]
    count: Tensor  # [S]
    stride: Tensor  # [S]
    first: Tensor  # [S], the stride to begin with

    @classmethod
    def start(cls, slots: int, room: int, stride: int, like: Tensor) -> TraceBuffer:
        """Empty; `room` and `stride` as in `TraceConfig`, `like` gives n, dtype and device (`[S, n]`)."""
        strides = torch.full((slots,), stride, dtype=torch.long, device=like.device)
        return cls(
            at=torch.full((slots, room), -1, dtype=torch.long, device=like.device),
            values=like.new_zeros(slots, room, like.shape[1]),
            count=torch.zeros(slots, dtype=torch.long, device=like.device),
            stride=strides,
            first=strides.clone(),
        )

    def clear(self, slots: Tensor) -> None:
        """Empties the slots where the mask holds."""
        self.at[slots] = -1
        self.count[slots] = 0
        self.stride[slots] = self.first[slots]

    def see(self, time: Tensor, values: Tensor, slots: Tensor) -> None:
        """Keeps `values` `[S, n]` of the slots where the mask holds, if `time` `[S]` is one of their moments."""
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
        """At most `moments` of a slot's, evenly spread: times `[moments]` (-1 at the end), values `[moments, n]`."""
        count = int(self.count[slot])
        at = torch.full((moments,), -1, dtype=torch.long)
        values = self.values.new_zeros(moments, self.values.shape[2], device="cpu")
        if count:
            chosen = torch.linspace(0, count - 1, min(moments, count)).round().long()
            at[: len(chosen)] = self.at[slot].cpu()[chosen]
            values[: len(chosen)] = self.values[slot].cpu()[chosen]
        return at, values
