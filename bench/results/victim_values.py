"""The value of one metric per victim, and the paired difference between two cells on the victims that both have."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from bench.modalities.lookup import modality_of
from bench.modalities.scale import Values
from bench.results import intervals
from bench.results.cell_setting import contents, data_config
from bench.results.columns import columns
from bench.results.intervals import FLOOR, GEOMETRIC, RATE
from bench.results.leaks import per_victim, values
from bench.results.paired import sign_flip
from bench.results.query import Rows
from bench.results.stored_leak import ENDED_WELL, StoredLeak

TIME = "seconds_per_victim"
COSTS = {"evaluations_per_victim": "evaluations", TIME: "seconds"}
LABELS = ("label_accuracy", "label_overlap")
_SUCCESS = "success_"


@dataclass(frozen=True)
class PairedDifference:
    """How two cells differ in one metric on the same victims.

    Args:
        first, second: the figures of both over the common victims; the geometric mean of squared errors, else the mean.
        difference: the first minus the second; of geometric means the ratio of the first to the second.
        low, high: its 95 % interval; None if there is one common victim only, or the values are not independent.
        p: of the two-sided sign-flip test; None if the values are not independent.
        n: the number of common victims with a value in both.
        unpaired: the number of common victims without a value in one of them.
        ratio: whether the difference is a ratio.
    """

    first: float
    second: float
    difference: float
    low: float | None
    high: float | None
    p: float | None
    n: int
    unpaired: int
    ratio: bool


def geometric(cell: StoredLeak, key: str) -> bool:
    """Whether a metric of a cell is averaged on a logarithmic scale."""
    column = columns(cell.facts).get(key)
    return column is not None and column.estimand == GEOMETRIC


def victim_values(cell: StoredLeak, rows: Rows, key: str) -> dict[int, float]:
    """The value of a metric per victim, `{victim: mean over its samples}`; NaN for a victim without one.

    Squared errors are log10 of the error, raised to the floor that all tables use. A rate counts each sample of a
    victim that failed as no success. If no sample of the cell has a value of the metric, the rate is not known, and
    every victim has NaN, unless all of them failed.

    Args:
        cell: the cell.
        rows: its rows, with the columns that record the work if `key` is a cost.
        key: a metric, `success_BOUND`, `label_accuracy`, `label_overlap`, or a key of `COSTS`.
    """
    if key in COSTS:
        stored = zip(rows.victims["victim"].to_pylist(), rows.victims[COSTS[key]].to_pylist())
        return {victim: np.nan if value is None else float(value) for victim, value in stored}
    if key in LABELS:
        return _labels(rows, key)
    if key.startswith(_SUCCESS) and key not in rows.samples.column_names:
        bound = modality_of(cell.facts).success[key.removeprefix(_SUCCESS)]
        return _rates(rows, "mse", lambda found: (found <= bound).mean(1))
    column = columns(cell.facts).get(key)
    if column is not None and column.estimand == RATE:
        return _rates(rows, key, _rate)
    known = values(rows, key, failed=True)
    return per_victim(known, _mean_of_logarithms if geometric(cell, key) else _mean)


def _rates(rows: Rows, metric: str, share: Callable[[np.ndarray], np.ndarray]) -> dict[int, float]:
    """The share of hits per victim; NaN for all of them if the metric was not computed and a victim ended well."""
    found = values(rows, metric)
    if (
        _any(values(rows, metric, failed=True))
        or not np.isin(rows.victims["status"].to_numpy(), list(ENDED_WELL)).any()
    ):
        return per_victim(found, share)
    return dict.fromkeys(found, np.nan)


def _any(known: Values) -> bool:
    """Whether any sample has a value."""
    return any(np.isfinite(own).any() for own in known.values())


def _rate(found: np.ndarray) -> np.ndarray:
    """The mean per row; a sample without a value is no success."""
    return np.nan_to_num(found).mean(1)


def _mean(found: np.ndarray) -> np.ndarray:
    """The mean per row of the values that there are; NaN for a row without a finite one."""
    out = np.full(len(found), np.nan)
    some = np.isfinite(found).any(1)
    out[some] = np.nanmean(found[some], axis=1)
    return out


def _mean_of_logarithms(found: np.ndarray) -> np.ndarray:
    return _mean(np.log10(np.maximum(found, FLOOR)))


def _labels(rows: Rows, key: str) -> dict[int, float]:
    """The share of a victim's labels that are claimed: each in its place, or as multisets."""
    if key == LABELS[0] and key in rows.samples.column_names:
        known = values(rows, key, failed=True)
        return per_victim(known, _rate) if _any(known) else dict.fromkeys(known, np.nan)
    samples = rows.samples
    columns_ = [samples[name].to_pylist() for name in ("victim", "label", "label_guess")]
    # the label of a victim without a reconstruction is not a claim
    scores = samples[LABELS[0]].to_pylist() if LABELS[0] in samples.column_names else [0.0] * len(samples)
    pairs: dict[int, list[tuple[int, int]]] = {victim: [] for victim in rows.victims["victim"].to_pylist()}
    for victim, label, guess, scored in zip(*columns_, scores):
        claimed = guess is not None and guess >= 0 and scored is not None and np.isfinite(scored)
        pairs[victim].append((label, guess if claimed else -1))
    if all(guess < 0 for found in pairs.values() for _, guess in found):
        return dict.fromkeys(pairs, np.nan)
    sizes = dict(zip(rows.victims["victim"].to_pylist(), rows.victims["batch_size"].to_pylist()))
    return {victim: _claimed(found, key) / sizes[victim] for victim, found in pairs.items()}


