"""Summarises a cell of limits in one JSON document: who is determined, and the error that noise leaves."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from bench.results import intervals
from bench.results.stored_limits import StoredLimits
from bench.results.victim_shares import counts, share


def summarise(cell: StoredLimits, rows: Sequence[dict[str, Any]] | None = None) -> dict[str, Any]:
    """Summarises a cell of limits.

    Args:
        cell: the cell.
        rows: the rows that count, see `StoredLimits.rows`; None for all.

    Returns:
        `measure` (`limit`), `data`, `model`, `defense` (names), `batch_size`, `label_rule`, `victims`, `failures`,
        `reused` (counts), `entries` (numbers of a victim's inputs), `shared` (numbers that it shares), the figures
        below, `seconds_per_victim`, `reasons` (`cell` says why there is no figure), and `results` (the folder).

        `determined` is the share of victims whose Jacobian has full rank, with its 95 % interval. `jacobian_rank` and
        `condition` are `{median, low, high}` over victims; `condition` is that of the determined ones. `std` is the
        deviation of the noise as `Defense.gaussian_std` has it, or null without noise. `limit_mse` `{median, low,
        high}` and `limit_psnr` (dB, the mean over victims with its interval) are the unbiased limit; they are null if a
        victim is not determined, or without noise. `bayesian_psnr` is the PSNR of the Bayesian limit, the mean over
        victims with its interval; null without noise. `mean_mse` is the median error of the data's mean image, and
        `informative` the share of victims whose limit is below it: elsewhere the mean image is better than any unbiased
        estimate. Both are null if the mean image is not public.
    """
    rows = cell.rows() if rows is None else rows
    data = (cell.facts.get("config") or {}).get("data") or {}
    document: dict[str, Any] = {"measure": "limit", **{name: cell.facts["labels"][name] for name in cell.labels}}
    document |= {"batch_size": data.get("batch_size"), "label_rule": data.get("label_rule")}
    document |= counts(rows)
    document |= {name: rows[0][name] if rows else None for name in ("entries", "shared", "std")}
    known = [row for row in rows if row["jacobian_rank"] is not None]
    full = [row for row in known if row["condition"] is not None]
    document["determined"] = share([row["condition"] is not None for row in known])
    document["jacobian_rank"] = _spread(known, "jacobian_rank")
    document["condition"] = _spread(full, "condition")
    limited = full if known and len(full) == len(known) and full[0]["limit_mse"] is not None else []
    document["limit_mse"] = _spread(limited, "limit_mse")
    document["limit_psnr"] = _in_decibels([row["limit_mse"] for row in limited])
    document["bayesian_psnr"] = _in_decibels([row["bayesian_mse"] for row in known if row["bayesian_mse"] is not None])
    beside = [row for row in known if row["mean_mse"] is not None]
    document["mean_mse"] = float(np.median([row["mean_mse"] for row in beside])) if beside else None
    compared = [row["limit_mse"] < row["mean_mse"] for row in limited if row["mean_mse"] is not None]
    document["informative"] = float(np.mean(compared)) if compared else None
    document["seconds_per_victim"] = float(np.mean([row["seconds"] for row in rows])) if rows else None
    reasons = cell.reasons()
    if known and not limited:
        noisy = document["std"] is not None
        reasons["limit_mse"] = "not every victim is determined" if noisy else "the defence adds no noise last"
    return {**document, "reasons": reasons, "results": str(cell.folder)}


def _spread(rows: Sequence[dict[str, Any]], name: str) -> dict[str, float] | None:
    """The median of a column over victims, its lowest and its highest value."""
    found = [row[name] for row in rows]
    return {"median": float(np.median(found)), "low": min(found), "high": max(found)} if found else None


def _in_decibels(errors: Sequence[float]) -> dict[str, Any] | None:
    """The mean of -10 log10(MSE), the PSNR of inputs in [0, 1], with its interval over victims."""
    if not errors:
        return None
    return intervals.mean([-10 * math.log10(error) for error in errors], range(len(errors))).document()
