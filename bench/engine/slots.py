"""State of the victims at work: named tensors `[S, ...]`, one row per slot."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TypeVar

from torch import Tensor

T = TypeVar("T", bound="Slots")


@dataclass(eq=False)
class Slots:
    """A dataclass whose fields are tensors with one leading dimension, S."""

    def __len__(self) -> int:
        return getattr(self, fields(self)[0].name).shape[0]

    def keep(self: T, index: Tensor) -> T:
        """Returns the state of the slots in `index` only."""
        return type(self)(**{f.name: getattr(self, f.name)[index] for f in fields(self)})


@dataclass(eq=False)
class Nothing(Slots):
    """The state of a rule that remembers nothing: it only knows the number of slots."""

    empty: Tensor  # [S]
