"""The LeNet of the Deep Leakage code (Zhu, Liu, Han 2019, arXiv 1906.08935) along time.

The code of TS-Inverse (Meijer et al. 2025, arXiv 2503.20952) has it in `models/cnn.py`.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from bench.models.initialise import uniform
from bench.models.lenet_body import lenet_body


class LeNetSeries(nn.Module):
    """Three convolutions of `width` filters along time, an activation after each, and one linear layer.

    Series `[B, C, T]` -> logits `[B, classes]`. A filter covers 5 times. Images `[B, C, H, W]` are read as series of
    their pixels, row by row. TS-Inverse has width 64, strides 2, 2, 1 and sigmoid, and forecasts the next values.

    Departs: the linear layer gives logits of classes, as the data sets here have classes.

    Args:
        width: filters of each convolution, >= 1.
        strides: strides of the three convolutions.
        activation: a name from `bench.models.activations`.
        init_range: r; weights and biases are drawn from U(-r, r); null for PyTorch's own initialisation.
        shape: `(C, T)` of a series, or `(C, H, W)` of an image.
        classes: number of logits.

    Raises:
        ValueError: an argument is out of its range, or an input has no channels.
    """

    def __init__(
        self,
        width: int,
        strides: Sequence[int],
        activation: str,
        init_range: float | None,
        *,
        shape: tuple[int, ...],
        classes: int,
    ) -> None:
        super().__init__()
        if len(shape) < 2:
            raise ValueError(f"shape={tuple(shape)}: want series of C channels and T times (data=series)")
        self.body = lenet_body(nn.Flatten(2), nn.Conv1d, shape[0], width, strides, activation)
        with torch.no_grad():
            features = self.body(torch.zeros(1, *shape)).flatten(1).shape[1]
        self.fc = nn.Linear(features, classes)
        uniform(self, init_range)

    def forward(self, x: Tensor) -> Tensor:
        """`[B, C, T]` or `[B, C, H, W]` -> logits `[B, classes]`."""
        logits: Tensor = self.fc(self.body(x).flatten(1))
        return logits
