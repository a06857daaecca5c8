"""CNN6 of R-GAP (Zhu and Blaschko 2021, arXiv 2010.07733; `models/CNN6.py` of its repository)."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from bench.models.initialise import uniform
from bench.models.normalise import first_layer

# filters, side of the kernel, stride and padding of the six convolutions
_LAYERS = ((12, 4, 2, 2), (36, 3, 2, 1), (36, 3, 1, 1), (36, 3, 1, 1), (64, 3, 2, 1), (128, 3, 1, 1))


class CNN6(nn.Module):
    """Six convolutions without bias, a leaky ReLU after each, and one linear layer.

    `[B, C, H, W]` in [0, 1] -> logits `[B, classes]`. There are 3,200 features for images of 32x32, and 2,048 for
    28x28. A leaky ReLU can be inverted, and every convolution gives at least as many equations (its outputs, and the
    gradient of its weight) as it has inputs, so that its inputs can be solved for.

    Departs: the published network has one output, no bias at all, and a logistic loss of two classes. This one has a
    logit per class and, unless `last_bias` is false, a bias at the last layer, whose gradient is that of the logits.

    Args:
        slope: slope of the leaky ReLU below zero, in (0, 1).
        last_bias: whether the linear layer has a bias.
        init_range: r; weights and biases are drawn from U(-r, r); null for PyTorch's own initialisation.
        mean: mean, one number for all channels or one per channel, for a normalisation as the first layer; null for
            none.
        std: standard deviation, likewise; null for none.
        shape: `(C, H, W)` of an input.
        classes: number of logits.

    Raises:
        ValueError: an argument is out of its range.
    """

    def __init__(
        self,
        slope: float,
        last_bias: bool,
        init_range: float | None,
        mean: float | Sequence[float] | None,
        std: float | Sequence[float] | None,
        *,
        shape: tuple[int, int, int],
        classes: int,
    ) -> None:
        super().__init__()
        if not 0 < slope < 1:
            raise ValueError(f"slope={slope}: must be between 0 and 1 (of the leaky ReLU below zero)")
        channels = shape[0]
        layers: list[nn.Module] = [first_layer(mean, std, channels)]
        for filters, side, stride, padding in _LAYERS:
            layers += [nn.Conv2d(channels, filters, side, stride, padding, bias=False), nn.LeakyReLU(slope)]
            channels = filters
        self.body = nn.Sequential(*layers, nn.Flatten())
        with torch.no_grad():
            features = self.body(torch.zeros(1, *shape)).shape[1]
        self.fc = nn.Linear(features, classes, bias=last_bias)
        uniform(self, init_range)

    def forward(self, x: Tensor) -> Tensor:
        """`[B, C, H, W]` in [0, 1] -> logits `[B, classes]`."""
        return self.fc(self.body(x))
