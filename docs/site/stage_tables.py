"""Makes the tables of docs/training-stage.md from docs/training_stage.csv, one per data set.

    python docs/site/stage_tables.py RESULTS...   # reads results folders of `leakbench suite training_stage` first
    python docs/site/stage_tables.py              # writes the tables into the page

The file has a line per cell: the data set, the network, its mode and epoch, what its checkpoint says (accuracy,
gradient norm), and what leaked. A folder replaces the lines of its data sets; those of others stay.
"""

import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from made_tables import DOCS, Row, line, read, rewrite, write

from bench.config.display_names import without
from bench.results import labels_summary, limits_summary, store, summary
from bench.results.stored_labels import StoredLabels
from bench.results.stored_leak import StoredLeak
from bench.results.stored_limits import StoredLimits
from bench.results.stored_training import StoredTraining
from bench.storage.hashing import sha256
from bench.training import checkpoints

MEASURED, PAGE = DOCS / "training_stage.csv", DOCS / "training-stage.md"
BEGIN = "<!-- made by docs/site/stage_tables.py: {} -->"  # the data set
COLUMNS = (
    "data", "network", "mode", "epoch", "accuracy", "tested", "gradient_norm", "attack", "batch_size", "victims",
    "failures", "psnr", "psnr_low", "psnr_high", "success_1e-2", "label_overlap", "determined", "rank", "entries",
    "condition", "identity",
)  # fmt: skip
_NONE = "-"
LIMIT = "limit"  # what stands for the name of the attack in a row of limits
_OWN_COLUMNS = ("checkpoint", "per_victim", "mode")  # settings of a network that the table shows apart


def stage_rows(root: Path) -> list[dict[str, Any]]:
    """The cells of a results folder that attack a checkpoint, in the order of data, network, mode, epoch, attack."""
    known = {
        sha256(path): checkpoints.read(path)
        for training in store.cells(root, StoredTraining)[0]
        for path in training.checkpoints()
    }
    rows = []
    for leak in store.cells(root, StoredLeak)[0]:
        found = summary.summary(leak)
        psnr, rate = found["psnr"] or {}, (found["success_rate"] or {}).get("1e-2") or {}
        leaked = {"psnr": psnr.get("mean"), "psnr_low": psnr.get("low"), "psnr_high": psnr.get("high")}
        rows.append(_row(leak, known, found, {**leaked, "success_1e-2": rate.get("mean")}))
    for cell in store.cells(root, StoredLabels)[0]:
        found = labels_summary.summarise(cell)
        rows.append(_row(cell, known, found, {"label_overlap": (found["label_overlap"] or {}).get("mean")}))
    for limit in store.cells(root, StoredLimits)[0]:
        found = limits_summary.summarise(limit)
        whole = {
            "determined": (found["determined"] or {}).get("mean"),
            "rank": (found["jacobian_rank"] or {}).get("median"),
            "entries": found["entries"],
            "condition": (found["condition"] or {}).get("median"),
        }
        rows.append(_row(limit, known, found, whole))
    return sorted(rows, key=lambda row: [row[key] for key in ("data", "network", "mode", "epoch", "attack")])


def _row(
    cell: StoredLeak | StoredLabels | StoredLimits,
    known: Mapping[str, dict[str, Any]],
    found: Mapping[str, Any],
    leaked: dict[str, Any],
) -> dict[str, Any]:
    said, config = known[cell.facts["contents"]["checkpoint"]], cell.facts["config"]
    return dict.fromkeys(COLUMNS) | {
        "data": cell.facts["labels"]["data"],
        "network": without(cell.facts["labels"]["model"], _OWN_COLUMNS),
        "mode": config["model"]["mode"],
        **{name: said[name] for name in ("epoch", "accuracy", "tested", "gradient_norm")},
        "attack": without(cell.facts["labels"].get("attack", LIMIT), ["evaluations"]),
        "batch_size": config["data"]["batch_size"],
        **{name: found[name] for name in ("victims", "failures")},
        **leaked,
        "identity": cell.identity,
    }


def stage_table(rows: Sequence[Row]) -> str:
    """A row per network, mode and epoch; a column per attack."""
    return "\n".join(_stage_lines(rows))


def _stage_lines(rows: Sequence[Row]) -> Iterator[str]:
    attacks = list(dict.fromkeys((row["attack"], row["batch_size"]) for row in rows))
    titles = ["Jacobian" if attack == LIMIT else f"`{attack}`, B = {size}" for attack, size in attacks]
    yield line("network", "mode", "epoch", "accuracy", "gradient norm", *titles)
    yield "| --- | --- | --: | --: | --: |" + " --: |" * len(attacks)
    for place in dict.fromkeys((row["network"], row["mode"], row["epoch"]) for row in rows):
        own = [row for row in rows if (row["network"], row["mode"], row["epoch"]) == place]
        told = (f"{float(own[0]['accuracy']):.3f}", f"{float(own[0]['gradient_norm']):.2g}")
        cells = ([row for row in own if (row["attack"], row["batch_size"]) == one] for one in attacks)
        yield line(*place, *told, *(_leak(found[-1]) if found else _NONE for found in cells))


def _leak(row: Row) -> str:
    """What leaked: PSNR, its interval and the share of images with an MSE of 1e-2 or less, or the share of labels.

    A row of limits says whether the images are determined, and the condition of the Jacobian, or its rank.
    """
    if row["determined"]:
        rest = f", rank {float(row['rank']):,.0f} of {int(row['entries']):,}" if row["rank"] else ""
        rest = f", condition {_short(float(row['condition']))}" if row["condition"] else rest
        return f"{float(row['determined']):.2f} determined{rest}"
    if row["label_overlap"]:
        return f"{float(row['label_overlap']):.2f} of labels"
    if not row["psnr"]:
        return "failed"
    interval = f" ({float(row['psnr_low']):.1f} to {float(row['psnr_high']):.1f})" if row["psnr_low"] else ""
    share = f"; {float(row['success_1e-2']):.2f}" if row["success_1e-2"] else ""
    return f"{float(row['psnr']):.1f} dB{interval}{share}"


def _short(condition: float) -> str:
    """A condition in digits, or as a power of ten if it has more than seven of them."""
    return f"{condition:,.0f}" if condition < 1e7 else f"{condition:.1e}"


def main(sources: Sequence[str] = ()) -> None:
    """Writes the tables into the page, between the marks.

    Args:
        sources: results folders of suite training_stage, which are read first.
    """
    new = [row for source in sources for row in stage_rows(Path(source))]
    if new:
        sets = {row["data"] for row in new}
        write(MEASURED, COLUMNS, [*(row for row in read(MEASURED) if row["data"] not in sets), *new])
    for name, rows in by_data(read(MEASURED)).items():
        rewrite(PAGE, BEGIN.format(name), stage_table(rows))


def by_data(rows: Sequence[Row]) -> dict[str, list[Row]]:
    """The rows of each data set."""
    return {name: [row for row in rows if row["data"] == name] for name in dict.fromkeys(row["data"] for row in rows)}


if __name__ == "__main__":
    main(sys.argv[1:])
