"""The distance of Deep Leakage (Zhu, Liu, Han 2019, arXiv 1906.08935, equation 4), relative to the gradient's size."""

import torch
from torch import Tensor

from bench.messages.flat import flat
from bench.objectives.squared_error import squared_error


def relative_error(gradients: dict[str, Tensor], observed: dict[str, Tensor]) -> Tensor:
    """`sum_l ||g_l - g*_l||^2 / sum_l ||g*_l||^2` over all observed parameters: `{name: [V, ...]}` -> `[V]`.

    It is 0 for equal gradients and 1 for a dummy without a gradient, whatever the size of the model's gradients. A
    tolerance therefore means the same for every model. If the shared gradient is zero, the error is divided by the
    smallest positive number of its type.
    """
    size: Tensor = sum(flat(seen**2).sum(1) for seen in observed.values())  # type: ignore[assignment]
    return squared_error(gradients, observed) / size.clamp(min=torch.finfo(size.dtype).tiny)


class RelativeError:
    """`relative_error` as an objective; it has the same minimisers as `SquaredError`."""

    def __call__(self, gradients: dict[str, Tensor], observed: dict[str, Tensor]) -> Tensor:
        """`{name: [V, ...]}` of the dummies and of the shared gradients -> `[V]`."""
        return relative_error(gradients, observed)
