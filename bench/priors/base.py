"""What every prior is: a penalty on dummy images that is added to the objective."""

from abc import ABC, abstractmethod

from torch import Tensor


class Prior(ABC):
    """Holds its weight; traced and compiled with the objective."""

    @abstractmethod
    def __call__(self, images: Tensor) -> Tensor:
        """`[S, B, C, H, W]` -> `[S]`."""
