"""The size of a piece of work: the memory per victim and the cost of one evaluation, computed from shapes alone."""

from __future__ import annotations

from dataclasses import fields

import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from bench.engine.matching import Matching
from bench.engine.slots import Slots

_COPIES = 6  # gradients per slot: observed, dummy's, their difference, and what the second backward pass keeps


def operations(matching: Matching, z: Tensor) -> int | None:
    """Counts the floating-point operations of one evaluation; returns None if they cannot be counted.

    Matrix products and convolutions are counted, from the shapes that torch dispatches.

    Args:
        matching: loaded with one victim and set to evaluate victims one by one, since mapped convolutions are
            miscounted.
        z: `[1, n]`, the variables.
    """
    try:
        with FlopCounterMode(display=False) as counter:
            matching(z)
    except Exception:  # the counter sees every operation of the user's model, and may not support one of them
        return None
    return int(counter.get_total_flops())


def bytes_of(state: Slots) -> int:
    """Bytes of all tensors of a state, including those of nested states."""
    values = [getattr(state, field.name) for field in fields(state)]
    return sum(bytes_of(value) if isinstance(value, Slots) else value.nbytes for value in values)


def bytes_of_gradients(matching: Matching) -> int:
    """Bytes that a slot takes for gradients, and for parameters if each victim has its own.

    Args:
        matching: loaded with one victim.
    """
    parameters, buffers, observed, _ = matching.arguments()
    own = {} if matching.shares_model else {**parameters, **buffers}
    return _COPIES * bytes_of_tensors(observed) + bytes_of_tensors(own)


def bytes_of_tensors(tensors: dict[str, Tensor]) -> int:
    """Bytes of named tensors; an expanded tensor counts as if it were copied."""
    return sum(value.nbytes for value in tensors.values())


def empty(n: int, dtype: torch.dtype) -> Tensor:
    """A `[1, n]` tensor without memory; a state started like it has the right size and costs nothing."""
    return torch.empty(1, n, dtype=dtype, device="meta")
