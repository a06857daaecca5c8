"""The LeNet of the Deep Leakage code (Zhu, Liu, Han 2019, arXiv 1906.08935; `models/vision.py` of its repository)."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from bench.models.initialise import uniform
from bench.models.lenet_body import lenet_body
from bench.models.normalise import first_layer


class LeNet(nn.Module):
    """Three 5x5 convolutions of `width` filters, an activation after each, and one linear layer.

    `[B, C, H, W]` in [0, 1] -> logits `[B, classes]`. With width 12, strides 2, 2, 1, sigmoid and init_range 0.5 it is
    the published network, which has 588 features for images of 28x28 and 768 for 32x32.

    Args:
        width: filters of each convolution, >= 1.
        strides: strides of the three convolutions (the paper's text removes them: 1, 1, 1).
        activation: a name from `bench.models.activations`.
        init_range: r; weights and biases are drawn from U(-r, r); null for PyTorch's own initialisation.
        mean: mean per channel, for a normalisation as the first layer; null for none.
        std: standard deviation per channel; null for none.
        shape: `(C, H, W)` of an input.
        classes: number of logits.

    Raises:
        ValueError: an argument is out of its range.
    """

    def __init__(
        self,
        width: int,
        strides: Sequence[int],
        activation: str,
        init_range: float | None,
        mean: Sequence[float] | None,
        std: Sequence[float] | None,
        *,
        shape: tuple[int, int, int],
        classes: int,
    ) -> None:
        super().__init__()
        self.body = lenet_body(first_layer(mean, std, shape[0]), nn.Conv2d, shape[0], width, strides, activation)
        with torch.no_grad():
            features = self.body(torch.zeros(1, *shape)).flatten(1).shape[1]
        self.fc = nn.Linear(features, classes)
        uniform(self, init_range)

    def forward(self, x: Tensor) -> Tensor:
        """`[B, C, H, W]` in [0, 1] -> logits `[B, classes]`."""
        return self.fc(self.body(x).flatten(1))
