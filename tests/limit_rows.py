"""Rows of limits as a cell stores them, for tests."""

from typing import Any


def limit_row(victim: int, limit: float | None = 1e-3, **changed: Any) -> dict[str, Any]:
    """A row of one image of 16 numbers, all of which are determined; without a limit there is no noise."""
    return {
        "victim": victim,
        "status": "converged",
        "batch_size": 1,
        "entries": 16,
        "shared": 40,
        "jacobian_rank": 16,
        "condition": 5.0,
        "std": None if limit is None else 0.1,
        "limit_mse": limit,
        "bayesian_mse": None if limit is None else limit / 2,
        "mean_mse": 1e-2,
        "repeats": 0,
        "seconds": 0.5,
        **changed,
    }


def hidden_row(victim: int, rank: int = 12, **changed: Any) -> dict[str, Any]:
    """A row of an image of which some directions are hidden."""
    hidden = {"jacobian_rank": rank, "condition": None, "limit_mse": None}
    return limit_row(
        victim, **{**hidden, **({"bayesian_mse": None} if changed.get("std", 0.1) is None else {}), **changed}
    )
