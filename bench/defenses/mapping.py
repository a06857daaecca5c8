"""Running a step many times: for each example, each client or each victim."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch.func import vmap
from torch.utils import _pytree as pytree


def each(function: Callable[..., Any], trees: tuple[Any, ...], mappable: bool, chunk: int | None = None) -> Any:
    """Calls `function` on the first entries of all tensors of `trees`, on the second, and so on; stacks the results.

    Args:
        function: called with one entry of each tree.
        trees: the arguments; every tensor has the same leading dimension.
        mappable: whether `torch.func.vmap` can map the function; otherwise it is called in a loop.
        chunk: number of entries that vmap takes at once; None for all.
    """
    if mappable:
        return vmap(function, chunk_size=chunk)(*trees)
    count = len(pytree.tree_leaves(trees)[0])
    return stacked(lambda i: function(*pytree.tree_map(lambda leaf: leaf[i], trees)), count)


def stacked(make: Callable[[int], Any], count: int) -> Any:
    """Stacks the trees `make(0)`, ..., `make(count - 1)` into one tree of tensors with a leading dimension `count`."""
    return pytree.tree_map(lambda *leaves: torch.stack(leaves), *(make(i) for i in range(count)))
