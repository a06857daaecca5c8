"""Summarises a cell of label inference in one JSON document: how many labels are right, and the batch size seen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from bench.results.stored_labels import StoredLabels
from bench.results.victim_shares import counts, share

FIGURES = ("label_overlap", "batches_right", "class_set", "class_precision", "class_recall")


def summarise(cell: StoredLabels, rows: Sequence[dict[str, Any]] | None = None) -> dict[str, Any]:
    """Summarises a cell of label inference.

    Args:
        cell: the cell.
        rows: the rows that count, see `StoredLabels.rows`; None for all.

    Returns:
        `rule`, `data`, `model`, `defense`, `threat` (names), `batch_size`, `label_rule` and `labels` (how the data deal
        labels), `victims`, `failures`, `reused` (counts; a reused victim holds examples that an earlier one held too,
        because the whole data set had been dealt), the figures below, `inferred_batch_size` `{median, low, high,
        largest}` over the victims (`largest` is what the rank can show) or null, `seconds_per_victim`, `reasons`
        (`cell` says why there is no figure), and `results` (the folder).

        A figure is a share over victims with its 95 % interval, or null without victims. A victim that failed counts
        as 0. `label_overlap` is the share of a batch's labels that are claimed, as multisets; for a batch of one it is
        the instance accuracy. `batches_right` is the share of victims of whom all labels are right, and `class_set` of
        whom the set of classes is right. `class_precision` and `class_recall` are the shares of the claimed classes
        that occur, and of the occurring classes that are claimed. `batch_size_right` is the share of victims whose
        batch size is the rank of a layer's gradient; it is null if no linear layer's gradient is shared.
    """
    rows = cell.rows() if rows is None else rows
    names, data = cell.facts["labels"], (cell.facts.get("config") or {}).get("data") or {}
    document: dict[str, Any] = {"rule": names["attack"]}
    document |= {name: names[name] for name in cell.labels if name != "attack"}
    document |= {
        "batch_size": data.get("batch_size"),
        "label_rule": data.get("label_rule"),
        "labels": data.get("labels"),
    }
    document |= counts(rows)
    shares = [_shares(row) for row in rows]
    document |= {name: share([found[name] for found in shares]) for name in FIGURES}
    ranks = [row for row in rows if row["inferred_batch_size"] is not None]
    document["batch_size_right"] = share([row["inferred_batch_size"] == row["batch_size"] for row in ranks])
    document["inferred_batch_size"] = _spread(ranks)
    document["seconds_per_victim"] = float(np.mean([row["seconds"] for row in rows])) if rows else None
    reasons = cell.reasons()
    if rows and not ranks:
        reasons["batch_size_right"] = "no linear layer's gradient is shared"
    return {**document, "reasons": reasons, "results": str(cell.folder)}


def _shares(row: dict[str, Any]) -> dict[str, float]:
    """The figures of one victim, each from 0 to 1."""
    right, true, claimed = row["classes_right"], row["classes_true"], row["classes_claimed"]
    return {
        "label_overlap": row["right"] / row["labels"] if row["labels"] else 0.0,
        "batches_right": float(row["right"] == row["labels"] > 0),
        "class_set": float(right == true == claimed > 0),
        "class_precision": right / claimed if claimed else 0.0,
        "class_recall": right / true if true else 0.0,
    }


def _spread(rows: Sequence[dict[str, Any]]) -> dict[str, float | int] | None:
    """The batch sizes that the ranks show, over victims."""
    found = [row["inferred_batch_size"] for row in rows]
    if not found:
        return None
    largest = max(row["largest_batch_size"] for row in rows)
    return {"median": float(np.median(found)), "low": min(found), "high": max(found), "largest": largest}
