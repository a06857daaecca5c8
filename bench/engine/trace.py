"""A few moments of each run, evenly spaced however long it gets."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from bench.engine.slots import Slots


@dataclass(eq=False)
class Moments(Slots):
    """Values seen at multiples of a stride that doubles, a slot at a time, when the room is full."""

    at: Tensor  # [S, room], the time of each value, -1 where empty
    values: Tensor  # [S, room, n]
    count: Tensor  # [S]
    stride: Tensor  # [S]

    @classmethod
    def start(cls, slots: int, room: int, like: Tensor) -> Moments:
        """Empty; `room` is even, `like` gives n, dtype and device (`[S, n]`)."""
        return cls(
            at=torch.full((slots, room), -1, dtype=torch.long, device=like.device),
            values=like.new_zeros(slots, room, like.shape[1]),
            count=torch.zeros(slots, dtype=torch.long, device=like.device),
            stride=torch.ones(slots, dtype=torch.long, device=like.device),
        )

    def clear(self, slots: Tensor) -> None:
        """Empties the slots where the mask holds."""
        self.at[slots] = -1
        self.count[slots] = 0
        self.stride[slots] = 1

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