def _claimed(pairs: list[tuple[int, int]], key: str) -> int:
    if key == "label_accuracy":
        return sum(label == guess >= 0 for label, guess in pairs)
    left, found = [label for label, _ in pairs], 0
    for _, guess in pairs:
        if guess >= 0 and guess in left:
            left.remove(guess)
            found += 1
    return found


def other_victims(first: StoredLeak, second: StoredLeak) -> str | None:
    """Why the victims of two cells are not the same private examples; None if they are, as far as the records tell."""
    one, other = first.facts["labels"]["data"], second.facts["labels"]["data"]
    if one != other:
        return f"one attacks {one} and the other {other}"
    ours, theirs = data_config(first), data_config(second)
    for key in sorted(ours.keys() | theirs.keys()):
        if ours.get(key) != theirs.get(key):
            return f"data.{key} is {ours.get(key)} in one and {theirs.get(key)} in the other"
    if contents(first)["data"] != contents(second)["data"]:
        return f"the examples of {one} were others when the second was attacked"
    return None


def same_samples(first: Rows, second: Rows) -> set[int]:
    """The victims that both have, and whose samples are the same examples of the data set in both."""
    ours, theirs = _samples(first), _samples(second)
    return {victim for victim in ours.keys() & theirs.keys() if not ours[victim] or ours[victim] == theirs[victim]}


def _samples(rows: Rows) -> dict[int, tuple[int, ...]]:
    found: dict[int, list[int]] = {victim: [] for victim in rows.victims["victim"].to_pylist()}
    for victim, sample in zip(rows.samples["victim"].to_pylist(), rows.samples["sample"].to_pylist()):
        found[victim].append(sample)
    return {victim: tuple(samples) for victim, samples in found.items()}


def independent(cell: StoredLeak, rows: Rows, key: str) -> bool:
    """Whether the values of a metric are known to be independent between victims: every one but the time is.

    Victims that are worked on at once share the time equally. They are known to have been timed alone only if the
    engine works on one at a time (`engine.chunk=1`) and no two times agree to the last bit.

    Args:
        cell: the cell.
        rows: its rows.
        key: see `victim_values`.
    """
    if key != TIME:
        return True
    engine = (cell.facts.get("config") or {}).get("engine") or {}
    times = rows.victims["seconds"].drop_null().to_pylist()
    return engine.get("chunk") == 1 and len(set(times)) == len(times)


def paired_difference(
    first: Mapping[int, float], second: Mapping[int, float], ratio: bool = False, tested: bool = True
) -> PairedDifference | None:
    """The difference on the common victims; None if no victim has a value in both.

    Args:
        first: `{victim: value}` of one cell, NaN for none; logarithms to base 10 if `ratio`.
        second: the same of the other cell.
        ratio: whether the result is the ratio of geometric means.
        tested: whether the values are independent between victims; if not, there is neither an interval nor a p-value.
    """
    common = sorted(first.keys() & second.keys())
    both = [victim for victim in common if np.isfinite(first[victim]) and np.isfinite(second[victim])]
    if not both:
        return None
    ours, theirs = (np.array([each[victim] for victim in both]) for each in (first, second))
    found = intervals.mean(ours - theirs, np.arange(len(both)), bounded=tested)

    def scaled(value: float | None) -> float | None:
        return value if value is None or not ratio else float(10.0**value)

    figures = [scaled(float(value)) for value in (ours.mean(), theirs.mean(), found.mean)]
    assert figures[0] is not None and figures[1] is not None and figures[2] is not None
    return PairedDifference(
        figures[0],
        figures[1],
        figures[2],
        scaled(found.low),
        scaled(found.high),
        sign_flip(ours - theirs) if tested else None,
        len(both),
        len(common) - len(both),
        ratio,
    )
