"""The stored cell of an attack: its units are victims, and its parts hold rows of victims and samples, and images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from bench.errors import UserError
from bench.results import parts
from bench.results.gain import Gain
from bench.results.stored_cell import CONFIG_SHAPE, ExampleTable, StoredCell, UnitCurve

LABELS = ("attack", "data", "model", "defense", "threat")
# Words of messages.Status under which an attack ended as it should. The others are failures: they count as no success
# and have the lowest leakage score. (bench.messages imports torch, which a report does not need; a test compares both.)
ENDED_WELL = frozenset({"converged", "budget", "partial"})
AGAIN = parts.AGAIN
FACTS_SHAPE: dict[Any, Any] = {
    "labels": {...: str},
    "config": {**CONFIG_SHAPE, "metric": {...: {}}},
    "control": bool,
    "threat": {"letter": str, "grants": {}},
    "data": {"modality": str, "classes": int, "class_names": [str], "shape": [int], "pool": int, "remark": str},
    "model": {"parameters": int},
    "attack": {"class": str, "about": str},
    "defense": {
        "epsilon": float,
        "delta": float,
        "identification": {"candidates": int, "bound": float},
        "notes": [str],
        "parts": [{"defense": str, "std": float, "variance": float, "fraction": float}],
    },
    "metrics": {
        ...: {
            "identity": str,
            "values": [float],
            "column": {
                "title": str,
                "estimand": str,
                "unit": str,
                "places": int,
                "short": str,
                "bounds": bool,
                "shown": bool,
                "direction": str,
            },
        }
    },
    "reasons": {...: str},
    "paper": {"source": str, "known": str},
    "contents": {},
}


class StoredLeak(StoredCell):
    """The finished victims of one attack.

    If known, `facts` hold `threat` `{letter, grants {name: bool}}`, `data` `{modality, classes, shape, pool}` (see
    `bench.modalities`; data that do not say it are images), `model`, `metrics` `{metric: {identity, net, size,
    interpolation, range, ...}}`, `reasons` `{metric: sentence}` for metrics that are not available, `control` (bool),
    `paper` `{value, source, known}`, and `attack` `{class, about}` of an attack that is no part of leakbench.
    """

    kind: ClassVar[str] = "leak"
    noun: ClassVar[str] = "an attack"
    units: ClassVar[str] = "victims"
    labels: ClassVar[tuple[str, ...]] = LABELS
    shape: ClassVar[dict[Any, Any]] = FACTS_SHAPE

    @classmethod
    def wanted(cls, config: Mapping[str, Any]) -> int:
        """How many victims a resolved config asks for; 0 if it does not say."""
        return (config.get("data") or {}).get("victims") or 0

    @classmethod
    def merged(cls, stored: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
        """`new`, with the metrics that were stored earlier and are not asked for this time.

        Raises:
            UserError: a metric is asked for with other settings than its stored scores have.
        """
        before, after = stored.get("metrics") or {}, new.get("metrics") or {}
        for key in sorted(before.keys() & after.keys()):
            if (before[key] or {}).get("identity") != (after[key] or {}).get("identity"):
                raise UserError(
                    f"metric.{key} has other settings than the scores of {key} that are stored for this cell, and "
                    "stored scores are never replaced; choose another folder with results=DIR"
                )
        kept = {key: reason for key, reason in (stored.get("reasons") or {}).items() if key not in after}
        config, nodes = new.get("config") or {}, (stored.get("config") or {}).get("metric") or {}
        out = {**new, "metrics": {**before, **after}, "reasons": {**kept, **(new.get("reasons") or {})}}
        if "metric" in config:
            out["config"] = {**config, "metric": {**nodes, **config["metric"]}}
        return {name: value for name, value in out.items() if value or name in new}

    def done(self) -> set[int]:
        """The ids of the victims that need no more work.

        A victim that diverged is done, because the attack would diverge again. A victim for which the machine failed
        (`AGAIN`) is tried again, because the machine may have more memory next time.
        """
        tables = parts.read(self.parts).victims.values()
        ended = [zip(table["victim"].to_pylist(), table["status"].to_pylist()) for table in tables]
        return {victim for rows in ended for victim, word in rows if word not in AGAIN}

    def count(self, wanted: int) -> int:
        """How many of the first `wanted` victims (0: of all) need no more work, from the footers if they are enough."""
        ids = parts.stored(self.parts)
        found = set(self.times()) if ids is None else ids
        return sum(not wanted or victim < wanted for victim in found)

    def times(self) -> dict[int, tuple[int, float]]:
        """The times of the victims that need no more work, `{id: (stored [ns since 1970], work [s])}`."""
        from bench.results import query

        columns = ("victim", "status", "stored", "seconds")
        rows = zip(*(query.victims(self)[name].to_pylist() for name in columns))
        return {victim: (stored, seconds or 0.0) for victim, word, stored, seconds in rows if word not in AGAIN}

    def append(
        self,
        victim_rows: Sequence[Mapping[str, Any]],
        sample_rows: Sequence[Mapping[str, Any]],
        images: Mapping[str, np.ndarray] | None = None,
        reconstructions: Mapping[str, np.ndarray] | None = None,
    ) -> None:
        """Adds finished victims; either all of these rows become visible, or none.

        Args:
            victim_rows: one row per victim: `victim`, `status`, `batch_size`, and if known `reason`, `objective`,
                `iterations`, `evaluations`, `seconds`, `repeats`, `rank`, `host`, `device`, `started`, `commit`,
                `versions` (a JSON object), `member` (of an ensemble, whose claim this is).
            sample_rows: one row per sample: `victim`, `position`, `sample`, `label`, `label_guess` (-1: no claim), and
                a number or null per metric; NaN is stored as null. A victim without a reconstruction has no rows.
                Sentences that are to be shown also have `text`, `text_guess` (null: no claim) and `text_trace`
                (`[[iteration, sentence], ...]` as JSON, or null).
            images: `ids` `[V]`, `truth` and `guess` `[V, B, C, H, W]`, and if there is a trace, `moments` `[V, M]`,
                `images` `[V, M, B, C, H, W]`, `curve_at` and `curve` `[V, K]`. Pixels are in [0, 1] or uint8; they are
                stored clipped, in half precision. Sentences have `ids`, `curve_at` and `curve` only.
            reconstructions: what the attack returned for these victims, before clipping and before it is assigned to
                the truth: `ids`, `inputs` and `labels` (see `bench.results.reconstruction_parts.packed`).

        Raises:
            ValueError: a row or a tensor does not have this form.
            UserError: the folder cannot be written.
        """
        if victim_rows:
            parts.write(self.parts, victim_rows, sample_rows, images, reconstructions)

    def curves(self) -> list[UnitCurve]:
        """The attacker's objective on each victim whose trace is stored, by evaluation."""
        from bench.results import query

        return [
            UnitCurve(
                f"objective/victim_{one.victim}",
                [(at, value) for at, value in zip(one.at.tolist(), one.values.tolist()) if at >= 0],
            )
            for one in query.curves(self)
        ]

    def examples(self) -> ExampleTable:
        """A table with one row per private example.

        A row has the truth and the reconstruction if they are stored, the labels, the status and every score.
        """
        from bench.results import query

        rows = query.rows(self)
        victims = {row["victim"]: row for row in rows.victims.to_pylist()}
        shown = query.shown(self, rows)
        metrics = parts.metric_names(rows.samples)
        columns = ["victim", "position", "truth", "reconstruction", "label", "label_guess", "status", "evaluations"]
        found = []
        for sample in rows.samples.to_pylist():
            place = sample["victim"], sample["position"]
            own = victims[place[0]]
            labels = [sample["label"], sample["label_guess"], own["status"], own["evaluations"]]
            found.append([*place, *shown.get(place, (None, None)), *labels, *(sample[name] for name in metrics)])
        return ExampleTable([*columns, *metrics], found)

    def summary(self) -> dict[str, Any]:
        """See `bench.results.summary`."""
        from bench.results.summary import summary

        return summary(self)

    def fault(self) -> str | None:
        """See `StoredCell.fault`; the sentence names the file."""
        return next(iter(parts.read(self.parts).warnings), None)

    def gain(self, other: StoredLeak) -> Gain:
        """See `bench.results.gained_victims`."""
        from bench.results.gained_victims import gained_victims

        return gained_victims(self, other)
