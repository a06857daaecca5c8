"""The tensors of one victim, taken out of an observation."""

from __future__ import annotations

from torch import Tensor


def one_victim(group: dict[str, Tensor], position: int, like: Tensor) -> dict[str, Tensor]:
    """Returns the tensors of one victim, `{name: [V, ...]}` -> `{name: [...]}`, on the device of `like`.

    Floating point numbers get the type of `like`; whole numbers, such as the counter of a BatchNorm, keep theirs.

    Args:
        group: parameters, buffers or gradients of all victims.
        position: of the victim in the observation.
        like: a tensor whose device and type are wanted.
    """
    own = {name: value[position].to(like.device) for name, value in group.items()}
    return {name: value.to(like.dtype) if value.is_floating_point() else value for name, value in own.items()}
