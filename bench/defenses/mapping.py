"""A step many times over: for each example, each client, each victim."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch.func import vmap
from torch.utils import _pytree as pytree


def each(function: Callable[..., Any], trees: tuple[Any, ...], mappable: bool, chunk: int | None = None) -> Any:
    """`function` of the first entries of all tensors of `trees`, of the second, ...; results stacked.

    Args:
        trees: the arguments; every tensor has the same leading dimension.
        mappable: whether `torch.func.vmap` can do it; else it is done one by one.
        chunk: how many at once.
    """
    if mappable:
        return vmap(function, chunk_size=chunk)(*trees)
    count = len(pytree.tree_leaves(trees)[0])
    return stacked(lambda i: function(*pytree.tree_map(lambda leaf: leaf[i], trees)), count)


def stacked(make: Callable[[int], Any], count: int) -> Any:
    """The trees `make(0)`, ..., `make(count - 1)` as one whose tensors have a leading dimension of `count`."""
    return pytree.tree_map(lambda *leaves: torch.stack(leaves), *(make(i) for i in range(count)))
