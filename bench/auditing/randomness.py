"""The random numbers of a training step, such as the masks of dropout: recorded once, and used again by every step.

An attack differentiates the step many times, and each time the same step has to be computed. So what torch's random
functions return is recorded while the client computes its step, and handed out again, in the same order, afterwards.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from torch.overrides import TorchFunctionMode

_DROPOUTS: tuple[Callable[..., Any], ...] = (
    functional.dropout,
    functional.dropout1d,
    functional.dropout2d,
    functional.dropout3d,
)
_DRAWS: tuple[Callable[..., Any], ...] = (
    torch.rand,
    torch.randn,
    torch.randint,
    torch.randperm,
    torch.rand_like,
    torch.randn_like,
    torch.randint_like,
    torch.bernoulli,
    torch.normal,
    torch.Tensor.bernoulli,
)
_IN_PLACE: tuple[Callable[..., Any], ...] = (
    torch.Tensor.uniform_,
    torch.Tensor.normal_,
    torch.Tensor.bernoulli_,
)


class Tape(TorchFunctionMode):
    """Inside this context, random functions return what they returned when the tape was made.

    A tape is entered once for each step and begins at its start. While `recording`, it draws and keeps.
    """

    def __init__(self) -> None:
        super().__init__()
        self.values: list[Tensor] = []
        self.recording = True
        self._place = 0

    def __enter__(self) -> Tape:
        """Begins at the start."""
        self._place = 0
        super().__enter__()
        return self

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Calls the function, or returns what was recorded; see torch."""
        given = dict(kwargs or {})
        if func in _DROPOUTS:
            return self._dropped(func, *args, **given)
        if func in _DRAWS:
            return self._next(functools.partial(func, *args, **given))
        if func in _IN_PLACE:
            return args[0].copy_(self._next(functools.partial(func, args[0].detach().clone(), *args[1:], **given)))
        return func(*args, **given)

    def _dropped(
        self, func: Any, input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False
    ) -> Tensor:
        if not training or p == 0:
            return input
        return input * self._next(lambda: func(torch.ones_like(input), p, True)).to(input.dtype)

    def _next(self, make: Callable[[], Any]) -> Tensor:
        if self.recording:
            self.values.append(make().detach())
        self._place += 1
        return self.values[self._place - 1]
