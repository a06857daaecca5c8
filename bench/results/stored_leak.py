"""A cell of an attack on disk: its units are victims, its parts hold rows of victims and of samples, and images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from bench.results import parts
from bench.results.store import CONFIG_SHAPE, Curve, Examples, StoredCell

LABELS = ("attack", "data", "model", "defense", "threat")
# Words of messages.Status under which an attack ended as it should; the rest are failures: no success, and the floor of
# any score of a leak. (messages.py imports torch, which a report does without; a test holds the two together.)
ENDED_WELL = frozenset({"converged", "budget"})
AGAIN = parts.AGAIN
FACTS_SHAPE: dict[Any, Any] = {
    "labels": {...: str},
    "config": CONFIG_SHAPE,
    "control": bool,
    "threat": {"letter": str, "grants": {}},
    "data": {"things": str, "classes": int, "shape": [int], "pool": int, "remark": str},
    "model": {"parameters": int},
    "defense": {
        "epsilon": float,
        "delta": float,
        "notes": [str],
        "parts": [{"defense": str, "std": float, "variance": float, "fraction": float}],
    },
    "metrics": {
        ...: {
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
    """The victims of one attack, as far as they are done. `facts` hold, as known, `threat` `{letter, grants {name:
    bool}}`, `data` `{classes, shape, pool}`, `model`, `metrics` `{metric: {net, size, interpolation, range, ...}}`,
    `reasons` `{metric: sentence}` for those that are not available, `control` (bool), `paper` `{value, source, known}`.
    """

    kind: ClassVar[str] = "leak"
    units: ClassVar[str] = "victims"
    labels: ClassVar[tuple[str, ...]] = LABELS
    shape: ClassVar[dict[Any, Any]] = FACTS_SHAPE

    @classmethod
    def wanted(cls, config: Mapping[str, Any]) -> int:
        """See `StoredCell.wanted`."""
        return (config.get("data") or {}).get("victims") or 0

    def done(self) -> set[int]:
        """The ids of the victims that need no more work.

        A victim that diverged is done: that is what the attack does. One that fell to the machine (`AGAIN`) is tried
        again: it may have more memory next time.
        """
        tables = parts.read(self.parts).victims.values()
        ended = [zip(table["victim"].to_pylist(), table["status"].to_pylist()) for table in tables]
        return {victim for rows in ended for victim, word in rows if word not in AGAIN}

    def count(self, wanted: int) -> int:
        """See `StoredCell.count`."""
        ids = parts.stored(self.parts)
        found = set(self.times()) if ids is None else ids
        return sum(not wanted or victim < wanted for victim in found)

    def times(self) -> dict[int, tuple[int, float]]:
        """See `StoredCell.times`."""
        from bench.results import query

        columns = ("victim", "status", "stored", "seconds")
        rows = zip(*(query.victims(self)[name].to_pylist() for name in columns))
        return {victim: (stored, seconds or 0.0) for victim, word, stored, seconds in rows if word not in AGAIN}

    def append(
        self,
        victim_rows: Sequence[Mapping[str, Any]],
        sample_rows: Sequence[Mapping[str, Any]],
        images: Mapping[str, np.ndarray] | None = None,
    ) -> None:
        """Add finished victims: all of these rows become visible, or none.

        Args:
            victim_rows: one per victim: `victim`, `status`, `batch_size`, and as known `reason`, `objective`,
                `iterations`, `evaluations`, `seconds`, `repeats`, `rank`, `host`, `device`, `started`, `commit`,
                `versions` (a JSON object).
            sample_rows: one per sample: `victim`, `position`, `sample`, `label`, `label_guess` (-1: no claim), and a
                number or null for each metric; NaN is stored as null. A victim without a reconstruction has none.
                Of sentences that are to be shown also `text`, `text_guess` (null: no claim) and `text_trace`
                (`[[iteration, sentence], ...]` as JSON, or null).
            images: `ids` `[V]`, `truth` and `guess` `[V, B, C, H, W]` and, where there is a trace, `moments` `[V, M]`,
                `images` `[V, M, B, C, H, W]`, `curve_at` and `curve` `[V, K]`. Pixels in [0, 1] or uint8; stored
                clipped, in half precision. Of sentences `ids`, `curve_at` and `curve` only.

        Raises:
            ValueError: a row or a tensor is not of this form.
            UserError: the folder cannot be written.
        """
        if victim_rows:
            parts.write(self.parts, victim_rows, sample_rows, images)

    def curves(self) -> list[Curve]:
        """The attacker's objective on each victim whose trace is stored, by evaluation."""
        from bench.results import query

        return [
            Curve(
                f"objective/victim_{one.victim}",
                [(at, value) for at, value in zip(one.at.tolist(), one.values.tolist()) if at >= 0],
            )
            for one in query.curves(self)
        ]

    def examples(self) -> Examples:
        """A row per private example: truth and reconstruction where they are stored, labels, status and every score."""
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
        return Examples([*columns, *metrics], found)
