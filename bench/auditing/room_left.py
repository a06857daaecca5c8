"""How far a gradient determines its inputs, whatever today's attacks find: the room left for better ones."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from bench.client import Client
from bench.engine.allowance import FLOPS
from bench.engine.cramer_rao import Determination, determination
from bench.engine.residuals import derivatives, jacobian
from bench.errors import UserError, in_short
from bench.messages.victims import Victims
from bench.running.limit_step import DRAWS, average_limit

_BYTES, _COPIES = 8, 3  # of a number; the Jacobian, what it is put together from, and what is factored
_MOST_BYTES = 2e9
_AT_ONCE = 32  # derivatives by which the time of all is estimated
_FLOPS = 3 * FLOPS  # a product of matrices is as much quicker than their decomposition


@dataclass(frozen=True)
class RoomLeft:
    """What the Jacobian of the shared gradient by the inputs says (`bench.engine.cramer_rao`).

    Args:
        reason: why there is no figure; None if there is.
        entries: numbers of the inputs.
        rank: of the Jacobian.
        condition: its largest singular value over the smallest; infinite if the rank is not full.
        std: deviation of the Gaussian noise on the gradient; None without noise.
        bound: the root mean square error per entry that no unbiased attacker stays below under that noise; None without
            noise.
        unit: of the bounds, in words.
        average: of images under that noise, the root mean square error per entry that no attacker stays below on
            average over images with the spectrum of natural ones; None for other inputs, without noise, or if there was
            no time for it.
    """

    reason: str | None
    entries: int = 0
    rank: int = 0
    condition: float = math.inf
    std: float | None = None
    bound: float | None = None
    unit: str = ""
    average: float | None = None

    @property
    def sentence(self) -> str:
        """In words."""
        if self.reason is not None:
            return f"whether the gradient determines the inputs was not computed: {self.reason}."
        if self.rank < self.entries:
            return (
                f"the gradient determines {self.rank} of {self.entries} directions of the inputs, to first order at "
                f"the truth; for the others, an attacker needs to know what such inputs look like.{self._on_average}"
            )
        word = (
            f"the gradient determines the inputs locally (rank {self.rank} of {self.entries}, condition number "
            f"{self.condition:.1e}), whether or not today's attacks find them"
        )
        if self.bound is None:
            return f"{word}."
        return (
            f"{word}; but with noise of {self.std:g}, no unbiased attacker has an error below {self.bound:.2g} "
            f"{self.unit} (Cramer-Rao; who knows what such inputs look like may).{self._on_average}"
        )

    @property
    def _on_average(self) -> str:
        """The Bayesian bound in words, behind a space; empty without one."""
        if self.average is None:
            return ""
        return (
            " On average over images that are drawn from a Gaussian prior with the spectrum of natural ones, no "
            f"attacker at all has an error below {self.average:.2g} {self.unit} under noise of {self.std:g} (van "
            f"Trees, estimated at {DRAWS} such images; it holds in the mean, and says nothing of this batch or of "
            "images that look otherwise)."
        )


def room_left(
    client: Client,
    victims: Victims,
    channels: int,
    std: float | None,
    scale: float,
    unit: str,
    seconds: float,
    are_images: bool,
) -> RoomLeft:
    """Computes the singular values of the Jacobian, if that is affordable, and what follows for noise.

    Args:
        client: in double precision.
        victims: the private batch, `[1, B, C, H, W]`.
        channels: how many of the C channels are inputs; the others code targets and stay as they are.
        std: of the noise on the gradient; None without noise.
        scale: what a unit of the attacker's is in `unit`.
        unit: of the bound.
        seconds: how long it may take.
        are_images: whether the prior of images applies, whose units are the attacker's.
    """
    entries = victims.inputs[0, :, :channels].numel()
    numbers = entries * client.facts.parameters
    if numbers * _BYTES * _COPIES > _MOST_BYTES:
        return RoomLeft(f"its Jacobian has {entries:,} x {client.facts.parameters:,} numbers, too many for the memory")
    try:
        function, point = _of_inputs(client, victims, channels)
        begin = time.perf_counter()
        few = torch.eye(entries, dtype=point.dtype, device=point.device)[:_AT_ONCE]
        derivatives(function, point, few)
        each = (time.perf_counter() - begin) / len(few)
        expected = each * entries + 2 * numbers * entries / _FLOPS
        if expected > seconds:
            return RoomLeft(f"it takes about {expected:.0f} s, and {max(seconds, 0):.0f} s of the budget are left")
        begin = time.perf_counter()
        found = determination(jacobian(function, point))
        took = time.perf_counter() - begin
    except (RuntimeError, MemoryError, NotImplementedError, UserError) as error:
        return RoomLeft(f"torch has no forward derivative of this step ({in_short(error)})")
    room = _of(found, std, scale, unit)
    if std is None or not are_images or (DRAWS + 1) * took > seconds:
        return room
    shape = victims.inputs[0, :, :channels].shape
    squared = average_limit(function, shape, std, int(victims.ids[0]), point.device)
    return replace(room, average=scale * math.sqrt(squared))


def _of(found: Determination, std: float | None, scale: float, unit: str) -> RoomLeft:
    bound = None if std is None or not found.determined else scale * math.sqrt(found.unbiased_limit(std))
    return RoomLeft(None, found.entries, found.rank, found.condition, std, bound, unit)


def _of_inputs(client: Client, victims: Victims, channels: int) -> tuple[Callable[[Tensor], Tensor], Tensor]:
    """What is shared as a function of the inputs alone, and the point at which they are."""
    whole, shape = client.update_as_function(victims), victims.inputs[0].shape
    fixed = victims.inputs[0, :, channels:].double()
    own = victims.inputs[0, :, :channels].double()

    def function(entries: Tensor) -> Tensor:
        return whole(torch.cat([entries.reshape(own.shape), fixed], 1).reshape(shape).flatten())

    return function, own.flatten()
