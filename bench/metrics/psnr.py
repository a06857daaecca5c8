"""The peak signal-to-noise ratio (PSNR) of an image, in dB."""

from __future__ import annotations

import torch
from torch import Tensor

from bench.metrics.base import Batch, SampleMetric, positive
from bench.metrics.column import ScoreColumn
from bench.metrics.mse import mean_squared_error


def peak_signal_to_noise_ratio(guess: Tensor, truth: Tensor, cap: float) -> Tensor:
    """`min(cap, -10 log10(mse))` for each sample. The peak is 1, because pixels are in [0, 1].

    Args:
        guess: `[V, B, C, H, W]` in [0, 1].
        truth: `[V, B, C, H, W]` in [0, 1].
        cap: the highest score, in dB.

    Returns:
        `[V, B]`, float64, dB.

    Example:
        >>> import torch
        >>> x = torch.zeros(1, 2, 1, 2, 2)
        >>> y = torch.stack([x[0, 0], x[0, 0] + 0.1])[None]
        >>> peak_signal_to_noise_ratio(x, y, cap=100.0)
        tensor([[100.0000,  20.0000]], dtype=torch.float64)
    """
    return (-10.0 * torch.log10(mean_squared_error(guess, truth))).clamp(max=cap)


class PeakSignalToNoiseRatio(SampleMetric):
    """PSNR of clipped images with peak 1; higher is better.

    Args:
        cap: the highest score, in dB. Without it, one exact image would score infinity and make every mean infinite.
            100 dB is an MSE of 1e-10, which is below the resolution of float32 pixels.

    Raises:
        UserError: `cap` is not a positive number.
    """

    unit = "dB"
    higher_is_better = True
    column = ScoreColumn("PSNR", unit="dB", places=1)

    def __init__(self, cap: float) -> None:
        super().__init__()
        positive("psnr", cap=cap)
        self.cap = float(cap)
        self.value_range = (0.0, self.cap)

    def score(self, guess: Batch, truth: Batch) -> Tensor:
        """The PSNR per sample in dB, `[V, B]`, float64."""
        return peak_signal_to_noise_ratio(guess.inputs, truth.inputs, self.cap)
