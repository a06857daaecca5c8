"""A cell in one JSON document: scores and rates with intervals, and a sentence for each that has none."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from bench.results import intervals, parts, query
from bench.results.query import Rows
from bench.results.store import LABELS, Cell
from bench.results.things import SENTENCES, things

# Words of messages.Status under which an attack ended as it should; the rest are failures. (messages.py imports torch,
# which a report does without; a test holds the two together.)
ENDED_WELL = frozenset({"converged", "budget"})
THRESHOLDS = {"1e-2": 1e-2, "1e-3": 1e-3, "1e-4": 1e-4}
SCORES = ("mse", "psnr", "ssim", "lpips_alex", "lpips_vgg")
# of sentences; `exact_match` is a rate
TEXT_SCORES = ("token_accuracy", "bag_of_words", "token_set", "rouge_1", "rouge_2", "rouge_l", "bleu")
EXACT = "exact_match"
_LABELS = "label_accuracy"


@dataclass(frozen=True)
class _Samples:
    """The samples of a cell as arrays `[N]`: N counts every sample of every victim, scored or not."""

    victim: np.ndarray
    failed: np.ndarray
    columns: dict[str, np.ndarray]


def summary(cell: Cell, victims: int | None = None) -> dict[str, Any]:
    """The document of a cell, over the stored victims with an id below `victims` (None: all).

    A score is the mean over the samples that have one; a rate counts every sample, so that a failed victim is no
    success. `reasons` has a sentence for each entry that is null, has no interval, or leaves samples out.

    Returns:
        `attack`, `data`, `model`, `defense`, `threat` (words), `victims`, `failures` (counts), `success_rate`
        `{"1e-2", "1e-3", "1e-4"}`, `label_accuracy`, `mse`, `psnr`, `ssim`, `lpips_alex`, `lpips_vgg` (each
        `{mean, low, high, n}` or null), `other` (further metrics, alike), `evaluations_per_victim`,
        `seconds_per_victim` (numbers or null), `reasons`, `results` (the cell's folder).

        Of sentences, in place of the errors of pixels: `exact_match` (a rate), `token_accuracy`, `bag_of_words`,
        `token_set`, `rouge_1`, `rouge_2`, `rouge_l`, `bleu`; and `success_rate` is null.
    """
    return summarise(cell, query.rows(cell).limit(victims))


def summarise(cell: Cell, rows: Rows) -> dict[str, Any]:
    """`summary` of rows that have been read already."""
    status = rows.victims["status"].to_pylist()
    samples = _samples(rows)
    metrics = parts.metric_names(rows.samples)
    reasons: dict[str, str] = {}
    nothing = _nothing(cell) if not status else None
    document: dict[str, Any] = {name: cell.facts["labels"][name] for name in LABELS}
    document |= {"victims": len(status), "failures": sum(word not in ENDED_WELL for word in status)}
    if things(cell.facts) == SENTENCES:
        document |= {"success_rate": None, EXACT: _exact(samples, reasons, nothing, cell)}
    else:
        document["success_rate"] = _success(samples, reasons, nothing, cell)
    document[_LABELS] = _label_accuracy(samples, reasons, nothing, cell)
    for name in TEXT_SCORES if EXACT in document else SCORES:
        document[name] = _score(name, samples, reasons, nothing, cell)
    others = [name for name in metrics if name not in document]
    document["other"] = {name: _score(name, samples, reasons, nothing, cell) for name in others}
    for name, column in (("evaluations_per_victim", "evaluations"), ("seconds_per_victim", "seconds")):
        document[name] = _average(rows.victims, column)
        if document[name] is None:
            reasons[name] = nothing or f"no victim has a number of {column}"
    if failure := cell.failure:
        reasons["cell"] = f"{failure.status}: {failure.reason}"
    return {**document, "reasons": reasons, "results": str(cell.folder)}


def _nothing(cell: Cell) -> str:
    failure = cell.failure
    return failure.reason if failure else "no victim is done"


def _samples(rows: Rows) -> _Samples:
    """Every (victim, position) up to the victim's batch size; NaN and -1 where a victim left no row."""
    ids = rows.victims["victim"].to_numpy()
    sizes = rows.victims["batch_size"].to_numpy()
    bad = np.array([word not in ENDED_WELL for word in rows.victims["status"].to_pylist()], bool)
    first = dict(zip(ids.tolist(), (np.cumsum(sizes) - sizes).tolist()))
    at = [
        first[victim] + position
        for victim, position in zip(rows.samples["victim"].to_pylist(), rows.samples["position"].to_pylist())
    ]
    columns = {}
    for name in ("label", "label_guess", *parts.metric_names(rows.samples)):
        full = np.full(int(sizes.sum()), np.nan)
        full[at] = rows.samples[name].cast(pa.float64()).to_numpy(zero_copy_only=False)
        columns[name] = full
    return _Samples(np.repeat(ids, sizes), np.repeat(bad, sizes), columns)


def _success(samples: _Samples, reasons: dict[str, str], nothing: str | None, cell: Cell) -> dict[str, Any]:
    mse = samples.columns.get("mse", np.full(len(samples.victim), np.nan))
    scored = np.isfinite(mse)
    if nothing is None and not scored.any() and not samples.failed.all():
        nothing = _unavailable("mse", cell)
    out: dict[str, Any] = {}
    for name, threshold in THRESHOLDS.items():
        key = f"success_rate {name}"
        if nothing is not None:
            out[name], reasons[key] = None, nothing
            continue
        with np.errstate(invalid="ignore"):
            hit = scored & (mse <= threshold) & ~samples.failed
        out[name] = intervals.rate(hit.astype(float), samples.victim).document()
    return out


def _exact(samples: _Samples, reasons: dict[str, str], nothing: str | None, cell: Cell) -> Any:
    """The rate of sentences recovered token for token."""
    values = samples.columns.get(EXACT, np.full(len(samples.victim), np.nan))
    scored = np.isfinite(values)
    if nothing is None and not scored.any() and not samples.failed.all():
        nothing = _unavailable(EXACT, cell)
    if nothing is not None:
        reasons[EXACT] = nothing
        return None
    hit = np.where(scored & ~samples.failed, values, 0.0)
    return intervals.rate(hit, samples.victim).document()


def _label_accuracy(samples: _Samples, reasons: dict[str, str], nothing: str | None, cell: Cell) -> Any:
    known = samples.columns.get(_LABELS)
    if known is None:
        claimed = samples.columns["label_guess"] >= 0
        known = np.where(claimed, samples.columns["label"] == samples.columns["label_guess"], np.nan)
    claims = np.isfinite(known)
    if nothing is not None or not claims.any():
        stated = cell.facts.get("reasons", {}).get(_LABELS)
        reasons[_LABELS] = nothing or stated or _unclaimed(samples, cell)
        return None
    # Where the attack names labels at all, a sample for which it named none is not a right one.
    values = np.where(claims, known, 0.0)
    interval = intervals.rate if np.isin(values, (0.0, 1.0)).all() else intervals.mean
    return interval(values, samples.victim).document()


def _unclaimed(samples: _Samples, cell: Cell) -> str:
    if things(cell.facts) == SENTENCES and (samples.columns["label"] < 0).all():
        return "a language model predicts tokens: its sentences have no labels"
    return "the attack makes no claim about labels"


def _score(name: str, samples: _Samples, reasons: dict[str, str], nothing: str | None, cell: Cell) -> Any:
    values = samples.columns.get(name)
    finite = np.zeros(0, bool) if values is None else np.isfinite(values)
    if nothing is not None or values is None or not finite.any():
        reasons[name] = nothing or _unavailable(name, cell)
        return None
    result = intervals.mean(values[finite], samples.victim[finite])
    if not finite.all():
        reasons[name] = f"over the {result.n} of {len(values)} samples that have a finite value"
    elif result.low is None:
        reasons[name] = "one victim gives no interval"
    return result.document()


def _unavailable(name: str, cell: Cell) -> str:
    stated = cell.facts.get("reasons", {}).get(name)
    return stated or f"no sample has a value of {name}"


def _average(victims: pa.Table, column: str) -> float | None:
    values = victims[column].cast(pa.float64()).to_numpy(zero_copy_only=False)
    values = values[np.isfinite(values)]
    return float(values.mean()) if len(values) else None
