"""The ConvNet of the Inverting Gradients code (Geiping et al. 2020, arXiv 2003.14053; `inversefed/nn/models.py`)."""

from collections.abc import Sequence

from torch import Tensor, nn

from bench.models.activations import activation as activation_of
from bench.models.initialise import uniform
from bench.models.normalise import first_layer
from bench.models.norms import norm as norm_of

_BEFORE, _AFTER = (1, 2, 2, 4, 4, 4), (4, 4)  # filters before and after the first pooling, in multiples of `width`


class ConvNet(nn.Module):
    """Eight 3x3 convolutions, each with a normalisation and an activation, two 3x3 poolings and a linear layer.

    `[B, C, H, W]` in [0, 1] -> logits `[B, classes]`. It was published with width 64, ReLU and BatchNorm (the published
    code builds width 64 under the names ConvNet8, 16 and 32 as well). There are 36 * width features for images of 28x28
    and of 32x32.

    Args:
        width: filters of the first convolution, >= 1; the second and third have twice, the others four times as many.
        activation: a name from `bench.models.activations`.
        norm: `batch`, `group` (8 groups) or `none`.
        init_range: r; weights and biases are drawn from U(-r, r); null for PyTorch's own initialisation.
        mean: mean per channel, for a normalisation as the first layer; null for none.
        std: standard deviation per channel; null for none.
        shape: `(C, H, W)` of an input, H and W at least 9.
        classes: number of logits.

    Raises:
        ValueError: an argument is out of its range.
    """

    def __init__(
        self,
        width: int,
        activation: str,
        norm: str,
        init_range: float | None,
        mean: Sequence[float] | None,
        std: Sequence[float] | None,
        *,
        shape: tuple[int, int, int],
        classes: int,
    ) -> None:
        super().__init__()
        channels, height, columns = shape
        if width < 1:
            raise ValueError(f"width={width}: must be >= 1 (filters of the first convolution)")
        if min(height, columns) < 9:
            raise ValueError(f"images of {height}x{columns}: want at least 9x9 (two poolings of 3x3)")
        layers: list[nn.Module] = [first_layer(mean, std, channels)]
        for group in (_BEFORE, _AFTER):
            for times in group:
                outside = times * width
                layers += [
                    nn.Conv2d(channels, outside, 3, padding=1),
                    norm_of(norm, outside),
                    activation_of(activation),
                ]
                channels = outside
            layers.append(nn.MaxPool2d(3))
        self.body = nn.Sequential(*layers)
        self.fc = nn.Linear(channels * (height // 9) * (columns // 9), classes)
        uniform(self, init_range)

    def forward(self, x: Tensor) -> Tensor:
        """`[B, C, H, W]` in [0, 1] -> logits `[B, classes]`."""
        return self.fc(self.body(x).flatten(1))
