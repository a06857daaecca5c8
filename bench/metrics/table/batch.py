"""One side of a comparison of rows, and the base of all metrics of rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from bench.messages.columns import TableColumns
from bench.metrics.base import SampleMetric


@dataclass(eq=False)
class RowBatch:
    """V batches of B rows with their labels.

    Args:
        inputs: `[V, B, F]`; in each column of categories one number is 1 and the others are 0.
        raw: `[V, B, F]`, as the attack returned them.
        labels: `[V, B]`, int64; -1 stands for no claim.
        columns: what the numbers are.

    Raises:
        ValueError: shapes disagree.
    """

    inputs: Tensor
    raw: Tensor
    labels: Tensor
    columns: TableColumns

    def __post_init__(self) -> None:
        if self.inputs.dim() != 3 or self.inputs.shape != self.raw.shape or self.inputs.shape[2] != self.columns.width:
            want = f"[V, B, {self.columns.width}]"
            raise ValueError(f"want {want} twice, got {list(self.inputs.shape)} and {list(self.raw.shape)}")
        if self.labels.shape != self.inputs.shape[:2]:
            raise ValueError(f"labels: want {list(self.inputs.shape[:2])}, got {list(self.labels.shape)}")

    @classmethod
    def hardened(cls, raw: Tensor, labels: Tensor, columns: TableColumns) -> RowBatch:
        """Makes a batch from rows of any numbers: the largest number of a column names the category.

        Args:
            raw: `[V, B, F]`.
            labels: `[V, B]`, int64.
            columns: what the numbers are.
        """
        return cls(columns.hard(torch.nan_to_num(raw)), raw, labels, columns)

    def victims(self, chosen: Tensor) -> RowBatch:
        """The batch of the victims that `chosen` (`[V]`, bool) marks."""
        return RowBatch(self.inputs[chosen], self.raw[chosen], self.labels[chosen], self.columns)


class RowMetric(SampleMetric[RowBatch]):
    """A metric with one score per row."""

    modality = "rows"

    def facts(self) -> dict[str, Any]:
        """The facts of the base, without the range and the smallest size of images."""
        return super().facts() | {"range": None, "smallest": None}
