"""The base class of priors: a prior is a penalty on dummy inputs that is added to the objective."""

from abc import ABC, abstractmethod

from torch import Tensor


class Prior(ABC):
    """A penalty with its weight, which is traced and compiled with the objective."""

    @abstractmethod
    def __call__(self, images: Tensor) -> Tensor:
        """Images `[S, B, C, H, W]` or embeddings `[S, B, T, D]` -> penalties `[S]`."""
