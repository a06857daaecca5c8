"""The gradient of a model between the weights before and after a client's local training, for surrogate models."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from bench.engine.matching import Layout, Matching, Objective, Prior
from bench.messages.observation import Observation


@dataclass(frozen=True)
class SurrogateLayout(Layout):
    """A `Layout` with one more variable per victim, the last one, which says where the surrogate model lies."""

    @property
    def n(self) -> int:
        """The number of variables per victim: those of the images, label logits, and one."""
        return super().n + 1

    def split(self, z: Tensor) -> tuple[Tensor, Tensor | None]:
        """`[S, n]` -> images `[S, B, C, H, W]` and label logits `[S, B, K]` (None if fixed)."""
        return super().split(z[:, :-1])


@dataclass(frozen=True)
class SurrogatePosition:
    """Where the surrogate model lies on the line from the weights before (0) to those after the training (1).

    alpha = 1 / (1 + exp(-(logit(start) + 4 scale u))) for the variable u, which starts at 0. Thus alpha stays between 0
    and 1 without bounds, and a small step du moves it by about `scale` du from its start at 1/2.

    Args:
        start: of alpha, in (0, 1); 0 and 1 only if the scale is 0.
        scale: change of alpha per unit of u near 1/2, >= 0; if it is 0, alpha is fixed at `start`.

    Raises:
        ValueError: an argument is out of its range.
    """

    start: float
    scale: float

    def __post_init__(self) -> None:
        if self.scale < 0:
            raise ValueError(f"scale={self.scale}: must be >= 0")
        if not (0 < self.start < 1 or (self.scale == 0 and self.start in (0, 1))):
            raise ValueError(f"alpha={self.start}: must lie in (0, 1); 0 and 1 need alpha_lr=0, which fixes it")

    def __call__(self, u: Tensor) -> Tensor:
        """`[S]` -> alpha `[S]`."""
        if self.scale == 0:
            return torch.full_like(u, self.start)
        return torch.sigmoid(math.log(self.start / (1 - self.start)) + 4 * self.scale * u)


class SurrogateMatching(Matching):
    """A `Matching` whose gradients are those of a model between w0 and w1, the weights before and after the training.

    Since w1 = w0 - update and the update is what was shared, neither the rate nor the number of steps has to be known.
    Parameters that are not shared stay as they are.

    Args:
        seen: see `Matching`.
        layout: a `SurrogateLayout`.
        objective: see `Matching`.
        labels: see `Matching`.
        dtype: see `Matching`.
        priors: see `Matching`.
        position: where the surrogate model lies, as a function of a victim's last variable.
    """

    def __init__(
        self,
        seen: Observation,
        layout: SurrogateLayout,
        objective: Objective,
        labels: Tensor | None,
        dtype: torch.dtype,
        priors: Sequence[Prior],
        position: SurrogatePosition,
    ) -> None:
        super().__init__(seen, layout, objective, labels, dtype, priors)
        self.position = position

    def _model(
        self, parameters: dict[str, Tensor], observed: dict[str, Tensor], z: Tensor
    ) -> tuple[dict[str, Tensor], int | None]:
        alpha = self.position(z[:, -1])
        between = {}
        for name, value in parameters.items():
            own = value.expand(len(z), *value.shape) if self._shared else value
            moved = observed.get(name)
            between[name] = own if moved is None else own - alpha.view(-1, *[1] * (own.dim() - 1)) * moved
        return between, 0
