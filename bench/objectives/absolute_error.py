"""The distance of TS-Inverse (Meijer et al. 2025, arXiv 2503.20952): absolute differences between gradients."""

from torch import Tensor

from bench.messages.flat import flat
from bench.objectives.scaled import ScaledDistance


def absolute_error(gradients: dict[str, Tensor], observed: dict[str, Tensor]) -> Tensor:
    """`sum_l ||g_l - g*_l||_1` over all observed parameters: `{name: [V, ...]}` -> `[V]`."""
    return sum(flat((gradients[name] - seen).abs()).sum(1) for name, seen in observed.items())  # type: ignore[return-value]


class AbsoluteError(ScaledDistance):
    """`absolute_error` times a constant.

    Small entries of the gradient count more than in a squared error. It has a kink where an entry agrees, so it is
    meant for steps of a given length, such as Adam's, and not for a line search.

    Args:
        scale: factor, > 0. It weighs the distance against priors.

    Raises:
        ValueError: scale is not above 0.
    """

    distance = staticmethod(absolute_error)
