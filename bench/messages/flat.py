"""Each victim's tensor as one vector."""

from torch import Tensor


def flat(value: Tensor) -> Tensor:
    """`[V, ...]` -> `[V, N]`; a parameter that is a single number, `[V]`, becomes `[V, 1]`."""
    return value.unsqueeze(-1).flatten(1)
