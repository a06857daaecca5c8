"""The convolutions of LeNet (Zhu, Liu, Han 2019, arXiv 1906.08935), over images or along time."""

from collections.abc import Sequence

from torch import nn

from bench.models.activations import activation as activation_of


def lenet_body(
    first: nn.Module,
    convolution: type[nn.Conv1d] | type[nn.Conv2d],
    channels: int,
    width: int,
    strides: Sequence[int],
    activation: str,
) -> nn.Sequential:
    """Three convolutions that cover 5 places, with an activation after each.

    Args:
        first: what stands before them.
        convolution: of images, or of series.
        channels: of an input.
        width: filters of each convolution, >= 1.
        strides: of the three convolutions.
        activation: a name from `bench.models.activations`.

    Raises:
        ValueError: width or strides are out of their range.
    """
    if width < 1 or len(strides) != 3 or min(strides) < 1:
        raise ValueError(f"width={width}, strides={list(strides)}: want a width >= 1 and three strides >= 1")
    layers = [first]
    for stride in strides:
        layers += [convolution(channels, width, 5, padding=2, stride=stride), activation_of(activation)]
        channels = width
    return nn.Sequential(*layers)
