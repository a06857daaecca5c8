"""VGG-11 for small images (Simonyan and Zisserman 2015, arXiv 1409.1556, table 1, configuration A)."""

from collections.abc import Sequence

from torch import Tensor, nn

from bench.models.activations import activation as activation_of
from bench.models.initialise import uniform
from bench.models.normalise import first_layer
from bench.models.norms import norm as norm_of

_STAGES = ((1,), (2,), (4, 4), (8, 8), (8, 8))  # filters of the convolutions before each pooling, in multiples of width


class VGG11(nn.Module):
    """Eight 3x3 convolutions, five 2x2 poolings and one linear layer; it has no skip connections.

    `[B, C, H, W]` in [0, 1] -> logits `[B, classes]`. `features` is that of torchvision's `vgg11_bn` (`vgg11` without
    a norm), by the same names, wherever the sides of an image are multiples of 32.

    Departs: the paper has three linear layers of 4,096, 4,096 and 1,000 units behind features of 7x7. This one has one
    linear layer, as most work on CIFAR has it (8 * width features for 28x28 and 32x32). A pooling keeps the last
    row and column of an odd side, because five poolings would otherwise leave nothing of 28x28.

    Args:
        width: filters of the first convolution, >= 1 (published: 64).
        activation: a name from `bench.models.activations`.
        norm: `batch`, `group` (8 groups) or `none` (published).
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
        if width < 1:
            raise ValueError(f"width={width}: must be >= 1 (filters of the first convolution)")
        channels, height, columns = shape
        self.normalise = first_layer(mean, std, channels)
        layers: list[nn.Module] = []
        for stage in _STAGES:
            for times in stage:
                outside = times * width
                layers.append(nn.Conv2d(channels, outside, 3, padding=1))
                if norm != "none":
                    layers.append(norm_of(norm, outside))
                layers.append(activation_of(activation))
                channels = outside
            layers.append(nn.MaxPool2d(2, ceil_mode=True))
        self.features = nn.Sequential(*layers)
        self.fc = nn.Linear(channels * -(-height // 32) * -(-columns // 32), classes)
        uniform(self, init_range)

    def forward(self, x: Tensor) -> Tensor:
        """`[B, C, H, W]` in [0, 1] -> logits `[B, classes]`."""
        return self.fc(self.features(self.normalise(x)).flatten(1))
