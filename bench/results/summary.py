"""Summarises a cell in one JSON document: scores and rates with intervals, or a sentence why there is none."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa

from bench.metrics.column import ScoreColumn
from bench.modalities.base import Modality
from bench.modalities.lookup import modality_of
from bench.results import intervals, parts, query, scores
from bench.results.columns import columns
from bench.results.query import Rows
from bench.results.stored_leak import ENDED_WELL, LABELS, StoredLeak

_LABELS, _MULTISETS = "label_accuracy", "label_overlap"
# Entries of the document that no metric's score may replace, whatever the metric is called.
_OWN = ("metrics", "other", "evaluations_per_victim", "seconds_per_victim", "reasons", "results")


@dataclass(frozen=True)
class _Samples:
    """The samples of a cell as arrays `[N]`; N counts every sample of every victim, with or without a score.

    Args:
        victim: the victim that each sample belongs to.
        failed: whether its victim failed. Such a sample counts as no success, whatever the victim left.
        columns: labels and metrics, `{name: [N]}`; NaN marks a missing value.
        recovered: whether its victim was recovered (see `scores.recovered`); None if no metric tells.
    """

    victim: np.ndarray
    failed: np.ndarray
    columns: dict[str, np.ndarray]
    recovered: np.ndarray | None = None


def summary(cell: StoredLeak, victims: int | None = None) -> dict[str, Any]:
    """Reads a cell and summarises it.

    A score covers the samples that have one. A rate counts every sample, so that a failed victim counts as no success.
    `reasons` has a sentence for each entry that is null, has no interval, or leaves samples out.

    Each entry is null or `{mean, low, high, n, estimand, method}`: `mean` is the value of the `estimand` (`mean`,
    `geometric mean` for squared errors, `rate`), `low` and `high` are its 95 % interval (null if there is none), and
    `method` says how the interval was found (see `bench.results.intervals`). A score also has `left_out` (the number of
    samples without a value, which the figure leaves out), `median` (of the same form), and `groups`: null, or the
    medians of the `recovered` victims and of the `others`. With groups, the joint figure has no interval.

    Args:
        cell: the cell.
        victims: the summary covers the stored victims with an id below this number; None for all.

    Returns:
        `attack`, `data`, `model`, `defense`, `threat` (names), `victims`, `failures` (counts), `success_rate`
        `{"1e-2", "1e-3", "1e-4"}` (null for data that have none, such as sentences), `label_accuracy` (the share of
        all samples whose label is claimed correctly in its place), `label_overlap` (the share of each batch's labels
        that are claimed as often as they occur, in any order), an entry per metric that has a column in the tables,
        under its key (`mse`, `rouge_1`, ...), `metrics` `{key: {title, unit}}` of these, `other` (further metrics, of
        the same form), `evaluations_per_victim`, `seconds_per_victim` (numbers or null), `reasons`, `results` (the
        cell's folder).
    """
    return summarise(cell, query.rows(cell).limit(victims))


def summarise(cell: StoredLeak, rows: Rows) -> dict[str, Any]:
    """Summarises rows that have been read already; `summary` describes the document."""
    status = rows.victims["status"].to_pylist()
    kind = modality_of(cell.facts)
    samples = _samples(rows, kind)
    metrics = parts.metric_names(rows.samples)
    reasons: dict[str, str] = {}
    nothing = _nothing(cell) if not status else None
    document: dict[str, Any] = {name: cell.facts["labels"][name] for name in LABELS}
    document |= {"victims": len(status), "failures": sum(word not in ENDED_WELL for word in status)}
    document["success_rate"] = _success(samples, kind, reasons, nothing, cell) if kind.success else None
    for name, known in ((_LABELS, label_accuracy(samples.columns)), (_MULTISETS, label_overlap(samples))):
        document[name] = _of_labels(name, known, samples, reasons, nothing, cell)
    described = columns(cell.facts)
    shown = [name for name, column in described.items() if column.shown]
    found = {
        name: _score(name, described.get(name, ScoreColumn()), samples, reasons, nothing, cell)
        for name in dict.fromkeys([*shown, *metrics])
        if name not in (_LABELS, _MULTISETS)
    }
    document |= {name: found.pop(name) for name in shown if name in found and name not in (*document, *_OWN)}
    document |= {"metrics": {name: {"title": described[name].title, "unit": described[name].unit} for name in shown}}
    document["other"] = found
    for name, column in (("evaluations_per_victim", "evaluations"), ("seconds_per_victim", "seconds")):
        document[name] = _average(rows.victims, column)
        if document[name] is None:
            reasons[name] = nothing or f"no victim has a number of {column}"
    reasons |= cell.reasons()
    return {**document, "reasons": reasons, "results": str(cell.folder)}


def _nothing(cell: StoredLeak) -> str:
    failure = cell.failure
    return failure.reason if failure else "no victim is done"


def _samples(rows: Rows, kind: Modality) -> _Samples:
    """Every (victim, position) up to the victim's batch size; the values of a position without a row are NaN."""
    ids = rows.victims["victim"].to_numpy()
    sizes = rows.victims["batch_size"].to_numpy()
    bad = np.array([word not in ENDED_WELL for word in rows.victims["status"].to_pylist()], bool)
    owner = np.searchsorted(ids, rows.samples["victim"].to_numpy())
    at = (np.cumsum(sizes) - sizes)[owner] + rows.samples["position"].to_numpy()
    columns = {}
    for name in ("label", "label_guess", *parts.metric_names(rows.samples)):
        full = np.full(int(sizes.sum()), np.nan)
        full[at] = rows.samples[name].cast(pa.float64()).to_numpy(zero_copy_only=False)
        columns[name] = full
    samples = _Samples(np.repeat(ids, sizes), np.repeat(bad, sizes), columns)
    hits = _hits(samples, kind)
    return samples if hits is None else replace(samples, recovered=scores.recovered(hits, samples.victim))


def _hits(samples: _Samples, kind: Modality) -> np.ndarray | None:
    """Which samples were recovered, `[N]`, bool; None if the metric that tells is not there."""
    values = samples.columns.get(kind.scale.recovered)
    if values is None or not np.isfinite(values).any():
        return None
    return kind.scale.hit(values) & ~samples.failed


def _success(
    samples: _Samples, kind: Modality, reasons: dict[str, str], nothing: str | None, cell: StoredLeak
) -> dict[str, Any]:
    mse = samples.columns.get("mse", np.full(len(samples.victim), np.nan))
    scored = np.isfinite(mse)
    if nothing is None and not scored.any() and not samples.failed.all():
        nothing = _unavailable("mse", cell)
    out: dict[str, Any] = {}
    for name, threshold in kind.success.items():
        key = f"success_rate {name}"
        if nothing is not None:
            out[name], reasons[key] = None, nothing
            continue
        with np.errstate(invalid="ignore"):
            hit = scored & (mse <= threshold) & ~samples.failed
        out[name] = intervals.rate(hit.astype(float), samples.victim).document()
    return out


def label_accuracy(columns: Mapping[str, np.ndarray]) -> np.ndarray | None:
    """Per sample 1 if its label is claimed correctly, else 0, `[N]`; None if the attack claims no label at all.

    If the attack claims any label, a sample without a claim counts as wrong, so that the mean is over all samples.
    """
    known = columns.get(_LABELS)
    if known is None:
        known = np.where(columns["label_guess"] >= 0, columns["label"] == columns["label_guess"], np.nan)
    claims = np.isfinite(known)
    return np.where(claims, known, 0.0) if claims.any() else None


def label_overlap(samples: _Samples) -> np.ndarray | None:
    """Per victim the share of its labels that are claimed, as multisets: `sum_k min(true k, claimed k) / B`.

    For batches of one this is the accuracy.

    Returns:
        `[N]`, the same for all samples of a victim; None if the attack claims no label at all.
    """
    label, guess = samples.columns["label"], samples.columns["label_guess"]
    if _LABELS in samples.columns:  # the label of a victim without a reconstruction is not a claim
        guess = np.where(np.isfinite(samples.columns[_LABELS]), guess, -1)
    if not (guess >= 0).any():
        return None
    _, owner = np.unique(samples.victim, return_inverse=True)
    found, counts = np.zeros(owner.max() + 1), np.bincount(owner)
    there = Counter(zip(owner[label >= 0].tolist(), label[label >= 0].tolist()))
    claimed = Counter(zip(owner[guess >= 0].tolist(), guess[guess >= 0].tolist()))
    for (victim, _), count in (there & claimed).items():
        found[victim] += count
    return (found / counts)[owner]


def _of_labels(
    name: str,
    known: np.ndarray | None,
    samples: _Samples,
    reasons: dict[str, str],
    nothing: str | None,
    cell: StoredLeak,
) -> Any:
    if nothing is not None or known is None:
        stated = cell.facts.get("reasons", {}).get(_LABELS)
        reasons[name] = nothing or stated or _unclaimed(samples, cell)
        return None
    return intervals.share(known, samples.victim).document()


def _unclaimed(samples: _Samples, cell: StoredLeak) -> str:
    why = modality_of(cell.facts).unlabelled
    if why is not None and (samples.columns["label"] < 0).all():
        return why
    return "the attack makes no claim about labels"


def _score(
    name: str,
    column: ScoreColumn,
    samples: _Samples,
    reasons: dict[str, str],
    nothing: str | None,
    cell: StoredLeak,
) -> Any:
    """The entry of a metric, whose column says what is estimated."""
    values = samples.columns.get(name, np.full(len(samples.victim), np.nan))
    finite = np.isfinite(values)
    rate = column.estimand == intervals.RATE
    # of a rate, victims that all failed are no successes
    if nothing is not None or not (finite.any() or (rate and samples.failed.all())):
        reasons[name] = nothing or _unavailable(name, cell)
        return None
    if rate:
        return intervals.rate(np.where(finite & ~samples.failed, values, 0.0), samples.victim).document()
    facts = (cell.facts.get("metrics") or {}).get(name) or {}
    least, most = facts["values"] if len(facts.get("values") or []) == 2 else (None, None)
    geometric = column.estimand == intervals.GEOMETRIC
    found = scores.score(values, samples.victim, samples.recovered, geometric, (least, most))
    if found.left_out:
        reasons[name] = f"over the {found.figure.n} of {len(values)} samples that have a finite value"
    elif found.groups:
        counts = " and ".join(f"{group.n} {which}" for which, group in found.groups.items())
        reasons[name] = f"{counts}: two groups have no interval of their joint mean"
    elif found.figure.low is None:
        reasons[name] = "one victim gives no interval"
    return found.document()


def _unavailable(name: str, cell: StoredLeak) -> str:
    stated = cell.facts.get("reasons", {}).get(name)
    return stated or f"no sample has a value of {name}"


def _average(victims: pa.Table, column: str) -> float | None:
    values = victims[column].cast(pa.float64()).to_numpy(zero_copy_only=False)
    values = values[np.isfinite(values)]
    return float(values.mean()) if len(values) else None
