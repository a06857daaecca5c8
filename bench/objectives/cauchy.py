"""Against noise on some entries: a distance to which entries that do not fit hardly add."""

import torch
from torch import Tensor

from bench.messages.flat import flat
from bench.objectives.scaled import ScaledDistance


def cauchy_error(gradients: dict[str, Tensor], observed: dict[str, Tensor], width: float) -> Tensor:
    """`sum of w^2 log(1 + (g - g*)^2 / w^2)` over all entries: `{name: [V, ...]}` -> `[V]`.

    It is the negative log-likelihood of errors with a Cauchy distribution, up to a factor: a squared error for errors
    below w, and nearly constant for errors far above it. If all that was shared is zero, w is the type's precision to
    the power of two.

    Args:
        gradients: `{name: [V, ...]}` of the dummies.
        observed: `{name: [V, ...]}`, what was shared.
        width: w, relative to the root mean square of the shared entries that are not zero.
    """
    shared = [flat(value) for value in observed.values()]
    squares: Tensor = sum(value.square().sum(1) for value in shared)  # type: ignore[assignment]
    count: Tensor = sum((value != 0).to(value.dtype).sum(1) for value in shared)  # type: ignore[assignment]
    unit = (width**2 * squares / count.clamp(min=1)).clamp(min=torch.finfo(squares.dtype).eps ** 4)
    total: Tensor = sum(
        (flat(gradients[name] - seen).square() / unit[:, None]).log1p().sum(1) for name, seen in observed.items()
    )  # type: ignore[assignment]
    return unit * total


class CauchyError(ScaledDistance):
    """`cauchy_error` times a constant, for an attacker who expects noise on some entries and none on others.

    A defence that adds noise to half of the entries leaves the other half as equations. A squared error weighs all
    alike; this one finds the dummy that fits as many entries as possible, whichever they are.

    Args:
        width: w, > 0: the error at which an entry begins to count less, relative to the root mean square of the
            shared entries that are not zero.
        scale: factor, > 0; it changes no minimiser, but the objective that tolerances are compared with.

    Raises:
        ValueError: an argument is not above 0.
    """

    def __init__(self, width: float, scale: float) -> None:
        super().__init__(scale)
        if width <= 0:
            raise ValueError(f"width={width}: must be > 0")
        self.width = width

    def distance(self, gradients: dict[str, Tensor], observed: dict[str, Tensor]) -> Tensor:  # type: ignore[override]
        """See `cauchy_error`."""
        return cauchy_error(gradients, observed, self.width)
