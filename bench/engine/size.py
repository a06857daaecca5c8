"""How large a piece of work is: what one victim takes in memory, and what one evaluation costs. Shapes decide alone."""

from __future__ import annotations

from dataclasses import fields

import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from bench.engine.matching import Matching
from bench.engine.slots import Slots

_COPIES = 6  # of a gradient: observed, the dummy's, their difference, and what the second backward pass keeps of them


def operations(matching: Matching, z: Tensor) -> int | None:
    """Floating-point operations of one evaluation; None where they cannot be counted.

    Matrix products and convolutions are counted, from the shapes that torch dispatches.

    Args:
        matching: loaded with one victim, which it takes one by one (mapped convolutions are counted wrongly).
        z: `[1, n]`.
    """
    try:
        with FlopCounterMode(display=False) as counter:
            matching(z)
    except Exception:  # the counter sees every operation of the user's model, and may not know what to do with one
        return None
    return int(counter.get_total_flops())


def bytes_of(state: Slots) -> int:
    """Bytes of all tensors of a state, those of states inside it included."""
    values = [getattr(state, field.name) for field in fields(state)]
    return sum(bytes_of(value) if isinstance(value, Slots) else value.nbytes for value in values)


def bytes_of_gradients(matching: Matching) -> int:
    """Bytes that a slot takes for gradients, and for parameters where each victim has its own.

    Args:
        matching: loaded with one victim.
    """
    parameters, buffers, observed, _ = matching.arguments()
    own = {} if matching.shares_model else {**parameters, **buffers}
    return _COPIES * _bytes(observed) + _bytes(own)


def _bytes(tensors: dict[str, Tensor]) -> int:
    return sum(value.nbytes for value in tensors.values())


def empty(n: int, dtype: torch.dtype) -> Tensor:
    """`[1, n]` without memory behind it: what states are started like to find their size."""
    return torch.empty(1, n, dtype=dtype, device="meta")
