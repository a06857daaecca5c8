"""Summarises a cell of line-ups in one JSON document."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from bench.results.stored_identification import StoredIdentification
from bench.results.victim_shares import counts, share


def summarise(cell: StoredIdentification, rows: Sequence[dict[str, Any]] | None = None) -> dict[str, Any]:
    """Summarises a cell of line-ups.

    Args:
        cell: the cell.
        rows: the rows that count, see `StoredIdentification.rows`; None for all.

    Returns:
        `measure` (`identification`), `data`, `model`, `defense` (names), `batch_size`, `label_rule`, `victims`,
        `failures`, `reused` (counts), the figures below, `seconds_per_victim`, `reasons` (`cell` says why there is no
        figure), and `results` (the folder).

        `picked` is the rate at which the attacker picks the private example, over victims and `draws` of the defence's
        random numbers, with its 95 % interval; null without victims. `candidates` is the number of examples in a
        line-up, and `chance` the rate of an attacker who sees nothing, 1 / `candidates`. `bound` is the largest rate of
        any attacker that is proven for as many candidates (`Privacy.identification`), or null if none is.
    """
    rows = cell.rows() if rows is None else rows
    data = (cell.facts.get("config") or {}).get("data") or {}
    document: dict[str, Any] = {
        "measure": "identification",
        **{name: cell.facts["labels"][name] for name in cell.labels},
        "batch_size": data.get("batch_size"),
        "label_rule": data.get("label_rule"),
        **counts(rows),
        **{name: rows[0][name] if rows else None for name in ("candidates", "draws")},
    }
    document["picked"] = share([row["picked"] for row in rows if row["picked"] is not None])
    document["chance"] = 1 / rows[0]["candidates"] if rows else None
    proven = (cell.facts.get("defense") or {}).get("identification") or {}
    document["bound"] = proven.get("bound") if proven.get("candidates") == document["candidates"] else None
    document["seconds_per_victim"] = float(np.mean([row["seconds"] for row in rows])) if rows else None
    return {**document, "reasons": cell.reasons(), "results": str(cell.folder)}
