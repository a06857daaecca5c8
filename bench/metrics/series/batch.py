"""One side of a comparison of time series, and the base of all metrics of series."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import Tensor

from bench.metrics.base import SampleMetric


@dataclass(eq=False)
class SeriesBatch:
    """V batches of B time series with their labels.

    Args:
        inputs: `[V, B, C, T]`, standardised; they have no bounds.
        labels: `[V, B]`, int64; -1 stands for no claim.

    Raises:
        ValueError: shapes disagree.
    """

    inputs: Tensor
    labels: Tensor

    def __post_init__(self) -> None:
        if self.inputs.dim() != 4 or self.labels.shape != self.inputs.shape[:2]:
            raise ValueError(f"want [V, B, C, T] and [V, B], got {list(self.inputs.shape)}, {list(self.labels.shape)}")

    def victims(self, chosen: Tensor) -> SeriesBatch:
        """The batch of the victims that `chosen` (`[V]`, bool) marks."""
        return SeriesBatch(self.inputs[chosen], self.labels[chosen])


class SeriesMetric(SampleMetric[SeriesBatch]):
    """A metric with one score per time series."""

    modality = "series"

    def facts(self) -> dict[str, Any]:
        """The facts of the base, without the range and the smallest size of images."""
        return super().facts() | {"range": None, "smallest": None}
