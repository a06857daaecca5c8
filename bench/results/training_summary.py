"""Summarises a training in one JSON document: the accuracy that is left, with two intervals, and the cost per step."""

import math
from typing import Any

import numpy as np
from scipy.special import stdtrit

from bench.results.intervals import LEVEL, RATE, WILSON, Interval, wilson
from bench.results.stored_training import StoredTraining

_OF_RUNS = (
    "epsilon",
    "delta",
    "bytes_per_step",
    "encoding",
    "sampling",
    "optimiser",
    "lr",
    "momentum",
    "batch_size",
    "epochs",
)


def summarise(cell: StoredTraining) -> dict[str, Any]:
    """Summarises a training over all its stored runs.

    Returns:
        `data`, `model`, `defense`, `training` (names), `schedule`, `runs`, `diverged` (counts), `accuracy`
        `{mean, low, high, n}` or null, `over_runs` `{low, high, n}`, `seconds_per_step`, `slowdown` (the median of
        `Classifier.slowdown`), `steps`, `epsilon`, `delta`, `bytes_per_step`, `encoding`, `sampling`, `optimiser`,
        `lr`, `momentum`, `batch_size`, `epochs`, `checkpoints` (the files of weights, below the folder), `reasons`
        (`cell` says why there is no accuracy), and `results` (the folder).

        `accuracy` is the mean of the runs with Wilson's interval over the test images. All runs are tested on the same
        images, so each image counts once. `over_runs` is Student's interval for the mean of the runs; its bounds are
        null for one run.
    """
    rows = cell.runs()
    document: dict[str, Any] = {name: cell.facts["labels"][name] for name in cell.labels}
    document |= {"schedule": cell.facts.get("schedule"), "runs": len(rows)}
    document["diverged"] = sum(row["status"] != "trained" for row in rows)
    rates = [row["correct"] / row["tested"] for row in rows]
    document["accuracy"] = over_images(rates, rows[0]["tested"]).document() if rows else None
    document["over_runs"] = over_runs(rates)
    steps = sum(row["steps"] for row in rows)
    document["seconds_per_step"] = sum(row["seconds"] for row in rows) / steps if steps else None
    slower = [row["slowdown"] for row in rows if row["slowdown"] is not None]
    document["slowdown"] = float(np.median(slower)) if slower else None
    document["steps"] = rows[0]["steps"] if rows else None
    document |= {name: rows[0][name] if rows else None for name in _OF_RUNS}
    document["checkpoints"] = [str(path.relative_to(cell.folder)) for path in cell.checkpoints()]
    reasons = cell.reasons()
    return {**document, "reasons": reasons, "results": str(cell.folder)}


def over_images(rates: list[float], tested: int) -> Interval:
    """The mean accuracy with Wilson's interval over the test images.

    Args:
        rates: the accuracy of each run, at least one, on the same images.
        tested: the number of these images.
    """
    mean = float(np.mean(rates))
    return Interval(mean, *wilson(mean * tested, tested), tested, RATE, WILSON)


def over_runs(rates: list[float]) -> dict[str, float | int | None]:
    """Student's 95 % interval for the mean of the runs, as `{low, high, n}`; it is wide if there are few runs.

    Example:
        >>> {name: round(value, 3) for name, value in over_runs([0.95, 0.96]).items()}
        {'low': 0.891, 'high': 1.019, 'n': 2}
    """
    n = len(rates)
    if n < 2:
        return {"low": None, "high": None, "n": n}
    half = float(stdtrit(n - 1, (1 + LEVEL) / 2)) * float(np.std(rates, ddof=1)) / math.sqrt(n)
    mean = float(np.mean(rates))
    return {"low": mean - half, "high": mean + half, "n": n}
