"""ResNet-20 for small images (He et al. 2016, arXiv 1512.03385, section 4.2), with options that matter for leakage."""

from collections.abc import Sequence

from torch import Tensor, nn

from bench.models.activations import activation as activation_of
from bench.models.initialise import uniform
from bench.models.normalise import first_layer
from bench.models.norms import norm as norm_of


class Block(nn.Module):
    """Two 3x3 convolutions with a shortcut; if the shape changes, the shortcut is a 1x1 convolution.

    Departs: the paper's shortcut is option A (zero padding); the projection (option B) is common today.
    """

    def __init__(self, inside: int, outside: int, stride: int, activation: str, norm: str) -> None:
        super().__init__()
        self.first = nn.Conv2d(inside, outside, 3, stride, padding=1, bias=norm == "none")
        self.first_norm = norm_of(norm, outside)
        self.second = nn.Conv2d(outside, outside, 3, padding=1, bias=norm == "none")
        self.second_norm = norm_of(norm, outside)
        self.activation = activation_of(activation)
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or inside != outside:
            self.shortcut = nn.Conv2d(inside, outside, 1, stride, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """`[B, inside, H, W]` -> `[B, outside, H / stride, W / stride]`."""
        inner = self.activation(self.first_norm(self.first(x)))
        return self.activation(self.second_norm(self.second(inner)) + self.shortcut(x))


class ResNet(nn.Module):
    """A residual network: `[B, C, H, W]` in [0, 1] -> logits `[B, classes]`, with 6 * blocks + 2 layers.

    Args:
        blocks: residual blocks per stage, >= 1 (3 for ResNet-20).
        width: channels of the first stage, >= 1; they double at the second and third.
        strides: strides of the three stages (1, 2, 2 in the paper; 1, 1, 1 removes them, as Deep Leakage does).
        activation: a name from `bench.models.activations`.
        norm: `batch`, `group` (8 groups) or `none`.
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
        blocks: int,
        width: int,
        strides: Sequence[int],
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
        if blocks < 1 or width < 1 or len(strides) != 3 or min(strides) < 1:
            raise ValueError(f"blocks={blocks}, width={width}, strides={list(strides)}: want >= 1, three strides")
        self.normalise = first_layer(mean, std, shape[0])
        self.stem = nn.Conv2d(shape[0], width, 3, padding=1, bias=norm == "none")
        self.stem_norm = norm_of(norm, width)
        self.activation = activation_of(activation)
        layers = []
        inside = width
        for stage, stride in enumerate(strides):
            outside = width * 2**stage
            for block in range(blocks):
                layers.append(Block(inside, outside, stride if block == 0 else 1, activation, norm))
                inside = outside
        self.body = nn.Sequential(*layers)
        self.fc = nn.Linear(inside, classes)
        uniform(self, init_range)

    def forward(self, x: Tensor) -> Tensor:
        """`[B, C, H, W]` in [0, 1] -> logits `[B, classes]`."""
        x = self.activation(self.stem_norm(self.stem(self.normalise(x))))
        return self.fc(self.body(x).mean(dim=(-2, -1)))
