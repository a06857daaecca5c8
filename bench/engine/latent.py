"""Gradient matching where the noise of a model's latent is optimised together with the images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor, dtype

from bench.engine.matching import Layout, Matching, Objective, Prior
from bench.messages.observation import Observation


@dataclass(frozen=True, kw_only=True)
class LatentLayout(Layout):
    """A `Layout` with B x k more variables per victim, the last ones, which are the noise of the latent.

    Args:
        latents: k, entries of the latent of one example.
        scale: the noise is this factor times its variables.
    """

    latents: int
    scale: float

    @property
    def n(self) -> int:
        """The number of variables per victim: those of the images, label logits, and the noise."""
        return super().n + self.batch_size * self.latents

    def split(self, z: Tensor) -> tuple[Tensor, Tensor | None]:
        """`[S, n]` -> images `[S, B, C, H, W]` and label logits `[S, B, K]` (None if fixed)."""
        return super().split(z[:, : super().n])

    def noise(self, z: Tensor) -> Tensor:
        """`[S, n]` -> the noise `[S, B, k]`."""
        return self.scale * z[:, super().n :].reshape(-1, self.batch_size, self.latents)


class LatentMatching(Matching):
    """A `Matching` whose gradients are those of a model with the latent's noise that the last variables say.

    Args:
        seen: see `Matching`.
        layout: a `LatentLayout`.
        objective: see `Matching`.
        labels: see `Matching`.
        dtype: see `Matching`.
        priors: see `Matching`.
        latent: name of the model's buffer that holds the noise (`bench.models.bottleneck`).
    """

    def __init__(
        self,
        seen: Observation,
        layout: LatentLayout,
        objective: Objective,
        labels: Tensor | None,
        dtype: dtype,
        priors: Sequence[Prior],
        latent: str,
    ) -> None:
        super().__init__(seen, layout, objective, labels, dtype, priors)
        self._latent, self._noise = latent, layout.noise

    def _constants(self, buffers: dict[str, Tensor], z: Tensor) -> tuple[dict[str, Tensor], int | None]:
        own = {name: value.expand(len(z), *value.shape) if self._shared else value for name, value in buffers.items()}
        return {**own, self._latent: self._noise(z)}, 0
