"""The layout in memory that the convolutions of this folder read and write fastest."""

from torch import Tensor

KERNELS = 5  # dimensions of the weights of a convolution over images: [V, O, C, kernel_y, kernel_x]


def beside(value: Tensor) -> Tensor:
    """The same numbers `[V, ...]` with those of all victims beside each other in memory (`stride(0) == 1`).

    Example:
        >>> import torch
        >>> beside(torch.zeros(8, 2, 3)).stride()
        (1, 24, 8)
    """
    return value.movedim(0, -1).contiguous().movedim(-1, 0)
