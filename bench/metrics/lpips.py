"""Learned perceptual image patch similarity."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any, Literal, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torchmetrics.functional.image.lpips import _NoTrainLpips

from bench.errors import UserError
from bench.metrics import backbones
from bench.metrics.base import Batch, SampleMetric, positive
from bench.metrics.column import ScoreColumn


@functools.lru_cache(maxsize=4)
def network(net: str, path: Path, device: torch.device) -> nn.Module:
    """The LPIPS network (v0.1) on ImageNet weights: in evaluation mode, frozen, one a process.

    It is kept here, not on the metric, so that it is in no checkpoint, no optimiser, and no pickle sent to a worker.
    Building it leaves the global random numbers as they were.

    Args:
        net: "alex" or "vgg".
        path: file with the feature layers, see `bench.metrics.backbones`.
        device: where it computes.

    Raises:
        UserError: the file is broken.
    """
    layers = backbones.load(net, path)
    with torch.inference_mode(False), torch.random.fork_rng(devices=[]):
        # The calibrated linear layers come with torchmetrics; its backbone is random until the next line.
        built = _NoTrainLpips(net=cast(Literal["alex", "vgg"], net), pretrained=True, pnet_rand=True)
        state = {name: layers["features." + name.split(".", 1)[1]] for name in built.net.state_dict()}
        built.net.load_state_dict(state)
    return built.float().requires_grad_(False).eval().to(device)


def enlarge(images: Tensor, size: int | None) -> Tensor:
    """Images whose short side is below `size` are resized to it, bilinearly (corners not aligned, no antialiasing).

    Args:
        images: `[N, C, H, W]`.
        size: pixels; None leaves every image alone.

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

    Gray images are replicated to three channels, [0, 1] is mapped to [-1, 1], small images are enlarged.

    Args:
        net: `(images [N, 3, H, W], images) -> [N, 1, 1, 1]`, in [-1, 1].
        guess: `[V, B, C, H, W]` in [0, 1], C = 1 or 3.
        truth: `[V, B, C, H, W]` in [0, 1].
        size: see `enlarge`.
        chunk: images at once: bounds the memory.

    Returns:
        `[V, B]`, float32.
    """
    v, b, _, height, width = guess.shape
    pairs = [x.float().expand(v, b, 3, height, width).reshape(-1, 3, height, width) for x in (guess, truth)]
    parts = []
    # Full float32 on a GPU too: tensor cores would change the third digit of a score.
    with torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True, allow_tf32=False):
        for x, y in zip(*(images.split(chunk) for images in pairs)):
            parts.append(net(enlarge(x, size) * 2 - 1, enlarge(y, size) * 2 - 1).flatten())
    return torch.cat(parts).view(v, b)


class LearnedPerceptualSimilarity(SampleMetric):
    """LPIPS of clipped images; lower is better, 0 is exact, above 1 is possible.

    Undefined where the backbone's weights are not on this machine, and for images of neither one nor three channels. A
    score compares only with one of the same net, size and interpolation. At 32x32 with net alex a blurred copy often
    ranks behind an unrelated image; hence the enlargement.

    Args:
        net: "alex" or "vgg".
        size: images below this on their short side are enlarged to it, pixels; None: never.
        weights: folder with the backbone's weights, see `bench.metrics.backbones`.
        chunk: images at once.

    Raises:
        UserError: an unknown net; a size below what the net can process; not a positive whole number.
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
        """As the base's; loads the network, so that a broken file is found before a long run and not after it."""
        if len(shape) != 3:
            return super().reason(shape)
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
        """`[V, B]`, float32.

        Raises:
            UserError: `reason` has one.
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
