"""What every message is: a dataclass of tensors with its own `.to()`, with which Lightning moves batches.

Messages are dataclasses with `eq=False`, since a comparison of tensors has no single truth value. Each checks its
shapes when it is made.
"""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any, TypeVar

import torch
from torch import Tensor

T = TypeVar("T", bound="Message")


def _move(value: Any, device: torch.device | str) -> Any:
    if isinstance(value, Tensor):
        return value.to(device)
    if isinstance(value, dict):
        return {key: _move(item, device) for key, item in value.items()}
    return value


class Message:
    """A dataclass of tensors that Lightning can move to a device."""

    def to(self: T, device: torch.device | str) -> T:
        """Returns the same message with every tensor on `device`."""
        changes = {f.name: _move(getattr(self, f.name), device) for f in fields(self) if f.init}  # type: ignore[arg-type]
        return replace(self, **changes)  # type: ignore[type-var]


def rows_of(value: Tensor, index: Tensor) -> Tensor:
    """Returns `value[index]` of `[V, ...]`, without a copy if all rows are one expanded tensor (a shared model)."""
    return value[:1].expand(len(index), *value.shape[1:]) if value.stride(0) == 0 else value[index]


def require(condition: bool, message: str) -> None:
    """Checks a message.

    Args:
        condition: what has to hold.
        message: what is wanted, and what was given.

    Raises:
        ValueError: the condition does not hold.
    """
    if not condition:
        raise ValueError(message)
