"""How many victims at once, mapped or one by one, compiled or not: found out by measuring, once a kind of work."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from bench.engine.compile import Function, compile_matching, pays
from bench.engine.matching import Matching

CANDIDATES = (8, 32)  # on a processor 128 at once gave 4 to 7 % more, for four times the memory (docs/speed.md)
CANDIDATES_CUDA = (32, 128, 512)
_THREADS_MARGIN = 1.1
_TURNS, _LONG = 8, 2.0  # turns of one thread and of all; after three of them, so many seconds are enough
_MARGIN = 1.1  # a larger chunk has to be this much faster: it costs memory, and its tail runs emptier


@dataclass(frozen=True)
class Tuned:
    """What was found.

    Args:
        slots: victims at once.
        one_by_one: whether they are taken in a loop instead of mapped over.
        threads: of the processor.
        compiled: stands for the matching function at exactly `slots` slots; None for eager.
        rates: `{(slots, mapped): evaluations per second}` of what was measured, optimiser not included.
        compile_seconds: what compiling cost.
        notice: what is done otherwise than asked for, and why; empty otherwise.
    """

    slots: int
    one_by_one: bool
    compiled: Function | None
    threads: int
    rates: dict[tuple[int, bool], float]
    compile_seconds: float = 0.0
    notice: str = ""

    def apply(self, matching: Matching) -> None:
        """Sets a matching function up accordingly."""
        torch.set_num_threads(self.threads)
        if self.one_by_one:
            matching.one_by_one()
        matching.use(self.compiled, self.slots)


def tune(
    make: Callable[[Tensor], tuple[Matching, Tensor]],
    total: int,
    chunk: int | None,
    threads: int | None,
    compile_: bool | None,
    victims: int,
    evaluations: int,
    device: torch.device,
) -> Tuned:
    """Measures what is left open, then compiles if that pays.

    Args:
        make: `positions [S] -> (a matching function loaded with these victims, variables [S, n])`.
        total: victims of the observation at hand.
        chunk, threads: see `Engine`; given ones are taken.
        compile_: see `Engine`.
        victims, evaluations: the size of the whole work, and the budget of each.
        device: of the work.
    """
    torch.set_num_threads(threads or 1)
    if not make(_first(1))[0].mappable:
        found = Tuned(1, True, None, threads or 1, {}, notice="one victim at a time: vmap cannot map this model")
    elif chunk is not None:
        found = Tuned(min(chunk, total), False, None, threads or 1, {})
    else:
        found = _measured(make, total, device)
    if threads is None and device.type == "cpu":
        found = replace(found, threads=_threads(make, found))
    torch.set_num_threads(found.threads)
    wanted = pays(victims, evaluations) if compile_ is None else compile_
    if not wanted or found.one_by_one:
        return found
    matching, z = make(_first(found.slots))
    compiled = compile_matching(matching, z)
    notice = f"not compiled: {compiled.reason}" if compiled.function is None else ""
    return replace(found, compiled=compiled.function, compile_seconds=compiled.seconds, notice=notice)


def _measured(make: Callable[[Tensor], tuple[Matching, Tensor]], total: int, device: torch.device) -> Tuned:
    candidates = CANDIDATES_CUDA if device.type == "cuda" else CANDIDATES
    sizes = sorted({min(size, total) for size in candidates})
    rates: dict[tuple[int, bool], float] = {}
    matching, z = make(_first(1))
    matching.one_by_one()
    rates[1, False] = 1 / _seconds(matching, z)
    best = (1, False)
    for size in sizes:
        try:
            matching, z = make(_first(size))
            rates[size, True] = size / _seconds(matching, z)
        except torch.OutOfMemoryError:
            break
        if rates[size, True] > _MARGIN * rates[best]:
            best = (size, True)
    return Tuned(best[0], not best[1], None, torch.get_num_threads(), rates)


def _threads(make: Callable[[Tensor], tuple[Matching, Tensor]], found: Tuned) -> int:
    """One thread, or as many as there are cores where that is clearly quicker: on a busy one they can be far slower."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if cores == 1:
        return 1
    matching, z = make(_first(found.slots))
    if found.one_by_one:
        matching.one_by_one()
    best = {1: float("inf"), cores: float("inf")}
    matching(z)
    began = time.perf_counter()
    for turn in range(_TURNS):  # in turn: what else keeps the machine busy for a moment does not fall on one of them
        for threads in best:
            torch.set_num_threads(threads)
            best[threads] = min(best[threads], _once(matching, z))
        if turn >= 2 and time.perf_counter() - began > _LONG:
            break
    return cores if best[cores] * _THREADS_MARGIN < best[1] else 1


def _first(size: int) -> Tensor:
    return torch.arange(size)


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
