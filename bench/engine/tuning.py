"""How many victims at once, mapped or one by one, compiled or not; settled once a kind of work.

On a processor the shape of the work alone decides, since the number of slots decides how results are rounded; on an
accelerator, where nothing is promised to the bit, a short measurement does.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from bench.engine.compile import Function, compile_matching, pays
from bench.engine.matching import Matching
from bench.engine.seats import seats_of
from bench.engine.size import bytes_of_gradients, operations
from bench.host.capacity import cores

# On a processor: 8 slots do three quarters of what 32 do a second, and one victim in them takes a third of the time.
SLOTS = 8
SLOTS_COMPILED = 32  # 128 at once gave 4 to 7 % more, for four times the memory (docs/speed.md)
CANDIDATES_CUDA = (32, 128, 512)
# Operations an evaluation: beyond, calls cost nothing beside them, and mapped convolutions are slow.
MAPPED_UP_TO = 10**9
MEMORY = {"cpu": 2**29, "cuda": 2**31}  # bytes that the slots may take for states, histories and gradients
_THREADS_MARGIN = 1.1
_TURNS, _LONG = 8, 2.0  # turns of one thread and of all; after three of them, so many seconds are enough
_MARGIN = 1.1  # a larger chunk has to be this much faster: it costs memory, and its tail runs emptier

Some = Callable[[int], tuple[Matching, Tensor]]  # slots -> a function loaded with as many victims, and variables


@dataclass(frozen=True)
class Tuned:
    """What was settled.

    Args:
        slots: victims at once.
        one_by_one: whether they are taken in a loop instead of mapped over.
        threads: of the processor.
        compiled: stands for the matching function at exactly `slots` slots; None for eager.
        rates: `{(slots, mapped): evaluations per second}` of what was measured, optimiser not included.
        compile_seconds: what compiling cost.
        notice: what is done otherwise than asked for, and why; empty otherwise.
        seated: whether each run has a slot of its own, so that its result is the same in any company.
    """

    slots: int
    one_by_one: bool
    compiled: Function | None
    threads: int
    rates: dict[tuple[int, bool], float]
    compile_seconds: float = 0.0
    notice: str = ""
    seated: bool = False

    def apply(self, matching: Matching) -> None:
        """Sets a matching function up accordingly."""
        torch.set_num_threads(self.threads)
        if self.one_by_one:
            matching.one_by_one()
        matching.use(self.compiled, self.slots)

    def seats(self, ids: Tensor, restarts: int, slots: int) -> list[int] | None:
        """The slot of each run of these victims; None where a run takes any."""
        return seats_of(ids, restarts, slots) if self.seated else None


def tune(
    make: Callable[[Tensor], tuple[Matching, Tensor]],
    total: int,
    chunk: int | None,
    threads: int | None,
    compile_: bool | None,
    victims: int,
    evaluations: int,
    held: int,
    device: torch.device,
) -> Tuned:
    """Settles what is left open, then compiles if that pays.

    Args:
        make: `positions [S] -> (a matching function loaded with these victims, variables [S, n])`.
        total: victims of the observation at hand.
        chunk, threads: see `Engine`; given ones are taken.
        compile_: see `Engine`.
        victims, evaluations: the size of the whole work, and the budget of each.
        held: bytes a slot of states, history and trace.
        device: of the work.
    """

    def some(size: int) -> tuple[Matching, Tensor]:
        return make(torch.arange(size) % total)

    torch.set_num_threads(threads or 1)
    found = _settled(some, total, chunk, threads or 1, held, device)
    if threads is None and device.type == "cpu":
        found = replace(found, threads=_threads(some, found))
    torch.set_num_threads(found.threads)
    wanted = pays(victims, evaluations) if compile_ is None else compile_
    if not wanted or found.one_by_one:
        return found
    slots = found.slots
    if chunk is None and device.type == "cpu":
        slots = min(total, room(SLOTS_COMPILED, held, some(1)[0], device))
    matching, z = some(slots)
    compiled = compile_matching(matching, z)
    if compiled.function is None:
        return replace(found, compile_seconds=compiled.seconds, notice=f"not compiled: {compiled.reason}")
    return replace(found, slots=slots, compiled=compiled.function, compile_seconds=compiled.seconds, seated=False)


def _settled(
    some: Some,
    total: int,
    chunk: int | None,
    threads: int,
    held: int,
    device: torch.device,
) -> Tuned:
    """How it is done without a compiler."""
    seated, (matching, z) = device.type == "cpu", some(1)
    if not matching.mappable:
        notice = "one victim at a time: vmap cannot map this model"
        return Tuned(1, True, None, threads, {}, notice=notice, seated=seated)
    if chunk is not None:
        return Tuned(chunk if seated else min(chunk, total), False, None, threads, {}, seated=seated)
    if not seated:
        return _measured(some, total, held, device)
    matching.one_by_one()
    slots = room(SLOTS, held, matching, device)
    if slots > 1 and (operations(matching, z) or 0) > MAPPED_UP_TO:
        slots = 1
    return Tuned(slots, slots == 1, None, threads, {}, seated=True)


def room(most: int, held: int, matching: Matching, device: torch.device) -> int:
    """The largest power of two, `most` at most, of slots whose states and gradients fit `MEMORY`; at least 1.

    Args:
        held: bytes a slot of states, history and trace.
        matching: loaded with one victim.
    """
    slots, each = most, held + bytes_of_gradients(matching)
    while slots > 1 and slots * each > MEMORY.get(device.type, MEMORY["cpu"]):
        slots //= 2
    return slots


def _measured(some: Some, total: int, held: int, device: torch.device) -> Tuned:
    rates: dict[tuple[int, bool], float] = {}
    matching, z = some(1)
    most = room(CANDIDATES_CUDA[-1], held, matching, device)
    sizes = sorted({min(size, total, most) for size in CANDIDATES_CUDA})
    matching.one_by_one()
    rates[1, False] = 1 / _seconds(matching, z)
    best = (1, False)
    for size in sizes:
        try:
            matching, z = some(size)
            rates[size, True] = size / _seconds(matching, z)
        except torch.OutOfMemoryError:
            break
        if rates[size, True] > _MARGIN * rates[best]:
            best = (size, True)
    return Tuned(best[0], not best[1], None, torch.get_num_threads(), rates)


def _threads(some: Some, found: Tuned) -> int:
    """One thread, or as many as there are cores where that is clearly quicker: on a busy one they can be far slower."""
    every = cores()
    if every == 1:
        return 1
    matching, z = some(found.slots)
    if found.one_by_one:
        matching.one_by_one()
    best = {1: float("inf"), every: float("inf")}
    matching(z)
    began = time.perf_counter()
    for turn in range(_TURNS):  # in turn: what else keeps the machine busy for a moment does not fall on one of them
        for threads in best:
            torch.set_num_threads(threads)
            best[threads] = min(best[threads], _once(matching, z))
        if turn >= 2 and time.perf_counter() - began > _LONG:
            break
    return every if best[every] * _THREADS_MARGIN < best[1] else 1


def _seconds(matching: Matching, z: Tensor) -> float:
    """The quickest of three evaluations after one that warms up."""
    matching(z)
    return min(_once(matching, z) for _ in range(3))


def _once(matching: Matching, z: Tensor) -> float:
    """Seconds of one evaluation."""
    began = time.perf_counter()
    matching(z)
    if z.device.type == "cuda":
        torch.cuda.synchronize(z.device)
    return time.perf_counter() - began
