"""The matching function as a list of plain operations: without vmap, autograd, or work whose result nothing uses.

It is traced with `make_fx`, which traces through vmap and both gradients. If the victims have weights of their own, its
convolutions on a processor are those of `bench.engine.kernels`, which run such convolutions several times as fast as
torch. The number of slots is fixed when it is traced.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.fx import Graph, GraphModule, Node
from torch.fx.experimental.proxy_tensor import make_fx
from torch.fx.passes.shape_prop import TensorMetadata

from bench.engine.kernels.interception import OwnConvolutions
from bench.engine.kernels.layout import is_ours
from bench.engine.kernels.library import Unavailable, load
from bench.engine.matching import Matching

Function = Callable[..., tuple[Tensor, Tensor]]

_ATEN = torch.ops.aten
_VIEWS = (
    *(_ATEN.view.default, _ATEN.permute.default, _ATEN.transpose.int, _ATEN.expand.default, _ATEN.alias.default),
    *(_ATEN.unsqueeze.default, _ATEN.squeeze.dim, _ATEN.squeeze.dims),
)
TOLERANCE = 1e-3  # relative to the largest entry; float32 rounding in another order of summation is about 1e-5


@dataclass(frozen=True)
class Traced:
    """The result of tracing with convolutions of our own.

    Args:
        function: the traced function; None if there is none.
        reason: why there is no function; empty if there is one, or if it would not differ from the present one.
    """

    function: Function | None
    reason: str = ""


def trace(matching: Matching, z: Tensor, own: bool) -> GraphModule:
    """Traces the function of `matching` for the number of slots that it holds now.

    Args:
        matching: a matching function, loaded with S victims.
        z: `[S, n]`, variables at which the function may be evaluated.
        own: whether convolutions are those of `bench.engine.kernels`.

    Returns:
        A function of the arguments of `Matching.function`. They have to lie in memory as they do now.

    Raises:
        Exception: of any kind, where the model, the objective or a prior cannot be traced.
    """

    # This is a plain function because make_fx counts the self of a method among the arguments.
    def function(*arguments: object) -> tuple[Tensor, Tensor]:
        with OwnConvolutions() if own else nullcontext():
            return matching.function(*arguments)  # type: ignore[arg-type]

    traced = make_fx(function)(*matching.arguments(), z)
    _shorten(traced.graph)
    traced.graph.eliminate_dead_code()
    traced.recompile()
    return traced


def _shorten(graph: Graph) -> None:
    """Skips views that undo others: vmap leaves hundreds, and each costs microseconds where nothing is compiled.

    None of `_VIEWS` moves the start of a tensor, so two in a chain are the same if their shapes and strides are.
    """
    for node in graph.nodes:
        above = node
        while above.target in _VIEWS:
            above = above.args[0]
            if _form(above) == _form(node) != ():
                node.replace_all_uses_with(above)
                break


def _form(node: Node) -> tuple[object, ...]:
    """The shape, strides and type of what a node returns; nothing if that is not known."""
    found = node.meta.get("tensor_meta")
    return (found.shape, found.stride, found.dtype) if isinstance(found, TensorMetadata) else ()


def may_own(matching: Matching, z: Tensor) -> bool:
    """Whether some convolutions may be our own: on a processor, if the victims have weights of their own."""
    parameters, *_ = matching.arguments()
    has_some = any(is_ours(value.shape) for value in parameters.values())
    return z.device.type == "cpu" and not matching.shares_model and has_some


def trace_own(matching: Matching, z: Tensor) -> Traced:
    """Traces the function with convolutions of our own, if the victims have weights of their own on a processor.

    Args:
        matching: a matching function, loaded with S victims. If there is something to trace, they are laid out anew in
            memory.
        z: `[S, n]`, variables at which the function may be evaluated.
    """
    if not may_own(matching, z):
        return Traced(None)
    try:
        load("convolution")
    except Unavailable as why:
        return _without(str(why))
    eager = matching.function(*matching.arguments(), z)
    matching.lay_beside()
    try:
        function = trace(matching, z, own=True)
        found = function(*matching.arguments(), z)
    except Exception as error:  # tracing runs the model's own code, which may raise anything
        first = (str(error).strip().splitlines() or [""])[0]
        return _without(f"{type(error).__name__}: {first[:120]}")
    if not any("leakbench" in str(node.target) for node in function.graph.nodes):
        return Traced(None)
    if not (off := difference(found, eager)) <= TOLERANCE:
        return _without(f"ours differ by {off:.1e}")
    return Traced(function)


def _without(why: str) -> Traced:
    return Traced(None, f"convolutions by torch, which are slower: {why}")


def difference(found: tuple[Tensor, Tensor], eager: tuple[Tensor, Tensor]) -> float:
    """The largest difference of values or gradients, relative to the largest of each."""
    worst = 0.0
    for ours, theirs in zip(found, eager):
        scale = theirs.abs().max().clamp(min=torch.finfo(theirs.dtype).tiny)
        worst = max(worst, float((ours - theirs).abs().max() / scale))
    return worst
