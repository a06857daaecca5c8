"""Which convolutions are ours, and the layout in memory that they read and write fastest.

oneDNN, torch's library for convolutions, works on blocks of 16 channels. If both numbers of channels are whole blocks,
its grouped convolutions are quicker than ours, else ours are (docs/speed.md).
"""

from torch import Tensor

_BLOCK = 16
_KERNELS = 5  # dimensions of the weights of a convolution over images: [V, O, C, kernel_y, kernel_x]


def in_blocks(channels_out: int, channels_in: int) -> bool:
    """Whether both numbers of channels are whole blocks."""
    return channels_out % _BLOCK == 0 and channels_in % _BLOCK == 0


def is_ours(shape: tuple[int, ...]) -> bool:
    """Whether a tensor of this shape, `[V, ...]`, may be the weights of a convolution of ours, or their gradient.

    Example:
        >>> is_ours((8, 12, 3, 5, 5)), is_ours((8, 64, 32, 3, 3)), is_ours((8, 10, 768))
        (True, False, False)
    """
    return len(shape) == _KERNELS and not in_blocks(*shape[1:3])


def beside(value: Tensor) -> Tensor:
    """The same numbers `[V, ...]` with those of all victims beside each other in memory (`stride(0) == 1`).

    Example:
        >>> import torch
        >>> beside(torch.zeros(8, 2, 3)).stride()
        (1, 24, 8)
    """
    return value.movedim(0, -1).contiguous().movedim(-1, 0)
