"""Convolutions of V victims, each with weights of its own, as operations of torch.

There are three, with x `[V, B, C, H, W]` for the input, w `[V, O, C, kernel_y, kernel_x]` for the weights and y
`[V, B, O, P, Q]` for the output. Each computes the gradient by one of them from the other two:

    output(x, w) -> y        input(w, y) -> x        weight(x, y) -> w

All are linear in both arguments, and the derivatives of each are the two others, so they can be differentiated as often
as one likes. `vmap` over them makes more victims. A result has the victims' numbers beside each other in memory
(`stride(0) == 1`), which is what the C code reads and writes fastest, and which operations entry by entry keep.
"""

from __future__ import annotations

import ctypes
import functools
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from bench.engine.kernels.library import load

Pair = Sequence[int]
_SIZES = (
    *("victims", "batch", "in_channels", "height", "width", "out_channels", "kernel_y", "kernel_x"),
    *("stride_y", "stride_x", "padding_y", "padding_x", "out_height", "out_width"),
)
_TYPES = {torch.float32: "float", torch.float64: "double"}


class _Geometry(ctypes.Structure):
    """`struct geometry` of convolution.c."""

    _fields_ = [
        *((name, ctypes.c_long) for name in _SIZES),
        *((name, ctypes.c_long * 5) for name in "xwy"),
        ("threads", ctypes.c_long),
    ]


@functools.cache
def _function(name: str, dtype: torch.dtype) -> Callable[..., int]:
    """A function of the C file."""
    found = getattr(load("convolution"), f"{name}_{_TYPES[dtype]}")
    found.argtypes = [*(ctypes.c_void_p for _ in "xwy"), ctypes.POINTER(_Geometry)]
    return found


def _run(name: str, x: Tensor, w: Tensor, y: Tensor, stride: Pair, padding: Pair) -> None:
    """Calls the C function that computes one of the three tensors from the other two.

    Raises:
        ValueError: the three do not belong together; the C code would read beyond their ends.
    """
    sides = [_places(*sizes) for sizes in zip(x.shape[3:], w.shape[3:], stride, padding)]
    if (*x.shape[:2], w.shape[1], *sides) != tuple(y.shape) or (x.shape[0], x.shape[2]) != (w.shape[0], w.shape[2]):
        raise ValueError(f"no convolution of {tuple(x.shape)} with {tuple(w.shape)} is {tuple(y.shape)}")
    if not x.dtype == w.dtype == y.dtype:
        raise ValueError(f"a convolution of {x.dtype} with {w.dtype}: want one type")
    sizes = (*x.shape, w.shape[1], *w.shape[3:], *stride, *padding, *y.shape[3:])
    geometry = _Geometry(*sizes, x.stride(), w.stride(), y.stride(), torch.get_num_threads())
    if _function(name, x.dtype)(x.data_ptr(), w.data_ptr(), y.data_ptr(), geometry):
        raise torch.OutOfMemoryError(f"no memory for a convolution of {x.shape[0]} victims")


def _beside(shape: Sequence[int], like: Tensor) -> Tensor:
    """An empty tensor of this shape whose first dimension is the innermost in memory."""
    return like.new_empty((*shape[1:], shape[0])).movedim(-1, 0)


def _places(size: int, kernel: int, stride: int, padding: int) -> int:
    return (size + 2 * padding - kernel) // stride + 1


def _empty_output(x: Tensor, w: Tensor, stride: Pair, padding: Pair) -> Tensor:
    sides = [_places(*sizes) for sizes in zip(x.shape[3:], w.shape[3:], stride, padding)]
    return _beside((*x.shape[:2], w.shape[1], *sides), x)


def _empty_input(w: Tensor, y: Tensor, size: Pair, stride: Pair, padding: Pair) -> Tensor:
    return _beside((*y.shape[:2], w.shape[2], *size), y)


def _empty_weight(x: Tensor, y: Tensor, kernel: Pair, stride: Pair, padding: Pair) -> Tensor:
    return _beside((x.shape[0], y.shape[2], x.shape[2], *kernel), x)


def _output(x: Tensor, w: Tensor, stride: Pair, padding: Pair) -> Tensor:
    y = _empty_output(x, w, stride, padding)
    _run("output", x, w, y, stride, padding)
    return y


def _input(w: Tensor, y: Tensor, size: Pair, stride: Pair, padding: Pair) -> Tensor:
    x = _empty_input(w, y, size, stride, padding)
    _run("input", x, w, y, stride, padding)
    return x


def _weight(x: Tensor, y: Tensor, kernel: Pair, stride: Pair, padding: Pair) -> Tensor:
    w = _empty_weight(x, y, kernel, stride, padding)
    _run("weight", x, w, y, stride, padding)
    return w


