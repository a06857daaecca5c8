"""How many victims are computed at once, mapped or one by one, compiled or not; decided once per kind of work.

On a processor the shape of the work alone decides, because the number of slots decides how results are rounded. On an
accelerator, where results are not promised bit for bit, a short measurement decides.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from bench.engine.compile import compile_matching, pays
from bench.engine.kernels.library import is_available
from bench.engine.matching import Matching
from bench.engine.seats import seats_of
from bench.engine.size import bytes_of_gradients, operations
from bench.engine.tracing import Function, may_own, trace, trace_own
from bench.host import capacity

# On a processor, 8 slots reach three quarters of the evaluations per second of 32 slots, and a single victim takes a
# third of the time.
SLOTS = 8
SLOTS_LARGE = 32  # of large work
# Of large work whose evaluations are short: 64 do 5 to 10 % less, and 32 a quarter less, because calls cost as much as
# the arithmetic.
SLOTS_SHORT = 128
SHORT_UP_TO = 10**8  # operations per evaluation
CANDIDATES_CUDA = (32, 128, 512)
# Operations per evaluation up to which mapping pays. Beyond them the overhead of calls is negligible, and mapped
# convolutions are slow.
MAPPED_UP_TO = 10**9
# The slow ones are those of few channels. Where they are our own, larger networks are mapped too: ConvNet16 in batches
# of one and ResNet-20 in batches of four do 2.3 times as much (docs/speed.md).
MAPPED_WITH_OWN_UP_TO = 10**10
# Tracing takes a second or less, and saves 2 ms and more of each evaluation of 8 slots (docs/speed.md).
TRACED_FROM = 500  # evaluations per run
TRACED_SLOTS = 4  # eight victims fill a register of floats; with fewer than this, torch is as quick
MEMORY = {"cpu": 2**29, "cuda": 2**31}  # bytes that the slots may take for states, histories and gradients
_THREADS_MARGIN = 1.1
_TURNS, _LONG = 8, 2.0  # rounds that time one thread and all threads, and seconds after which three rounds suffice
_MARGIN = 1.1  # a larger chunk must be this much faster, since it costs memory and leaves more slots idle at the end

Some = Callable[[int], tuple[Matching, Tensor]]  # slots -> a function loaded with that many victims, and variables


@dataclass(frozen=True)
class Tuned:
    """How the work is done.

    Args:
        slots: victims at once.
        one_by_one: whether victims are computed in a loop instead of mapped over.
        compiled: replaces the matching function when there are exactly `slots` slots; None for eager computation.
        traced: replaces it if it is not compiled: with convolutions of our own; None if there are none.
        own: whether convolutions are our own, compiled or not.
        threads: processor threads.
        rates: `{(slots, mapped): evaluations per second}` of what was measured, optimiser not included.
        compile_seconds: time that compiling took.
        notice: what is done otherwise than configured, and why; empty if nothing is.
        seated: whether each run has a slot of its own, so that its result does not depend on the other victims.
    """

    slots: int
    one_by_one: bool
    compiled: Function | None
    threads: int
    rates: dict[tuple[int, bool], float]
    compile_seconds: float = 0.0
    notice: str = ""
    seated: bool = False
    traced: Function | None = None
    own: bool = False

    def apply(self, matching: Matching) -> None:
        """Sets up a matching function and the number of threads as decided here."""
        torch.set_num_threads(self.threads)
        if self.one_by_one:
            matching.one_by_one()
        if self.own:
            matching.lay_beside()
        matching.use(self.traced if self.compiled is None else self.compiled, self.slots)

    def seats(self, ids: Tensor, restarts: int, slots: int) -> list[int] | None:
        """Returns the slot of each run of the victims; None if a run takes any slot.

        Args:
            ids: `[V]`, the numbers of the victims.
            restarts: runs per victim.
            slots: S.
        """
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
    """Decides what is left open, then compiles if that pays.

    Args:
        make: `positions [S] -> (a matching function loaded with these victims, variables [S, n])`.
        total: victims of the observation at hand.
        chunk: see `EngineSettings`; a number is taken as it is.
        threads: see `EngineSettings`; a number is taken as it is.
        compile_: `EngineSettings.compile`.
        victims: number of victims of the whole work.
        evaluations: budget of evaluations per victim.
        held: bytes per slot of states, history and trace.
        device: device of the work.
    """

    def some(size: int) -> tuple[Matching, Tensor]:
        return make(torch.arange(size) % total)

    torch.set_num_threads(threads or 1)
    traces = evaluations >= TRACED_FROM
    found = _settled(some, total, chunk, threads or 1, held, device, traces)
    compiles = not found.one_by_one and (pays(victims, evaluations, own=False) if compile_ is None else compile_)
    slots = found.slots
    if compiles and chunk is None and device.type == "cpu":
        slots = min(total, _large(some, held, device))
    wanted = replace(found, slots=slots, seated=False) if compiles else found
    if compiles or traces:
        wanted = _with_own(some, wanted, timed=compiles)
    if compile_ is None and wanted.own and not pays(victims, evaluations, own=True):
        compiles, wanted = False, replace(wanted, seated=found.seated)
    if threads is None and device.type == "cpu":
        wanted = replace(wanted, threads=_threads(some, wanted))
    torch.set_num_threads(wanted.threads)
    if not compiles:
        return wanted
    matching, z = some(slots)
    wanted.apply(matching)
    compiled = compile_matching(matching, z, wanted.own)
    if compiled.function is None:
        eager = replace(found, threads=wanted.threads)
        if traces:
            eager = _with_own(some, eager, timed=False)
        notice = "; ".join(filter(None, [f"not compiled: {compiled.reason}", eager.notice]))
        return replace(eager, compile_seconds=compiled.seconds, notice=notice)
    return replace(wanted, compiled=compiled.function, compile_seconds=compiled.seconds)


def _large(some: Some, held: int, device: torch.device) -> int:
    """The number of slots of large work on a processor."""
    matching, z = some(1)
    matching.one_by_one()
    cost = operations(matching, z)
    return room(SLOTS_SHORT if cost is not None and cost <= SHORT_UP_TO else SLOTS_LARGE, held, matching, device)


def _with_own(some: Some, found: Tuned, timed: bool) -> Tuned:
    """Convolutions of our own where they serve; `timed` if a clock may say whether they are quicker than torch's.

    Without a clock the shape of the work decides, as it does of the number of slots."""
    if found.one_by_one or found.slots < TRACED_SLOTS:
        return found
    matching, z = some(found.slots)
    ours = trace_own(matching, z)
    if ours.function is None:
        return replace(found, notice=ours.reason)
    with_own = replace(found, traced=ours.function, own=True)
    if not timed:
        return with_own
    theirs, z = some(found.slots)
    theirs.use(trace(theirs, z, own=False), found.slots)
    matching.use(ours.function, found.slots)
    return with_own if _seconds(matching, z) < _seconds(theirs, z) else found


def _settled(
    some: Some,
    total: int,
    chunk: int | None,
    threads: int,
    held: int,
    device: torch.device,
    traces: bool,
) -> Tuned:
    """Decides how the work is done without compilation."""
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
    owns = traces and may_own(matching, z) and is_available("convolution")
    most = MAPPED_WITH_OWN_UP_TO if owns else MAPPED_UP_TO
    if slots > 1 and (operations(matching, z) or 0) > most:
        slots = 1
    return Tuned(slots, slots == 1, None, threads, {}, seated=True)


def room(most: int, held: int, matching: Matching, device: torch.device) -> int:
    """The number of slots whose states and gradients fit `MEMORY`: `most`, halved until they fit; at least 1.

    Args:
        most: the largest number of slots.
        held: bytes per slot of states, history and trace.
        matching: loaded with one victim.
        device: device of the work.
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
    """Returns one thread, or as many as this process may have if that is clearly quicker.

    On a busy machine, many threads can be far slower than one."""
    every = capacity.threads()
    if every == 1:
        return 1
    matching, z = some(found.slots)
    found.apply(matching)
    best = {1: float("inf"), every: float("inf")}
    matching(z)
    began = time.perf_counter()
    for turn in range(_TURNS):  # alternating, so that a short load from elsewhere does not hit only one candidate
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
