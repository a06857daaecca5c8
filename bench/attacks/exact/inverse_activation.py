"""What entered an activation, from what it returned."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

_Inverse = Callable[[Tensor, float], tuple[Tensor, Tensor]]


@dataclass(frozen=True, eq=False)
class Entered:
    """What entered an activation.

    Args:
        value: z, of any shape; it has no meaning where `known` is false.
        slope: the derivative of the activation at z.
        known: where the activation can be inverted; a ReLU that returned zero can not.
    """

    value: Tensor
    slope: Tensor
    known: Tensor


def _leaky(output: Tensor, slope: float) -> tuple[Tensor, Tensor]:
    factor = torch.where(output > 0, torch.ones_like(output), torch.full_like(output, slope))
    return output / factor, factor


def _elu(output: Tensor, depth: float) -> tuple[Tensor, Tensor]:
    inside = _above(output / depth + 1, 0.0)
    slope = torch.where(output > 0, torch.ones_like(inside), inside * depth)
    return torch.where(output > 0, output, inside.log()), slope


def _sigmoid(output: Tensor, _: float) -> tuple[Tensor, Tensor]:
    inside = _below(_above(output, 0.0), 1.0)
    return inside.logit(), inside * (1 - inside)


def _tanh(output: Tensor, _: float) -> tuple[Tensor, Tensor]:
    inside = _below(_above(output, -1.0), 1.0)
    return inside.atanh(), 1 - inside.square()


def _softplus(output: Tensor, _: float) -> tuple[Tensor, Tensor]:
    inside = _above(output, 0.0)
    share = -torch.expm1(-inside)  # sigmoid(z), the derivative
    return inside + share.log(), share


def _relu(output: Tensor, _: float) -> tuple[Tensor, Tensor]:
    return output, (output > 0).to(output.dtype)


def _above(value: Tensor, low: float) -> Tensor:
    return value.clamp(min=low + torch.finfo(value.dtype).eps)


def _below(value: Tensor, high: float) -> Tensor:
    return value.clamp(max=high - torch.finfo(value.dtype).eps)


_INVERSES: dict[str, _Inverse] = {
    "leaky_relu": _leaky,
    "elu": _elu,
    "sigmoid": _sigmoid,
    "tanh": _tanh,
    "softplus": _softplus,
    "relu": _relu,
}


def invertible() -> list[str]:
    """The names of the activations that `entered` inverts."""
    return list(_INVERSES)


def entered(kind: str, output: Tensor, parameter: float) -> Entered:
    """Inverts an activation, entry by entry.

    An output that the activation cannot return, because of rounding, is moved to the nearest that it can. A ReLU is
    inverted where it is positive; its derivative is known everywhere.

    Args:
        kind: a name of `invertible()`.
        output: what the activation returned, of any shape.
        parameter: the slope of a leaky ReLU, > 0, or the depth of an ELU, > 0; not used by the others.

    Example:
        >>> entered("leaky_relu", torch.tensor([3.0, -1.0]), 0.2).value
        tensor([ 3., -5.])
    """
    value, slope = _INVERSES[kind](output, parameter)
    known = output > 0 if kind == "relu" else torch.ones_like(output, dtype=torch.bool)
    return Entered(value, slope, known)
