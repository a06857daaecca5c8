"""The direction of HF-GradInv: Adam over a gradient of a few sizes (Ye, Luo, Zhou and Tang 2024, AAAI)."""

from __future__ import annotations

import torch
from torch import Tensor

from bench.engine.adaptive import Adam, GradientMoments

_LEVELS = 2  # steps from 0 to the median of the sizes


def quantised(g: Tensor, least: float) -> Tensor:
    """`least * sign(g) + (1 - least) * clip(round(2 g / median |g|) / 2, -1, 1)`, with a median per row.

    Args:
        g: `[S, n]`.
        least: in [0, 1]; 1 gives the sign.

    Example:
        >>> quantised(torch.tensor([[-8.0, 1.0, 0.5, 2.0, 0.1]]), 0.2)
        tensor([[-1.0000,  1.0000,  0.6000,  1.0000,  0.2000]])
    """
    middle = g.abs().median(1, keepdim=True).values.clamp(min=torch.finfo(g.dtype).tiny)
    return least * g.sign() + (1 - least) * ((_LEVELS * g / middle).round() / _LEVELS).clamp(-1, 1)


class QuantisedAdam(Adam):
    """Adam over `quantised` gradients, which are longer in the first steps.

    Args:
        betas: see `Adam`.
        eps: see `Adam`.
        least: the size that the smallest entry of the gradient counts for, in [0, 1].
        early: factor of the gradient in the first steps, > 0.
        early_steps: how many these are, >= 0.

    Raises:
        ValueError: an argument is out of its range.
    """

    def __init__(self, betas: tuple[float, float], eps: float, least: float, early: float, early_steps: int) -> None:
        super().__init__(betas, eps, sign=False, weight_decay=0.0)
        if not 0 <= least <= 1 or early <= 0 or early_steps < 0:
            raise ValueError(
                f"least={least}, early={early}, early_steps={early_steps}: want 0 <= least <= 1, early > 0 and "
                "early_steps >= 0"
            )
        self.least, self.early, self.early_steps = least, early, early_steps

    def _update(self, state: GradientMoments, x: Tensor, g: Tensor) -> Tensor:
        factor = torch.where(state.steps < self.early_steps, self.early, 1.0).to(g)
        return self._adam(state, factor * quantised(g, self.least))
