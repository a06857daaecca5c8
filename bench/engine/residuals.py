"""Gradient matching as a problem of least squares: the residuals of a victim, and their Jacobian."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.func import jvp, vmap

from bench.engine.matching import Arrangement, Matching
from bench.messages.flat import flat
from bench.messages.observation import Observation

Residuals = Callable[[Tensor], Tensor]  # `[n] -> [e]`
Gradients = dict[str, Tensor]

_AT_ONCE = 64  # columns of a Jacobian that are computed together: more need more memory, and take no less time


def differences(gradients: Gradients, observed: Gradients) -> Tensor:
    """The entries by which gradients differ: `{name: [S, ...]}` of the dummies and of what was shared -> `[S, e]`."""
    return torch.cat([flat(gradients[name] - seen) for name, seen in observed.items()], 1)


class LeastSquares(Matching):
    """A `Matching` whose objective is the sum of squares of e residuals.

    Args:
        seen: see `Matching`.
        layout: see `Matching`.
        compare: `differences`, or the same after transforms of both gradients.
        labels: as `Victims.labels`.
        dtype: see `Matching`.
    """

    def __init__(
        self,
        seen: Observation,
        layout: Arrangement,
        compare: Callable[[Gradients, Gradients], Tensor],
        labels: Tensor,
        dtype: torch.dtype,
    ) -> None:
        super().__init__(seen, layout, lambda *both: compare(*both).square().sum(1), labels, dtype)
        self._compare = compare

    def residuals(self, slot: int) -> Residuals:
        """Returns the residuals `[e]` of the victim in one slot as a function of its variables `[n]`."""
        parameters, buffers, observed, known = self.arguments()
        at = slice(slot, slot + 1)
        observed, known = ({name: value[at] for name, value in group.items()} for group in (observed, known))
        if not self.shares_model:
            parameters, buffers = ({name: v[at] for name, v in group.items()} for group in (parameters, buffers))

        def function(z: Tensor) -> Tensor:
            gradients, theirs, _ = self._compared((parameters, buffers, observed, known), z.unsqueeze(0))
            return self._compare(gradients, theirs).squeeze(0)

        return function


def derivatives(function: Residuals, z: Tensor, directions: Tensor) -> Tensor:
    """The derivatives of `function` at `z` `[n]` along `directions` `[k, n]`, one row each: `[k, e]`.

    Each row is a forward-mode derivative of the gradient, and rows are mapped with `vmap`.

    Args:
        function: the residuals, `[n] -> [e]`.
        z: `[n]`.
        directions: `[k, n]`.
    """

    def along(direction: Tensor) -> Tensor:
        return jvp(function, (z,), (direction,))[1]

    return torch.cat([vmap(along)(block) for block in directions.split(_AT_ONCE)])


def jacobian(function: Residuals, z: Tensor) -> Tensor:
    """The derivative of `function` at `z` `[n]`, one row per variable: `[n, e]`.

    Args:
        function: the residuals, `[n] -> [e]`.
        z: `[n]`.
    """
    return derivatives(function, z, torch.eye(len(z), dtype=z.dtype, device=z.device))
