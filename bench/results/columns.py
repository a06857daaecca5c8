"""Which metrics a cell has and how the tables print them, as the metrics themselves said when the cell was stored."""

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

from bench.metrics.column import ScoreColumn
from bench.results.intervals import GEOMETRIC, RATE
from bench.results.things import IMAGES, SENTENCES, things

# Cells that were stored before metrics described themselves, and cells that failed before their metrics were built.
# Only such cells use it, so a new metric has no place here.
_UNDESCRIBED: dict[str, dict[str, ScoreColumn]] = {
    IMAGES: {
        "mse": ScoreColumn("MSE", GEOMETRIC, places=None, direction="down"),
        "mse_raw": ScoreColumn("MSE, not clipped", GEOMETRIC, places=None, shown=False, direction="down"),
        "psnr": ScoreColumn("PSNR", unit="dB", places=1, direction="up"),
        "ssim": ScoreColumn("SSIM", direction="up"),
        "lpips_alex": ScoreColumn("LPIPS alex", short=None, direction="down"),
        "lpips_vgg": ScoreColumn("LPIPS vgg", direction="down"),
    },
    SENTENCES: {
        "rouge_1": ScoreColumn("ROUGE-1", bounds=True, direction="up"),
        "rouge_2": ScoreColumn("ROUGE-2", direction="up"),
        "rouge_l": ScoreColumn("ROUGE-L", short=None, direction="up"),
        "exact_match": ScoreColumn("exact match", RATE, places=2, short="exact", direction="up"),
        "token_accuracy": ScoreColumn("token acc.", short="tokens", direction="up"),
        "bag_of_words": ScoreColumn("bag of words", short="bag", direction="up"),
        "token_set": ScoreColumn("token set", short=None, direction="up"),
        "bleu": ScoreColumn("BLEU", unit="0 to 100", places=1, short=None, direction="up"),
    },
}
_FIELDS = [field.name for field in fields(ScoreColumn)]
_NULLABLE = ("places", "short")
_PLACES = 17  # no float has more digits that mean something


def columns(facts: Mapping[str, Any]) -> dict[str, ScoreColumn]:
    """`{metric: its column}` of a cell, in the order of the tables, with those that the tables do not show.

    Args:
        facts: of the cell (see `StoredLeak`).
    """
    stored = {key: (metric or {}).get("column") for key, metric in (facts.get("metrics") or {}).items()}
    if not any(stored.values()):
        return dict(_UNDESCRIBED[things(facts)])
    return {key: _column(key, column) for key, column in stored.items() if column}


def _column(key: str, stored: Mapping[str, Any]) -> ScoreColumn:
    """The column of stored values, which anybody may have written: what cannot be printed becomes the default."""
    known = {name: stored[name] for name in _FIELDS if name in stored}
    column = ScoreColumn(**{name: value for name, value in known.items() if value is not None or name in _NULLABLE})
    return replace(
        column,
        title=column.title or key.replace("_", " "),
        places=None if column.places is None else min(column.places, _PLACES),
        direction=column.direction if column.direction in ("up", "down") else "",
    )
