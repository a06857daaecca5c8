"""The mean squared error (MSE) between the pixels of two images."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from bench.errors import UserError
from bench.metrics.base import Batch, SampleMetric
from bench.metrics.column import ScoreColumn


def mean_squared_error(guess: Tensor, truth: Tensor) -> Tensor:
    """`mean_{c,h,w} (guess - truth)^2` for each sample, in float64.

    Args:
        guess: `[V, B, C, H, W]`.
        truth: `[V, B, C, H, W]`.

    Returns:
        `[V, B]`, float64. The error of an image is NaN if a pixel is NaN, and infinite if a pixel is infinite.

    Example:
        >>> import torch
        >>> mean_squared_error(torch.full((1, 1, 1, 2, 2), 0.5), torch.zeros(1, 1, 1, 2, 2))
        tensor([[0.2500]], dtype=torch.float64)
    """
    # The computation is in float64, because float32 cannot hold the square of a diverged iterate of 1e20.
    return (guess.double() - truth.double()).square().flatten(2).mean(2)


class MeanSquaredError(SampleMetric):
    """MSE in pixel space; lower is better, 0 is exact.

    Args:
        clip: True compares the reconstruction clipped to [0, 1], so that scores are in [0, 1]. False compares it as the
            attack returned it. Then scores have no upper bound: a diverged run may score 1e12, which makes a mean
            useless. A sample with a pixel that is not finite has no unclipped score.

    Raises:
        UserError: `clip` is neither true nor false.
    """

    unit = "squared pixel value"
    higher_is_better = False

    def __init__(self, clip: bool) -> None:
        super().__init__()
        if not isinstance(clip, bool):
            raise UserError(f"metric.mse.clip={clip}: must be true or false")
        self.clip = clip
        self.value_range = (0.0, 1.0 if clip else None)
        # Squared errors are of every size, so their figure is the geometric mean; unclipped they say little in a table.
        title = "MSE" if clip else "MSE, not clipped"
        self.column = ScoreColumn(title, "geometric mean", places=None, shown=clip)

    def score(self, guess: Batch, truth: Batch) -> Tensor:
        """The MSE per sample, `[V, B]`, float64; NaN if it is not finite."""
        values = mean_squared_error(guess.inputs if self.clip else guess.raw, truth.inputs)
        return values.masked_fill(~values.isfinite(), float("nan"))

    def facts(self) -> dict[str, Any]:
        """The facts of the base; without clipping, the range of the pixels has no bounds."""
        return super().facts() | ({} if self.clip else {"range": [None, None]})
