"""Compilation of the matching function: used if it pays, and left out with a one-line notice if it is not available.

The function is traced (`bench.engine.tracing`) and handed to `torch.compile`. The number of slots is fixed at compile
time. A compiled function is used only if its result equals the eager one up to rounding.
"""

from __future__ import annotations

import os
import shutil
import time
from dataclasses import dataclass

import torch
from torch import Tensor

from bench.engine.matching import Matching
from bench.engine.tracing import TOLERANCE, Function, difference, trace

# A cold compile costs 10 to 80 s. Eager work takes as long for about this many evaluations on one core.
PAYS_FROM = 150_000
# With convolutions of our own, compiling saves 10 to 15 % of an evaluation: 25 microseconds per victim (docs/speed.md).
PAYS_FROM_WITH_OWN = 500_000


@dataclass(frozen=True)
class Compiled:
    """The result of a compilation.

    Args:
        function: the compiled function; None if there is none.
        reason: why there is no function; empty if there is one.
        seconds: time that the compilation took.
    """

    function: Function | None
    reason: str
    seconds: float


def pays(victims: int, evaluations: int, own: bool) -> bool:
    """Whether the whole work is large enough to be worth the time of compiling.

    Args:
        victims: number of victims of the whole work.
        evaluations: budget of evaluations per victim.
        own: whether convolutions are those of `bench.engine.kernels`, which are quick without compiling.
    """
    return victims * evaluations >= (PAYS_FROM_WITH_OWN if own else PAYS_FROM)


def compile_matching(matching: Matching, z: Tensor, own: bool) -> Compiled:
    """Compiles `matching` for the number of slots that it holds now.

    Args:
        matching: a matching function, loaded with S victims.
        z: `[S, n]`, variables at which the function may be evaluated.
        own: whether convolutions are those of `bench.engine.kernels`.

    Returns:
        The compiled function, or the reason why there is none.
    """
    began = time.monotonic()
    if z.device.type == "cpu" and not _compiler():
        return Compiled(None, "no C++ compiler is here", 0.0)
    held = matching.arguments()
    try:
        traced = trace(matching, z, own)
        # On CUDA we use CUDA graphs, because a step is hundreds of small kernels.
        mode = "reduce-overhead" if z.device.type == "cuda" else None
        function = _owned(torch.compile(traced, mode=mode, dynamic=False), z.device)
        found = function(*held, z)
    except Exception as error:  # tracing and backends raise many kinds of errors; each means no compilation
        first = (str(error).strip().splitlines() or [""])[0]
        return Compiled(None, f"{type(error).__name__}: {first[:120]}", time.monotonic() - began)
    seconds = time.monotonic() - began
    off = difference(found, matching.function(*held, z))
    if not off <= TOLERANCE:
        return Compiled(None, f"its result differs from the eager one by {off:.1e}", seconds)
    return Compiled(function, "", seconds)


def _owned(function: Function, device: torch.device) -> Function:
    """On CUDA, copies the outputs: the next replay of the graph overwrites them."""
    if device.type != "cuda":
        return function

    def copied(*arguments: object) -> tuple[Tensor, Tensor]:
        torch.compiler.cudagraph_mark_step_begin()
        values, g = function(*arguments)
        return values.clone(), g.clone()

    return copied


def _compiler() -> bool:
    return any(shutil.which(name) for name in (os.environ.get("CXX") or "g++", "g++", "clang++", "c++"))
