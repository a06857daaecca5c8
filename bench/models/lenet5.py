"""LeNet-5 as the code of iLRG has it (LeCun et al. 1998; Ma et al. 2023, arXiv 2212.02042; `models.py`)."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from bench.models.activations import activation as activation_of
from bench.models.initialise import uniform
from bench.models.normalise import first_layer


class LeNet5(nn.Module):
    """Two 5x5 convolutions without padding, each with an activation and a 2x2 max-pooling, and three linear layers.

    `[B, C, H, W]` in [0, 1] -> logits `[B, classes]`. The last hidden layer has 84 units. There are 256 features behind
    the second pooling for images of 28x28, and 400 for 32x32. The weights of the convolutions are drawn from a normal
    distribution of deviation sqrt(2 / (25 * filters)), as in the code of iLRG; the rest is PyTorch's own.

    Departs from LeCun et al. 1998, as the code of iLRG does: ReLU in place of a scaled tanh, max-pooling in place of a
    trained average, every filter sees every channel, and a linear layer in place of radial basis functions.

    Args:
        activation: a name from `bench.models.activations`.
        init_range: r; weights and biases are drawn from U(-r, r); null for the initialisation above.
        mean: mean, one number for all channels or one per channel, for a normalisation as the first layer; null for
            none.
        std: standard deviation, likewise; null for none.
        shape: `(C, H, W)` of an input, H and W at least 16.
        classes: number of logits.

    Raises:
        ValueError: an argument is out of its range.
    """

    def __init__(
        self,
        activation: str,
        init_range: float | None,
        mean: float | Sequence[float] | None,
        std: float | Sequence[float] | None,
        *,
        shape: tuple[int, int, int],
        classes: int,
    ) -> None:
        super().__init__()
        channels, height, columns = shape
        if min(height, columns) < 16:
            raise ValueError(
                f"images of {height}x{columns}: want at least 16x16 (two convolutions of 5x5, each pooled)"
            )
        layers: list[nn.Module] = [first_layer(mean, std, channels)]
        for filters in (6, 16):
            layers += [nn.Conv2d(channels, filters, 5), activation_of(activation), nn.MaxPool2d(2)]
            channels = filters
        self.body = nn.Sequential(*layers, nn.Flatten())
        with torch.no_grad():
            features = self.body(torch.zeros(1, *shape)).shape[1]
        self.hidden = nn.Sequential(
            nn.Linear(features, 120), activation_of(activation), nn.Linear(120, 84), activation_of(activation)
        )
        self.fc = nn.Linear(84, classes)
        for layer in self.body:
            if isinstance(layer, nn.Conv2d):
                nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
        uniform(self, init_range)

    def forward(self, x: Tensor) -> Tensor:
        """`[B, C, H, W]` in [0, 1] -> logits `[B, classes]`."""
        return self.fc(self.hidden(self.body(x)))
