"""Compiling the matching function: on where it pays, off with one line of notice where it cannot be had.

The function is traced with `make_fx` (which sees through vmap and both gradients) and handed to `torch.compile`. The
number of slots is baked in. A compiled function is used only if it gives what the eager one gives.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.fx.experimental.proxy_tensor import make_fx

from bench.engine.matching import Matching

# A cold compile costs 10 to 80 s, which eager work of about so many evaluations takes as well on one core.
PAYS_FROM = 150_000
_TOLERANCE = 1e-3  # relative to the largest entry; float32 rounding in another order of summation is about 1e-5

Function = Callable[..., tuple[Tensor, Tensor]]


@dataclass(frozen=True)
class Compiled:
    """What came of it: the function (None: not to be had, for `reason`), and the seconds that it cost."""

    function: Function | None
    reason: str
    seconds: float


def pays(victims: int, evaluations: int) -> bool:
    """Whether a budget of `evaluations` a victim is large enough to earn the time of compiling."""
    return victims * evaluations >= PAYS_FROM


def compile_matching(matching: Matching, z: Tensor) -> Compiled:
    """Compiles `matching` for the slots it holds now.

    Args:
        matching: loaded with S victims.
        z: `[S, n]`, variables that may be evaluated.
    """
    began = time.monotonic()
    if z.device.type == "cpu" and not _compiler():
        return Compiled(None, "no C++ compiler is here", 0.0)
    held = matching.arguments()
    try:
        # a plain function: make_fx counts the self of a method among the arguments
        traced = make_fx(lambda *arguments: matching.function(*arguments))(*held, z)
        # CUDA graphs, where there is CUDA: a step is hundreds of small kernels
        mode = "reduce-overhead" if z.device.type == "cuda" else None
        function = _owned(torch.compile(traced, mode=mode, dynamic=False), z.device)
        found = function(*held, z)
    except Exception as error:  # tracing and the backends raise all kinds of errors; each means: not to be had
        first = (str(error).strip().splitlines() or [""])[0]
        return Compiled(None, f"{type(error).__name__}: {first[:120]}", time.monotonic() - began)
    seconds = time.monotonic() - began
    difference = _difference(found, matching.function(*held, z))
    if not difference <= _TOLERANCE:
        return Compiled(None, f"its result differs from the eager one by {difference:.1e}", seconds)
    return Compiled(function, "", seconds)


def _owned(function: Function, device: torch.device) -> Function:
    """On CUDA the outputs of a graph are overwritten by its next replay: they are copied."""
    if device.type != "cuda":
        return function

    def copied(*arguments: object) -> tuple[Tensor, Tensor]:
        torch.compiler.cudagraph_mark_step_begin()
        values, g = function(*arguments)
        return values.clone(), g.clone()

    return copied


def _difference(found: tuple[Tensor, Tensor], eager: tuple[Tensor, Tensor]) -> float:
    worst = 0.0
    for ours, theirs in zip(found, eager):
        scale = theirs.abs().max().clamp(min=torch.finfo(theirs.dtype).tiny)
        worst = max(worst, float((ours - theirs).abs().max() / scale))
    return worst


def _compiler() -> bool:
    return any(shutil.which(name) for name in (os.environ.get("CXX") or "g++", "g++", "clang++", "c++"))
