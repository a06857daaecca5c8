"""Normalisation as a model's first layer, so that inputs and their scores stay in pixel space."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn


class Normalise(nn.Module):
    """Computes `(x - mean) / std` per channel.

    Args:
        mean: one number per channel, for pixels in [0, 1].
        std: one number per channel, > 0.

    Raises:
        ValueError: a standard deviation is not positive.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, mean: Sequence[float], std: Sequence[float]) -> None:
        super().__init__()
        if min(std) <= 0:
            raise ValueError("std: must be > 0")
        # They are not persistent, because a user's checkpoint does not hold them.
        self.register_buffer("mean", torch.tensor(mean).view(-1, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(std).view(-1, 1, 1), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """`[B, C, H, W]` -> `[B, C, H, W]`."""
        return (x - self.mean) / self.std


def first_layer(mean: float | Sequence[float] | None, std: float | Sequence[float] | None, channels: int) -> nn.Module:
    """Makes the first layer from a config's `mean` and `std`; the identity if both are null.

    Args:
        mean: one number for all channels, one per channel, or null.
        std: likewise.
        channels: C.

    Raises:
        ValueError: only one is given, or their length is not the number of channels.
    """
    if mean is None and std is None:
        return nn.Identity()
    mean = [mean] * channels if isinstance(mean, int | float) else mean
    std = [std] * channels if isinstance(std, int | float) else std
    if mean is None or std is None or len(mean) != channels or len(std) != channels:
        raise ValueError(f"mean and std: want {channels} numbers each (one per channel), or null for both")
    return Normalise(mean, std)
