"""The base class of distances between gradients that have a factor and no other setting."""

from abc import ABC, abstractmethod

from torch import Tensor


class ScaledDistance(ABC):
    """A distance times a constant.

    Args:
        scale: factor, > 0.

    Raises:
        ValueError: scale is not above 0.
    """

    def __init__(self, scale: float) -> None:
        if scale <= 0:
            raise ValueError(f"scale={scale}: must be > 0")
        self.scale = scale

    def __call__(self, gradients: dict[str, Tensor], observed: dict[str, Tensor]) -> Tensor:
        """`{name: [V, ...]}` of the dummies and of what was shared -> `[V]`."""
        return self.scale * self.distance(gradients, observed)

    @staticmethod
    @abstractmethod
    def distance(gradients: dict[str, Tensor], observed: dict[str, Tensor]) -> Tensor:
        """The distance `[V]` without the factor."""
