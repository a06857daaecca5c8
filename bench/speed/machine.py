"""Measures the limits of this machine, which are its rate of matrix products and its memory bandwidth."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable
from pathlib import Path

import torch

from bench.speed.setting import synchronise

_SIDE = 2048  # the side of the matrices (16 MiB each), large enough for the arithmetic to be the limit
_COPIED = 2**26  # the number of floats that are copied: 256 MiB, more than any cache holds
_SPENT = 0.5  # seconds per measurement


def matmul_rate(device: torch.device, threads: int) -> float:
    """Floating-point operations per second of the fastest `torch.mm` of two float32 matrices (2 n^3 operations).

    Torch's current settings apply: TF32 is off here if it is off in torch, as it is by default.
    """
    torch.set_num_threads(threads)
    a, b = torch.rand(2, _SIDE, _SIDE, device=device)
    out = torch.empty_like(a)
    return 2 * _SIDE**3 / _best(lambda: torch.mm(a, b, out=out))


def bandwidth(device: torch.device, threads: int) -> float:
    """The memory bandwidth in bytes per second: the higher one of copying a large tensor and of only reading it."""
    torch.set_num_threads(threads)
    source = torch.zeros(_COPIED, device=device)
    target = torch.empty_like(source)
    size = source.nbytes
    copied = 2 * size / _best(lambda: target.copy_(source))
    matrix, vector = source.view(-1, 4096), torch.zeros(4096, device=device)
    read = size / _best(lambda: torch.mv(matrix, vector))
    return max(copied, read)


def _best(work: Callable[[], object]) -> float:
    """The shortest time of `work` [s] over as many runs as fit into half a second, but at least three."""
    work()
    synchronise()
    times: list[float] = []
    while len(times) < 3 or sum(times) < _SPENT:
        began = time.perf_counter()
        work()
        synchronise()
        times.append(time.perf_counter() - began)
    return min(times)


def processor() -> str:
    """The processor's name, and the number of its cores."""
    return f"{_model()}, {torch.multiprocessing.cpu_count()} cores"


def _model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
