"""Counts the floating-point operations and the bytes of one evaluation, on the code that runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields

import torch
from torch import Tensor
from torch.fx.experimental.proxy_tensor import make_fx
from torch.utils.flop_counter import FlopCounterMode

from bench.engine.directions import Iterate
from bench.engine.kernels.history import left_to_torch
from bench.engine.slots import Slots
from bench.speed.setting import Setting


@dataclass(frozen=True)
class Flops:
    """Floating-point operations per victim and evaluation; a multiplication and an addition are two operations.

    Matrix products and convolutions are counted by the shapes that torch dispatches. Activations, sums and triangular
    systems are not counted.

    Args:
        matching: the operations of the objective and its gradient, without those whose results are not used.
        eager: the same with those, which are carried out if there is no compiler.
        history: the operations of adding a pair to a full history and of finding a direction.
    """

    matching: int
    eager: int
    history: int

    @property
    def total(self) -> int:
        """The operations of the objective, its gradient and the direction together."""
        return self.matching + self.history


def count(setting: Setting) -> Flops:
    """Counts the operations on one victim.

    With several victims torch's counter would be wrong. Convolutions are then grouped, with one group per victim, and
    the counter takes the weight gradient of a grouped convolution for that of a full one, which is too large by a
    factor of the number of groups.
    """
    matching, start = one_victim(setting)
    eager = counted(lambda: matching(start))
    with left_to_torch():
        history = counted(_direction(setting))
    return Flops(needed(matching, start) or eager, eager, history)


def one_victim(setting: Setting) -> tuple[Callable[[Tensor], tuple[Tensor, Tensor]], Tensor]:
    """The objective with the pool's first victim in its only slot, and the start of that victim, `[1, n]`."""
    matching = setting.matching()
    matching.load(torch.zeros(1, dtype=torch.long, device=setting.seen.ids.device))
    start = setting.attack.start_of(setting.seen, setting.cfg.seed, 0).unsqueeze(0)
    return matching, start.to(setting.seen.ids.device)


def counted(work: Callable[[], object]) -> int:
    """The number of floating-point operations that `work` carries out."""
    with FlopCounterMode(display=False) as counter:
        work()
    return int(counter.get_total_flops())


def needed(function: Callable[[Tensor], tuple[Tensor, Tensor]], x: Tensor) -> int | None:
    """The number of operations that the results depend on; None if the function cannot be traced.

    Args:
        function: maps the variables `[1, n]` to the objective and its gradient.
        x: the variables, `[1, n]`.
    """
    try:
        traced = make_fx(function)(x)
    except Exception:  # tracing runs the model's own code, which may raise anything
        return None
    traced.graph.eliminate_dead_code()
    traced.recompile()
    return counted(lambda: traced(x))


def history_bytes(setting: Setting) -> int:
    """The bytes that the history moves for one evaluation whose step is taken: four passes over m times n numbers.

    A direction needs the products of S and Y with a vector before it knows the weights with which it sums the rows of S
    and Y. No cache holds them between the two passes, because there are as many histories as victims. A new pair is
    written once.
    """
    state = setting.attack.minimiser.direction.start(_like(setting))
    held = sum(pairs.nbytes for pairs in _pairs(state, setting.layout.n))
    return 2 * held + (held // setting.history if setting.history else 0)


def _pairs(state: Slots, n: int) -> list[Tensor]:
    """The tensors of the state with rows of n, which are S and Y."""
    tensors = [getattr(state, field.name) for field in fields(state)]
    return [tensor for tensor in tensors if tensor.dim() == 3 and tensor.shape[2] == n]


def _direction(setting: Setting) -> Callable[[], object]:
    """A function that adds one pair to a full history and finds one direction."""
    rule, like = setting.attack.minimiser.direction, _like(setting)
    state = rule.start(like)
    generator = torch.Generator().manual_seed(0)
    every = torch.ones(1, dtype=torch.bool, device=like.device)

    def turn() -> Tensor:
        s = torch.rand(like.shape, generator=generator).to(like)
        return rule(state, Iterate(x=like, g=2 * s, s=s, g_before=like, stepped=every, here=every))

    for _ in range(setting.history):
        turn()
    return turn


def _like(setting: Setting) -> Tensor:
    return torch.zeros(1, setting.layout.n, dtype=setting.components.engine.dtype, device=setting.seen.ids.device)
