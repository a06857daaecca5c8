"""Learned perceptual image patch similarity, LPIPS (Zhang et al. 2018, arXiv 1801.03924)."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any, Literal, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torchmetrics.functional.image.lpips import _NoTrainLpips

from bench.errors import UserError
from bench.metrics import backbones
from bench.metrics.base import Batch, SampleMetric, positive
from bench.metrics.column import ScoreColumn

_DRAWS = (nn.init.kaiming_uniform_, nn.init.normal_, nn.init.uniform_)


class _Undrawn(TorchFunctionMode):
    """Leaves the random numbers of initial weights undrawn: those of VGG take seconds, and are replaced."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        given = kwargs or {}
        return given["tensor"] if func in _DRAWS else func(*args, **given)


@functools.lru_cache(maxsize=4)
def network(net: str, path: Path, device: torch.device) -> nn.Module:
    """The LPIPS network (v0.1) with ImageNet weights, in evaluation mode and frozen, once per process.

    It is cached here and is not an attribute of the metric, so that it gets into no checkpoint, optimiser, or pickle
    that is sent to a worker. Building it does not change the state of the global random numbers.

    Args:
        net: "alex" or "vgg".
        path: the file with the feature layers, see `bench.metrics.backbones`.
        device: the device that computes the scores.

    Raises:
        UserError: the file is broken.
    """
    layers = backbones.load(net, path)
    with torch.inference_mode(False), torch.random.fork_rng(devices=[]), _Undrawn():
        # torchmetrics brings the calibrated linear layers. Its backbone has no weights until they are loaded below.
        built = _NoTrainLpips(net=cast(Literal["alex", "vgg"], net), pretrained=True, pnet_rand=True)
        state = {name: layers["features." + name.split(".", 1)[1]] for name in built.net.state_dict()}
        built.net.load_state_dict(state)
    return built.float().requires_grad_(False).eval().to(device)


def enlarge(images: Tensor, size: int | None) -> Tensor:
    """Enlarges images whose short side is below `size` to it, bilinearly (corners not aligned, no antialiasing).

    Args:
        images: `[N, C, H, W]`.
        size: the short side in pixels; None leaves every image as it is.

    Example:
        >>> enlarge(torch.zeros(1, 3, 28, 56), 64).shape
        torch.Size([1, 3, 64, 128])
    """
    height, width = images.shape[2:]
    short = min(height, width)
    if size is None or short >= size:
        return images
    target = (round(height * size / short), round(width * size / short))
    return F.interpolate(images, size=target, mode="bilinear", align_corners=False, antialias=False)


def perceptual_distance(net: nn.Module, guess: Tensor, truth: Tensor, size: int | None, chunk: int) -> Tensor:
    """LPIPS (Zhang et al. 2018, arXiv 1801.03924, equation 1) for each sample.

    Gray images are replicated to three channels, small images are enlarged, and [0, 1] is mapped to [-1, 1].

    Args:
        net: `(images [N, 3, H, W], images) -> [N, 1, 1, 1]`, with pixels in [-1, 1].
        guess: `[V, B, C, H, W]` in [0, 1], with C = 1 or 3.
        truth: `[V, B, C, H, W]` in [0, 1].
        size: the short side in pixels to which smaller images are enlarged, see `enlarge`.
        chunk: how many images are scored at once, which bounds the memory.

    Returns:
        `[V, B]`, float32.
    """
    v, b, _, height, width = guess.shape
    pairs = [x.float().expand(v, b, 3, height, width).reshape(-1, 3, height, width) for x in (guess, truth)]
    parts = []
    # A GPU has to use full float32 too, because TF32 would change the third digit of a score.
    with torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True, allow_tf32=False):
        for x, y in zip(*(images.split(chunk) for images in pairs)):
            parts.append(net(enlarge(x, size) * 2 - 1, enlarge(y, size) * 2 - 1).flatten())
    return torch.cat(parts).view(v, b)


class LearnedPerceptualSimilarity(SampleMetric):
    """LPIPS of clipped images; lower is better, 0 is exact, and scores above 1 are possible.

    It is undefined if the backbone's weights are not on this machine, and for images of neither one nor three channels.
    Only scores of the same net, size and interpolation can be compared. Small images are enlarged, because at 32x32
    with net alex a blurred copy often ranks behind an unrelated image.

    Args:
        net: "alex" or "vgg".
        size: the short side in pixels to which smaller images are enlarged; None enlarges none.
        weights: the folder with the backbone's weights, see `bench.metrics.backbones`.
        chunk: how many images are scored at once.

    Raises:
        UserError: the net is unknown, the size is below what the net can process, or a number is not a positive whole
            number.
    """

    unit = "distance"
    higher_is_better = False
    value_range = (0.0, None)

    def __init__(self, net: str, size: int | None, weights: str, chunk: int) -> None:
        super().__init__()
        if net not in backbones.NETS:
            raise UserError(f"metric.lpips.net={net}: must be one of {', '.join(backbones.NETS)}")
        for name, value in (("size", size), ("chunk", chunk)):
            if value is not None and (isinstance(value, bool) or not isinstance(value, int)):
                raise UserError(f"metric.lpips.{name}={value}: must be a whole number")
        positive("lpips", chunk=chunk, **({} if size is None else {"size": size}))
        least = backbones.NETS[net].smallest
        if size is not None and size < least:
            raise UserError(f"metric.lpips.size={size}: net={net} needs at least {least}x{least} pixels")
        self.net, self.size, self.chunk = net, size, chunk
        self.folder = Path(weights).expanduser()
        self.smallest = least if size is None else 1
        # The table of a terminal has room for one of the two nets.
        self.column = ScoreColumn(f"LPIPS {net}", short="" if net == "vgg" else None)

    def reason(self, shape: tuple[int, ...]) -> str | None:
        """Says in a sentence why examples of a shape have no LPIPS on this machine; None if they have one.

        This loads the network, so that a broken file is found before a long run and not after it.

        Args:
            shape: `(C, H, W)`.

        Raises:
            UserError: the file with the weights is broken.
        """
        if shape[0] not in (1, 3):
            return f"needs images of 1 or 3 channels; these have {shape[0]}"
        path = backbones.find(self.net, self.folder)
        if path is None:
            return f"no ImageNet weights for net={self.net} in {self.folder}; run: leakbench prepare lpips"
        too_small = super().reason(shape)
        if too_small is None:
            network(self.net, path, torch.device("cpu"))
        return too_small

    def score(self, guess: Batch, truth: Batch) -> Tensor:
        """LPIPS per sample, `[V, B]`, float32.

        Raises:
            UserError: the weights are not on this machine, or are broken.
        """
        path = backbones.find(self.net, self.folder)
        if path is None:
            raise UserError(f"metric lpips: {self.reason((3, 0, 0))}")
        built = network(self.net, path, guess.inputs.device)
        with torch.no_grad():
            return perceptual_distance(built, guess.inputs, truth.inputs, self.size, self.chunk)

    def facts(self) -> dict[str, Any]:
        """The base's facts, with net, size and interpolation."""
        return super().facts() | {
            "net": f"LPIPS v0.1, {backbones.NETS[self.net].name}",
            "size": self.size,
            "interpolation": None if self.size is None else "bilinear, only below size",
        }
