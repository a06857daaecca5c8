"""The scorer of time series: how series are assigned, put in order and compared."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from bench.messages.reconstruction import Reconstruction
from bench.messages.victims import Victims
from bench.metrics.base import SampleMetric
from bench.metrics.matching import assign
from bench.metrics.scorer import Scorer
from bench.metrics.series.batch import SeriesBatch


class SeriesScorer(Scorer):
    """Scores time series: the claimed values against the private ones, without bounds.

    Args:
        metrics: `{metric key: metric}`.
    """

    def __init__(self, metrics: Mapping[str, SampleMetric]) -> None:
        super().__init__(metrics, "series", "series")

    def match(self, reconstruction: Reconstruction, victims: Victims) -> Tensor:
        """The index of the series that is compared with each private one, `[V, B]`: the least total MSE."""
        return assign(reconstruction.inputs, victims.inputs, clip=False)

    def batch(self, inputs: Tensor, labels: Tensor, victims: Victims) -> SeriesBatch:
        """Series and their labels; see `Scorer.batch`."""
        return SeriesBatch(inputs, labels)
