"""What this machine can do at most: its matrix multiplications, its memory, its names."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable
from pathlib import Path

import torch

from bench.speed.setting import synchronise

_SIDE = 2048  # of the matrices: large enough to be limited by arithmetic, 16 MiB each
_COPIED = 2**26  # floats: 256 MiB, more than any cache
_SPENT = 0.5  # seconds on each


def matmul_rate(device: torch.device, threads: int) -> float:
    """Floating-point operations a second of the best `torch.mm` of two float32 matrices (2 n^3 each).

    Under torch's present settings: where TF32 is off, as it is by default, it is off here.
    """
    torch.set_num_threads(threads)
    a, b = torch.rand(2, _SIDE, _SIDE, device=device)
    out = torch.empty_like(a)
    return 2 * _SIDE**3 / _best(lambda: torch.mm(a, b, out=out))


def bandwidth(device: torch.device, threads: int) -> float:
    """Bytes a second of memory: the better of copying a large tensor (read and written) and of only reading it."""
    torch.set_num_threads(threads)
    source = torch.zeros(_COPIED, device=device)
    target = torch.empty_like(source)
    size = source.nbytes
    copied = 2 * size / _best(lambda: target.copy_(source))
    matrix, vector = source.view(-1, 4096), torch.zeros(4096, device=device)
    read = size / _best(lambda: torch.mv(matrix, vector))
    return max(copied, read)


def _best(work: Callable[[], object]) -> float:
    """The shortest of the times that fit into half a second, at least three."""
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
    """The processor's name and how many it has."""
    return f"{_model()}, {torch.multiprocessing.cpu_count()} cores"


def _model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
