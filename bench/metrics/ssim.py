"""Structural similarity, SSIM (Wang et al. 2004, IEEE TIP 13(4))."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from bench.metrics.base import Batch, SampleMetric, positive
from bench.metrics.column import ScoreColumn


def radius(sigma: float, truncate: float) -> int:
    """The number of pixels that the window reaches to each side: `truncate` standard deviations, rounded."""
    return int(truncate * sigma + 0.5)


def _window(sigma: float, truncate: float, like: Tensor) -> Tensor:
    reach = radius(sigma, truncate)
    offsets = torch.arange(-reach, reach + 1, dtype=like.dtype, device=like.device)
    weights = torch.exp(-0.5 * (offsets / sigma).square())
    return weights / weights.sum()


def _blur(images: Tensor, window: Tensor) -> Tensor:
    """The Gaussian mean around each pixel whose whole window is inside the image, `[N, 1, H - 2r, W - 2r]`."""
    return F.conv2d(F.conv2d(images, window.view(1, 1, -1, 1)), window.view(1, 1, 1, -1))


def structural_similarity(guess: Tensor, truth: Tensor, sigma: float, truncate: float, k1: float, k2: float) -> Tensor:
    """SSIM (Wang et al. 2004, IEEE TIP 13(4), equation 13) for each sample, in float64.

    With local Gaussian means m, variances s^2 and covariance s_gt of each channel, C1 = k1^2 and C2 = k2^2 (peak 1), it
    is `(2 m_g m_t + C1)(2 s_gt + C2) / ((m_g^2 + m_t^2 + C1)(s_g^2 + s_t^2 + C2))`, averaged over the channels and
    over the pixels whose whole window is inside the image.

    Args:
        guess: `[V, B, C, H, W]` in [0, 1], with a height and a width of at least `2 radius + 1`.
        truth: `[V, B, C, H, W]` in [0, 1].
        sigma: the standard deviation of the window, in pixels.
        truncate: the reach of the window to each side, in standard deviations.
        k1: the stabiliser of the means, as a share of the peak.
        k2: the stabiliser of the variances, as a share of the peak.

    Returns:
        `[V, B]` in [-1, 1].

    Example:
        >>> x = torch.linspace(0, 1, 256).view(1, 1, 1, 16, 16)
        >>> structural_similarity(x, x, sigma=1.5, truncate=3.5, k1=0.01, k2=0.03)
        tensor([[1.]], dtype=torch.float64)
    """
    v, b, _, height, width = guess.shape
    x = guess.double().reshape(-1, 1, height, width)
    y = truth.double().reshape(-1, 1, height, width)
    window = _window(sigma, truncate, x)
    mean_x, mean_y = _blur(x, window), _blur(y, window)
    variances = _blur(x * x, window) - mean_x.square() + _blur(y * y, window) - mean_y.square()
    covariance = _blur(x * y, window) - mean_x * mean_y
    c1, c2 = k1**2, k2**2
    above = (2 * mean_x * mean_y + c1) * (2 * covariance + c2)
    below = (mean_x.square() + mean_y.square() + c1) * (variances + c2)
    return (above / below).view(v, b, -1).mean(2)


class StructuralSimilarity(SampleMetric):
    """SSIM of clipped images; higher is better, 1 is exact.

    It is undefined if an image is smaller than the window (11x11 as configured). Only whole windows count. Some
    libraries also average over a padded border, which gives another number.

    Args:
        sigma: the standard deviation of the Gaussian window, in pixels.
        truncate: the reach of the window to each side, in standard deviations.
        k1: the stabiliser of the means, as a share of the peak.
        k2: the stabiliser of the variances, as a share of the peak.

    Raises:
        UserError: an argument is not a positive number.
    """

    unit = "similarity"
    higher_is_better = True
    value_range = (-1.0, 1.0)
    column = ScoreColumn("SSIM")

    def __init__(self, sigma: float, truncate: float, k1: float, k2: float) -> None:
        super().__init__()
        positive("ssim", sigma=sigma, truncate=truncate, k1=k1, k2=k2)
        self.sigma, self.truncate, self.k1, self.k2 = sigma, truncate, k1, k2
        self.smallest = 2 * radius(sigma, truncate) + 1

    def score(self, guess: Batch, truth: Batch) -> Tensor:
        """The SSIM per sample, `[V, B]`, float64."""
        return structural_similarity(guess.inputs, truth.inputs, self.sigma, self.truncate, self.k1, self.k2)
