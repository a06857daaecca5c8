"""The direction of L-BFGS for many victims in C: that of `bench.engine.directions` but for rounding."""

from __future__ import annotations

import ctypes
import functools
import mmap
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from math import prod

import torch
from torch import Tensor

from bench.engine.kernels.library import is_available, load

_TYPES = {torch.float32: "float", torch.float64: "double"}
# Below so many numbers per victim, a direction takes microseconds, and a compilation is not worth its time.
_LEAST = 2**14
_PAGE = 2**21  # bytes of a large page
_TENSORS = (
    *("s", "y", "sg", "yg", "sy", "yy", "r", "next", "count", "gamma"),
    *("step", "g", "before", "stepped", "here", "d"),
)


class _Histories(ctypes.Structure):
    """`struct histories` of history.c."""

    _fields_ = [
        *((name, ctypes.c_long) for name in ("victims", "pairs", "variables")),
        ("curvature", ctypes.c_double),
        *((name, ctypes.c_void_p) for name in _TENSORS),
        ("threads", ctypes.c_long),
    ]


@functools.cache
def _function(dtype: torch.dtype) -> Callable[..., int]:
    found = getattr(load("history"), f"direction_{_TYPES[dtype]}")
    found.argtypes = [ctypes.POINTER(_Histories)]
    return found


_left_to_torch = False


@contextmanager
def left_to_torch() -> Iterator[None]:
    """Within this block torch computes every direction, so that its operations can be counted."""
    global _left_to_torch
    before, _left_to_torch = _left_to_torch, True
    try:
        yield
    finally:
        _left_to_torch = before


def serves(s: Tensor) -> bool:
    """Whether the C code serves pairs like `s` `[S, m, n]`: on a processor, and if there is much to do.

    The answer depends on the shape of a single victim, and on whether this machine has a C compiler.
    """
    if _left_to_torch or s.device.type != "cpu" or s.dtype not in _TYPES or s[0].numel() < _LEAST:
        return False
    return is_available("history")


def zeros(shape: tuple[int, ...], like: Tensor) -> Tensor:
    """Zeros of the type and on the device of `like`, in large pages of memory if this system has some.

    A history is read from one end to the other, and with small pages the processor looks up each of thousands.
    """
    size = prod(shape) * like.element_size()
    if like.device.type != "cpu" or size < _PAGE or not hasattr(mmap, "MADV_HUGEPAGE"):
        return like.new_zeros(shape)
    memory = mmap.mmap(-1, size)  # filled with zeros, and freed with the tensor
    with suppress(OSError):  # a system without large pages has small ones
        memory.madvise(mmap.MADV_HUGEPAGE)
    return torch.frombuffer(memory, dtype=like.dtype).view(shape)


def direction(tensors: Mapping[str, Tensor], curvature: float) -> Tensor:
    """Adds the new pairs to the histories, in place, and returns `-H g` `[S, n]`, of any value where none is wanted.

    Args:
        tensors: the fields of `bench.engine.directions.History`, by name; `step`, `g` and `before` `[S, n]`, the last
            step, the gradient behind it and the one before it; `stepped` `[S]`, whether the step may be a pair, and
            `here` `[S]`, whether a direction is wanted.
        curvature: a pair is skipped unless its product s.y exceeds this.

    Raises:
        torch.OutOfMemoryError: there is no memory for a few numbers per pair.
        ValueError: the histories of one type meet a gradient of another.
    """
    s, g = tensors["s"], tensors["g"]
    if len({tensors[name].dtype for name in ("s", "y", "gamma", "step", "g", "before")}) > 1:
        raise ValueError(f"a history of {s.dtype} with a gradient of {g.dtype}: want one type")
    own = ("s", "y", "sg", "yg", "sy", "yy", "r", "next", "count", "gamma")  # written in place: contiguous as made
    given = {name: value if name in own else value.contiguous() for name, value in tensors.items()}
    given["d"] = torch.zeros_like(given["g"])
    arguments = _Histories(*s.shape, curvature, *(given[name].data_ptr() for name in _TENSORS), torch.get_num_threads())
    if _function(s.dtype)(arguments):
        raise torch.OutOfMemoryError(f"no memory for the directions of {len(s)} victims")
    return given["d"]
