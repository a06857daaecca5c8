"""Floating-point operations and bytes of an evaluation, counted on what is run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields

import torch
from torch import Tensor
from torch.fx.experimental.proxy_tensor import make_fx
from torch.utils.flop_counter import FlopCounterMode

from bench.engine.directions import Iterate
from bench.engine.slots import Slots
from bench.speed.setting import Setting


@dataclass(frozen=True)
class Flops:
    """Operations a victim and evaluation; a multiplication and an addition are two.

    Matrix products and convolutions are counted, by the shapes that torch dispatches; activations, sums and triangular
    systems are not.

    Args:
        matching: of the objective and its gradient, those left out whose result nothing uses.
        eager: likewise, those included (without a compiler they are carried out).
        history: of taking in a pair and of a direction, with a full history.
    """

    matching: int
    eager: int
    history: int

    @property
    def total(self) -> int:
        """Of the objective, its gradient and the direction."""
        return self.matching + self.history


def count(setting: Setting) -> Flops:
    """Counts on one victim.

    On several at once torch's counter is wrong: convolutions are then grouped, one group a victim, and it takes the
    weight gradient of a grouped convolution for that of a full one, as many times too large as there are groups.
    """
    matching, start = one_victim(setting)
    eager = counted(lambda: matching(start))
    return Flops(needed(matching, start) or eager, eager, counted(_direction(setting)))


def one_victim(setting: Setting) -> tuple[Callable[[Tensor], tuple[Tensor, Tensor]], Tensor]:
    """The objective with the pool's first victim in its one slot, and that victim's start `[1, n]`."""
    matching = setting.matching()
    matching.load(torch.zeros(1, dtype=torch.long, device=setting.seen.ids.device))
    start = setting.attack.start_of(setting.seen, setting.cfg.seed, 0).unsqueeze(0)
    return matching, start.to(setting.seen.ids.device)


def counted(work: Callable[[], object]) -> int:
    """Operations that `work` carries out."""
    with FlopCounterMode(display=False) as counter:
        work()
    return int(counter.get_total_flops())


def needed(function: Callable[[Tensor], tuple[Tensor, Tensor]], x: Tensor) -> int | None:
    """Operations that the results depend on; None where the function cannot be traced."""
    try:
        traced = make_fx(function)(x)
    except Exception:  # tracing runs the model's own code, which may do anything
        return None
    traced.graph.eliminate_dead_code()
    traced.recompile()
    return counted(lambda: traced(x))


def history_bytes(setting: Setting) -> int:
    """Bytes that the history must move for one evaluation whose step is taken: four passes of m times n numbers.

    A direction needs the products of S and of Y with a vector before it can know the weights with which it sums the
    rows of S and of Y. Between the two passes no cache keeps them: there are as many histories as victims. A new pair
    is written once.
    """
    state = setting.attack.minimiser.direction.start(_like(setting))
    held = sum(pairs.nbytes for pairs in _pairs(state, setting.layout.n))
    return 2 * held + (held // setting.history if setting.history else 0)


def _pairs(state: Slots, n: int) -> list[Tensor]:
    """S and Y: the tensors of the state with rows of n."""
    tensors = [getattr(state, field.name) for field in fields(state)]
    return [tensor for tensor in tensors if tensor.dim() == 3 and tensor.shape[2] == n]


def _direction(setting: Setting) -> Callable[[], object]:
    """A pair taken in and a direction found, with a history that is full."""
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
