"""The correlation of two time series."""

from __future__ import annotations

from torch import Tensor

from bench.metrics.column import ScoreColumn
from bench.metrics.series.batch import SeriesBatch, SeriesMetric


def correlation(guess: Tensor, truth: Tensor) -> Tensor:
    """Pearson's correlation over all channels and times, float64: twice `[..., C, T]` -> `[...]`.

    It is NaN if either series is constant.

    Example:
        >>> import torch
        >>> correlation(torch.tensor([[0.0, 1.0, 2.0]]), torch.tensor([[5.0, 3.0, 1.0]])).item()
        -1.0
    """
    x, y = (value.double().flatten(-2) for value in (guess, truth))
    x, y = x - x.mean(-1, keepdim=True), y - y.mean(-1, keepdim=True)
    return (x * y).sum(-1) / (x.norm(dim=-1) * y.norm(dim=-1))


class Correlation(SeriesMetric):
    """Pearson's correlation over all channels and times; higher is better, 1 is the series up to scale and level.

    A reconstruction that is constant has none.
    """

    unit = "correlation coefficient"
    higher_is_better = True
    value_range = (-1.0, 1.0)
    column = ScoreColumn("correlation", short="corr.", bounds=True)

    def score(self, guess: SeriesBatch, truth: SeriesBatch) -> Tensor:
        """The correlation per series, `[V, B]`, float64; NaN if either series is constant or not finite."""
        return correlation(guess.inputs, truth.inputs)
