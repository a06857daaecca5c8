"""Rows of a table: `[V, B, F]`, standardised continuous values and categories."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from bench.modalities.base import Modality
from bench.modalities.scale import LeakageScale, mean_above
from bench.modalities.wording import record_words

if TYPE_CHECKING:
    from torch import Tensor

    from bench.messages.reconstruction import Reconstruction
    from bench.messages.victims import Victims
    from bench.metrics.base import SampleMetric
    from bench.metrics.scorer import Scorer, Scores
    from bench.models.text.tokenizer import Tokenizer


class RowModality(Modality):
    """Rows of a table, whose cells are compared."""

    name = "rows"
    noun = "row"
    metric = "table"
    model = "mlp_table"
    scale = LeakageScale(
        name="cells right",
        unit="",
        places=3,
        column="cell_accuracy",
        recovered="cell_accuracy",
        control="mean",
        columns=("leak_cells_right", "whole_rows"),
        bounds=(0.0, 1.0),
        score=mean_above,
        hit=lambda share: np.nan_to_num(share) == 1,
        score_in_words="share of right cells (equal categories, values within the metric's tolerance)",
        end_in_words="1",
        control_in_words="the most usual row of the public rows (mean values, most frequent categories)",
        rate_in_words="share of rows of which every cell came back",
    )
    ranking = (("cell_accuracy", "up"),)
    groups = ("scores", "labels", "costs")
    by_batch = True
    meaningless = (*Modality.meaningless, "public_images")
    linked = ("rows", "rows")

    def describe_shape(self, shape: tuple[int, ...]) -> str:
        """The shape `(F,)` in words: `30 numbers`."""
        return f"{shape[0]} numbers"

    def scorer(self, metrics: Mapping[str, SampleMetric], tokenizer: Tokenizer | None) -> Scorer:
        """What compares rows with the private ones; see `Modality.scorer`."""
        from bench.metrics.table.scorer import RowScorer

        return RowScorer(metrics)

    def record(
        self, rows: list[dict[str, Any]], guess: Reconstruction, truth: Victims, scores: Scores, kept: Tensor
    ) -> dict[str, np.ndarray] | None:
        """Adds the cells in words to their rows, and returns the curve of the objective; see `Modality.record`."""
        columns = truth.columns
        assert columns is not None
        return record_words(rows, guess, truth, scores, kept, lambda row: columns.in_words(row.tolist()))


MODALITY = RowModality()
