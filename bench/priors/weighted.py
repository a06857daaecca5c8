"""The base class of priors that have a weight and no other setting."""

from abc import abstractmethod

from torch import Tensor

from bench.priors.base import Prior


class WeightedPrior(Prior):
    """A penalty times a weight.

    Args:
        weight: factor relative to a distance of weight 1, >= 0.

    Raises:
        ValueError: weight is negative.
    """

    def __init__(self, weight: float) -> None:
        if weight < 0:
            raise ValueError(f"weight={weight}: must be >= 0")
        self.weight = weight

    def __call__(self, images: Tensor) -> Tensor:
        """See `Prior.__call__`."""
        return self.weight * self.penalty(images)

    @staticmethod
    @abstractmethod
    def penalty(images: Tensor, /) -> Tensor:
        """The penalty `[S]` without the weight."""