# Defined directly, because `torch.library.custom_op` adds 40 microseconds to each call.
_LIBRARY = torch.library.Library("leakbench", "DEF")
for _name, _arguments, _computed, _empty in (
    ("output", "Tensor x, Tensor w", _output, _empty_output),
    ("input", "Tensor w, Tensor y, int[] size", _input, _empty_input),
    ("weight", "Tensor x, Tensor y, int[] kernel", _weight, _empty_weight),
):
    _LIBRARY.define(f"convolution_{_name}({_arguments}, int[] stride, int[] padding) -> Tensor")
    _LIBRARY.impl(f"convolution_{_name}", _computed, "CPU")
    torch.library.register_fake(f"leakbench::convolution_{_name}", _empty, lib=_LIBRARY)


class _Operation(torch.autograd.Function):
    """What the three have in common: two tensors, then sizes.

    `register_autograd` and `register_vmap` of `torch.library` do not serve here, since `torch.func.grad` wants a
    function with a `setup_context` of its own.
    """

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        ctx.save_for_backward(*inputs[:2])
        ctx.sizes = inputs[2:]

    @classmethod
    def _mapped(cls, info: Any, in_dims: tuple[int | None, ...], *arguments: Any) -> tuple[Tensor, int]:
        """The rule of vmap: what is mapped over joins the victims, and what is not is the same for all."""
        tensors = [_joined(value, dim, info.batch_size) for value, dim in zip(arguments[:2], in_dims)]
        return cls.apply(*tensors, *arguments[2:]).unflatten(0, (info.batch_size, -1)), 0


def _joined(value: Tensor, dim: int | None, count: int) -> Tensor:
    every = value.expand(count, *value.shape) if dim is None else value.movedim(dim, 0)
    return every.flatten(0, 1)


class _Output(_Operation):
    @staticmethod
    def forward(x: Tensor, w: Tensor, stride: Pair, padding: Pair) -> Tensor:
        return torch.ops.leakbench.convolution_output(x, w, stride, padding)

    @staticmethod
    def backward(ctx: Any, y: Tensor) -> tuple[Tensor | None, ...]:
        (x, w), (stride, padding) = ctx.saved_tensors, ctx.sizes
        of_x, of_w, *_ = ctx.needs_input_grad
        return (
            input(w, y, x.shape[3:], stride, padding) if of_x else None,
            weight(x, y, w.shape[3:], stride, padding) if of_w else None,
            None,
            None,
        )

    @staticmethod
    def vmap(info: Any, in_dims: tuple[int | None, ...], *arguments: Any) -> tuple[Tensor, int]:
        return _Output._mapped(info, in_dims, *arguments)


class _Input(_Operation):
    @staticmethod
    def forward(w: Tensor, y: Tensor, size: Pair, stride: Pair, padding: Pair) -> Tensor:
        return torch.ops.leakbench.convolution_input(w, y, size, stride, padding)

    @staticmethod
    def backward(ctx: Any, x: Tensor) -> tuple[Tensor | None, ...]:
        (w, y), (_, stride, padding) = ctx.saved_tensors, ctx.sizes
        of_w, of_y, *_ = ctx.needs_input_grad
        return (
            weight(x, y, w.shape[3:], stride, padding) if of_w else None,
            output(x, w, stride, padding) if of_y else None,
            *(None, None, None),
        )

    @staticmethod
    def vmap(info: Any, in_dims: tuple[int | None, ...], *arguments: Any) -> tuple[Tensor, int]:
        return _Input._mapped(info, in_dims, *arguments)


class _Weight(_Operation):
    @staticmethod
    def forward(x: Tensor, y: Tensor, kernel: Pair, stride: Pair, padding: Pair) -> Tensor:
        return torch.ops.leakbench.convolution_weight(x, y, kernel, stride, padding)

    @staticmethod
    def backward(ctx: Any, w: Tensor) -> tuple[Tensor | None, ...]:
        (x, y), (_, stride, padding) = ctx.saved_tensors, ctx.sizes
        of_x, of_y, *_ = ctx.needs_input_grad
        return (
            input(w, y, x.shape[3:], stride, padding) if of_x else None,
            output(x, w, stride, padding) if of_y else None,
            *(None, None, None),
        )

    @staticmethod
    def vmap(info: Any, in_dims: tuple[int | None, ...], *arguments: Any) -> tuple[Tensor, int]:
        return _Weight._mapped(info, in_dims, *arguments)


def output(x: Tensor, w: Tensor, stride: Pair, padding: Pair) -> Tensor:
    """The convolution: `[V, B, C, H, W]` and `[V, O, C, kernel_y, kernel_x]` -> `[V, B, O, P, Q]`."""
    return _Output.apply(x, w, stride, padding)


def input(w: Tensor, y: Tensor, size: Pair, stride: Pair, padding: Pair) -> Tensor:
    """The gradient by the input, whose sides are `size`, from that by the output."""
    return _Input.apply(w, y, size, stride, padding)


def weight(x: Tensor, y: Tensor, kernel: Pair, stride: Pair, padding: Pair) -> Tensor:
    """The gradient by the weights, whose sides are `kernel`, from that by the output."""
    return _Weight.apply(x, y, kernel, stride, padding)
