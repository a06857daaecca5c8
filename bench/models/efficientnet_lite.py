"""EfficientNet-Lite0 with weights trained on ImageNet (Tan and Le 2019, arXiv 1905.11946), from a local folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional

from bench.errors import UserError
from bench.models.normalise import first_layer

NAME = "efficientnet_lite0"  # the folder in paths.weights, and what `leakbench prepare` takes
FILES = ("model.safetensors",)
_IMAGENET = 1000  # classes of the published head
# blocks, side of the kernel, stride of the first block, expansion, channels of the seven stages
_STAGES = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)


def missing(folder: Path) -> list[str]:
    """Returns the names of those files of the model that are not in `folder`."""
    return [name for name in FILES if not (folder / name).is_file()]


class SameConv2d(nn.Conv2d):
    """A convolution without bias that pads as TensorFlow's `SAME`: an odd row or column is added below and right."""

    def __init__(self, inside: int, outside: int, side: int, stride: int, groups: int) -> None:
        super().__init__(inside, outside, side, stride, groups=groups, bias=False)

    def forward(self, input: Tensor) -> Tensor:
        """`[B, inside, H, W]` -> `[B, outside, ceil(H / stride), ceil(W / stride)]`."""
        side, stride = self.kernel_size[0], self.stride[0]
        needed = [max((-(-length // stride) - 1) * stride + side - length, 0) for length in input.shape[-2:]]
        rows, columns = needed
        return super().forward(
            functional.pad(input, (columns // 2, columns - columns // 2, rows // 2, rows - rows // 2))
        )


def _unit(inside: int, outside: int, side: int = 1, stride: int = 1, groups: int = 1) -> list[nn.Module]:
    """A convolution and its BatchNorm, with TensorFlow's epsilon and momentum."""
    return [SameConv2d(inside, outside, side, stride, groups), nn.BatchNorm2d(outside, eps=1e-3, momentum=0.01)]


class MBConv(nn.Module):
    """An inverted bottleneck (Sandler et al. 2018, arXiv 1801.04381): expand, filter each channel, project.

    There is a skip if the shape stays. The Lite form has ReLU6 in place of swish, and no squeeze-and-excitation.

    Args:
        inside: channels of the input.
        outside: channels of the output.
        side: of the depthwise kernel.
        stride: of the depthwise convolution.
        expansion: how many times wider the middle is.
    """

    def __init__(self, inside: int, outside: int, side: int, stride: int, expansion: int) -> None:
        super().__init__()
        middle = inside * expansion
        expand = [*_unit(inside, middle), nn.ReLU6()] if expansion > 1 else []
        depthwise = [*_unit(middle, middle, side, stride, groups=middle), nn.ReLU6()]
        self.body = nn.Sequential(*expand, *depthwise, *_unit(middle, outside))
        self.skips = stride == 1 and inside == outside

    def forward(self, x: Tensor) -> Tensor:
        """`[B, inside, H, W]` -> `[B, outside, ceil(H / stride), ceil(W / stride)]`."""
        found = self.body(x)
        return found + x if self.skips else found


class EfficientNetLite0(nn.Module):
    """EfficientNet-Lite0: 4.7 million weights and BatchNorm statistics, trained on ImageNet at 224x224.

    `[B, C, H, W]` in [0, 1] -> logits `[B, classes]`. Images keep their size, and one channel is taken for three equal
    ones. The head is the published one if there are 1,000 classes, and drawn at random otherwise, as for fine-tuning:
    `model.shared=[fc.*]` trains and shares the head only. The licence of the weights is Apache 2.0.

    Departs: there is no dropout before the head and no stochastic depth, because a random gradient cannot be matched.

    Args:
        weights: the folder of the model's file; null draws all weights at random, by PyTorch's own initialisation.
        mean: mean per channel, for the normalisation in front (published: 127 / 255).
        std: standard deviation per channel (published: 128 / 255).
        shape: `(C, H, W)` of an input, C being 1 or 3.
        classes: number of logits.

    Raises:
        UserError: the file is not there, or does not hold these weights.
        ValueError: images have neither one channel nor three.
    """

    def __init__(
        self,
        weights: str | None,
        mean: float | Sequence[float] | None,
        std: float | Sequence[float] | None,
        *,
        shape: tuple[int, int, int],
        classes: int,
    ) -> None:
        super().__init__()
        if shape[0] not in (1, 3):
            raise ValueError(f"images of {shape[0]} channels: want 1 or 3 (the weights are those of RGB images)")
        self.normalise = first_layer(mean, std, 3)
        layers: list[nn.Module] = [*_unit(3, 32, 3, 2), nn.ReLU6()]
        inside = 32
        for blocks, side, stride, expansion, outside in _STAGES:
            for block in range(blocks):
                layers.append(MBConv(inside, outside, side, stride if block == 0 else 1, expansion))
                inside = outside
        self.features = nn.Sequential(*layers, *_unit(inside, 1280), nn.ReLU6())
        self.fc = nn.Linear(1280, classes)
        if weights is not None:
            self._load(Path(weights).expanduser())

    def _load(self, folder: Path) -> None:
        if missing(folder):
            raise UserError(f"the weights of EfficientNet-Lite0 are not in {folder}; run: leakbench prepare {NAME}")
        wanted = self.state_dict()
        try:
            found = load_file(folder / FILES[0])
            if len(wanted["fc.bias"]) != _IMAGENET:
                found |= {name: wanted[name] for name in ("fc.weight", "fc.bias")}
            self.load_state_dict(found)
        except (SafetensorError, RuntimeError, ValueError, OSError) as error:
            reason = (str(error).splitlines() or [type(error).__name__])[-1].strip()
            raise UserError(
                f"{folder / FILES[0]} does not hold the weights of EfficientNet-Lite0 ({reason[:120]}); delete it and "
                f"run: leakbench prepare {NAME}"
            ) from error

    def forward(self, x: Tensor) -> Tensor:
        """`[B, C, H, W]` in [0, 1] -> logits `[B, classes]`."""
        x = self.features(self.normalise(x.expand(-1, 3, -1, -1)))
        return self.fc(x.mean(dim=(-2, -1)))


def renamed(published: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The published weights under the names of `EfficientNetLite0`; both lists are in the order of the network.

    Raises:
        ValueError: the number of tensors, or a shape, is another.
    """
    with torch.device("meta"):
        wanted = EfficientNetLite0(None, None, None, shape=(3, 224, 224), classes=_IMAGENET).state_dict()
    shapes = [tuple(value.shape) for value in wanted.values()]
    if [tuple(value.shape) for value in published.values()] != shapes:
        raise ValueError("these are not the tensors of EfficientNet-Lite0")
    return {name: value.contiguous() for name, value in zip(wanted, published.values(), strict=True)}
