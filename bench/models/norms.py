"""Normalisation layers for convolutional networks, by name."""

from torch import nn


def norm(kind: str, channels: int) -> nn.Module:
    """Makes the layer `batch`, `group` (8 groups, fewer if there are fewer channels) or `none`.

    It takes and returns `[B, channels, H, W]`.

    Raises:
        ValueError: another name.
    """
    kinds = {
        "batch": lambda: nn.BatchNorm2d(channels),
        "group": lambda: nn.GroupNorm(min(8, channels), channels),
        "none": nn.Identity,
    }
    if kind not in kinds:
        raise ValueError(f"norm: no {kind!r}; there is {', '.join(kinds)}")
    return kinds[kind]()
