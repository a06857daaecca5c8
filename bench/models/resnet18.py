"""ResNet-18 (He et al. 2016, arXiv 1512.03385, table 1), in its form for small images and in torchvision's."""

from collections.abc import Sequence

from torch import Tensor, nn

from bench.models.activations import activation as activation_of
from bench.models.initialise import uniform
from bench.models.normalise import first_layer
from bench.models.norms import norm as norm_of

_STEMS = ("small", "large")


class BasicBlock(nn.Module):
    """Two 3x3 convolutions and a shortcut; if the shape changes, the shortcut is a 1x1 convolution with its own norm.

    The names of the layers are torchvision's.

    Args:
        inside: channels of the input.
        outside: channels of the output.
        stride: of the first convolution.
        activation: a name from `bench.models.activations`.
        norm: `batch`, `group` or `none`; convolutions have a bias only without one.
    """

    def __init__(self, inside: int, outside: int, stride: int, activation: str, norm: str) -> None:
        super().__init__()
        bias = norm == "none"
        self.conv1 = nn.Conv2d(inside, outside, 3, stride, padding=1, bias=bias)
        self.bn1 = norm_of(norm, outside)
        self.conv2 = nn.Conv2d(outside, outside, 3, padding=1, bias=bias)
        self.bn2 = norm_of(norm, outside)
        self.activation = activation_of(activation)
        self.downsample: nn.Module = nn.Identity()
        if stride != 1 or inside != outside:
            self.downsample = nn.Sequential(nn.Conv2d(inside, outside, 1, stride, bias=bias), norm_of(norm, outside))

    def forward(self, x: Tensor) -> Tensor:
        """`[B, inside, H, W]` -> `[B, outside, H / stride, W / stride]`."""
        inner = self.activation(self.bn1(self.conv1(x)))
        return self.activation(self.bn2(self.conv2(inner)) + self.downsample(x))


class ResNet18(nn.Module):
    """ResNet-18: `[B, C, H, W]` in [0, 1] -> logits `[B, classes]`, with four stages of two blocks.

    The form for small images (`stem=small`) begins with one 3x3 convolution without a stride, as most work on CIFAR
    has it. The paper's form for ImageNet (`stem=large`) begins with a 7x7 convolution of stride 2 and a 3x3 max-pooling
    of stride 2. The rest of both is torchvision's `resnet18`, and the parameters have torchvision's names, so a file
    of torchvision's weights is a checkpoint for `stem=large`, width 64, batch norm, 3 channels and 1,000 classes.

    Departs: weights are drawn by PyTorch's own initialisation unless `init_range` is given. torchvision draws those of
    convolutions from a normal distribution (He et al. 2015).

    Args:
        width: channels of the first stage, >= 1 (published: 64); they double at each further stage.
        stem: `small` or `large`.
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
        width: int,
        stem: str,
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
            raise ValueError(f"width={width}: must be >= 1 (channels of the first stage)")
        if stem not in _STEMS:
            raise ValueError(f"stem: no {stem!r}; there is {', '.join(_STEMS)}")
        large = stem == "large"
        self.normalise = first_layer(mean, std, shape[0])
        side, stride = (7, 2) if large else (3, 1)
        self.conv1 = nn.Conv2d(shape[0], width, side, stride, padding=side // 2, bias=norm == "none")
        self.bn1 = norm_of(norm, width)
        self.activation = activation_of(activation)
        self.maxpool = nn.MaxPool2d(3, 2, padding=1) if large else nn.Identity()
        inside = width
        for stage in range(4):
            outside = width * 2**stage
            first = BasicBlock(inside, outside, 1 if stage == 0 else 2, activation, norm)
            second = BasicBlock(outside, outside, 1, activation, norm)
            self.add_module(f"layer{stage + 1}", nn.Sequential(first, second))
            inside = outside
        self.fc = nn.Linear(inside, classes)
        uniform(self, init_range)

    def forward(self, x: Tensor) -> Tensor:
        """`[B, C, H, W]` in [0, 1] -> logits `[B, classes]`."""
        x = self.maxpool(self.activation(self.bn1(self.conv1(self.normalise(x)))))
        for stage in range(4):
            x = self.get_submodule(f"layer{stage + 1}")(x)
        return self.fc(x.mean(dim=(-2, -1)))
