"""Rows of a table: `[V, B, F]`, standardised continuous values and categories."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from bench.modalities.base import Modality, at
from bench.modalities.scale import LeakageScale, mean_above

if TYPE_CHECKING:
    from torch import Tensor

    from bench.messages.columns import TableColumns
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
        columns, batch = truth.columns, truth.labels.shape[1]
        assert columns is not None
        for v in kept.tolist():
            said, found = truth.inputs[v].tolist(), scores.guess.inputs[v].tolist()
            traces = _traces(guess, scores, v, columns)
            for b in range(batch):
                rows[v * batch + b] |= {
                    "text": columns.in_words(said[b]),
                    "text_guess": columns.in_words(found[b]) if scores.scored[v] else None,
                    "text_trace": None if traces is None else json.dumps(traces[b], ensure_ascii=False),
                }
        if not len(kept) or "curve" not in guess.trace:
            return None
        return at({"ids": guess.ids, "curve_at": guess.trace["curve_at"], "curve": guess.trace["curve"]}, kept)


def _traces(guess: Reconstruction, scores: Scores, v: int, columns: TableColumns) -> list[list[tuple[int, str]]] | None:
    """`(iteration, row)` at each moment of each of a victim's rows, assigned as the scores are; or None."""
    if "images" not in guess.trace:
        return None
    order = scores.permutation[v].to(guess.trace["images"].device)
    moments, rows = guess.trace["moments"][v].tolist(), guess.trace["images"][v][:, order].transpose(0, 1).tolist()
    return [[(at, columns.in_words(row)) for at, row in zip(moments, each) if at >= 0] for each in rows]


MODALITY = RowModality()
