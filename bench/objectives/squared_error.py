"""The distance of Deep Leakage from Gradients (Zhu, Liu, Han 2019, arXiv 1906.08935, equation 4)."""

from torch import Tensor

from bench.messages.flat import flat
from bench.objectives.scaled import ScaledDistance


def squared_error(gradients: dict[str, Tensor], observed: dict[str, Tensor]) -> Tensor:
    """`sum_l ||g_l - g*_l||^2` over all observed parameters: `{name: [V, ...]}` -> `[V]`."""
    return sum(flat((gradients[name] - seen) ** 2).sum(1) for name, seen in observed.items())  # type: ignore[return-value]


class SquaredError(ScaledDistance):
    """`squared_error` times a constant.

    Args:
        scale: factor, > 0; it changes no minimiser, but the objective that tolerances are compared with.

    Raises:
        ValueError: scale is not above 0.
    """

    distance = staticmethod(squared_error)
