"""Gradients as vectors of a bounded number of standardised features, for a network that reads them."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from bench.engine.rng import generator
from bench.messages.flat import flat

_CONSTANT = 1e-12  # a feature with a smaller deviation is constant but for rounding


@dataclass(frozen=True)
class FeatureHash:
    """Feature hashing with signs (Weinberger, Dasgupta, Langford, Smola, Attenberg 2009, arXiv 0902.2206, section 2).

    Each entry of the gradient is added, with a random sign, to a random one of `bins` features. Inner products of the
    features are in expectation those of the gradients. A gradient of no more than `bins` entries stays as it is.

    Args:
        bins: number of features at most, >= 1.
        seed: of the bins and signs.

    Raises:
        ValueError: `bins` is below 1.
    """

    bins: int
    seed: int

    def __post_init__(self) -> None:
        if self.bins < 1:
            raise ValueError(f"bins={self.bins}: must be >= 1 (features of a hashed gradient)")

    def __call__(self, gradients: dict[str, Tensor]) -> Tensor:
        """Returns the features `[N, min(e, bins)]`, float32, of gradients `{name: [N, ...]}` of e entries each."""
        values = torch.cat([flat(value) for value in gradients.values()], 1)
        entries = values.shape[1]
        if entries <= self.bins:
            return values.float()
        source = generator(self.seed, "feature hash")
        places = torch.randint(self.bins, (entries,), generator=source).to(values.device)
        signs = (2 * torch.randint(2, (entries,), generator=source) - 1).to(values)
        return values.new_zeros(len(values), self.bins).index_add_(1, places, values * signs).float()


@dataclass(frozen=True, eq=False)
class Standardised:
    """Features minus their mean over the examples of a training set, over their deviation.

    A feature that is constant there is only moved to 0.

    Args:
        mean: `[F]`.
        deviation: `[F]`, > 0.
    """

    mean: Tensor
    deviation: Tensor

    @classmethod
    def of(cls, features: Tensor) -> Standardised:
        """The standardisation that the features `[N, F]` of a training set, N >= 2, define."""
        deviation = features.std(0)
        return cls(features.mean(0), torch.where(deviation > _CONSTANT, deviation, torch.ones_like(deviation)))

    def __call__(self, features: Tensor) -> Tensor:
        """Standardises features `[N, F]`."""
        return (features - self.mean) / self.deviation
