"""The base class of priors: a prior is a penalty on dummy inputs that is added to the objective."""

from abc import ABC, abstractmethod
from typing import ClassVar

from torch import Tensor


class Prior(ABC):
    """A penalty with its weight, which is traced and compiled with the objective.

    Attributes:
        of_series: whether it is a penalty on time series, and so on nothing else.
    """

    of_series: ClassVar[bool] = False

    @abstractmethod
    def __call__(self, images: Tensor) -> Tensor:
        """Images `[S, B, C, H, W]`, embeddings `[S, B, T, D]` or series `[S, B, C, T]` -> penalties `[S]`."""
