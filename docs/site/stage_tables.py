"""Makes the table of docs/training-stage.md from docs/training_stage.csv.

    python docs/site/stage_tables.py RESULTS   # reads a results folder of `leakbench suite training_stage` first
    python docs/site/stage_tables.py           # writes the table into the page

The file has a line per cell: the network, its mode and epoch, what its checkpoint says (accuracy, gradient norm), and
what leaked.
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
BEGIN = "<!-- made by docs/site/stage_tables.py -->"
COLUMNS = (
    "network", "mode", "epoch", "accuracy", "tested", "gradient_norm", "attack", "batch_size", "victims", "failures",
    "psnr", "psnr_low", "psnr_high", "success_1e-2", "label_overlap", "determined", "condition",
    "identity",
)  # fmt: skip
_NONE = "-"
LIMIT = "limit"  # what stands for the name of the attack in a row of limits
_OWN_COLUMNS = ("checkpoint", "per_victim", "mode")  # settings of a network that the table shows apart


def stage_rows(root: Path) -> list[dict[str, Any]]:
    """The cells of a results folder that attack a stored checkpoint, in the order of network, mode, epoch, attack."""
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
            "condition": (found["condition"] or {}).get("median"),
        }
        rows.append(_row(limit, known, found, whole))
    return sorted(rows, key=lambda row: [row[key] for key in ("network", "mode", "epoch", "attack")])


def _row(
    cell: StoredLeak | StoredLabels | StoredLimits,
    known: Mapping[str, dict[str, Any]],
    found: Mapping[str, Any],
    leaked: dict[str, Any],
) -> dict[str, Any]:
    said, config = known[cell.facts["contents"]["checkpoint"]], cell.facts["config"]
    return dict.fromkeys(COLUMNS) | {
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

    A row of limits says whether the images are determined, and the condition of the Jacobian.
    """
    if row["determined"]:
        condition = f", condition {float(row['condition']):,.0f}" if row["condition"] else ""
        return f"{float(row['determined']):.2f} determined{condition}"
    if row["label_overlap"]:
        return f"{float(row['label_overlap']):.2f} of labels"
    if not row["psnr"]:
        return "failed"
    interval = f" ({float(row['psnr_low']):.1f} to {float(row['psnr_high']):.1f})" if row["psnr_low"] else ""
    share = f"; {float(row['success_1e-2']):.2f}" if row["success_1e-2"] else ""
    return f"{float(row['psnr']):.1f} dB{interval}{share}"


def main(sources: Sequence[str] = ()) -> None:
    """Writes the table into the page, between the marks.

    Args:
        sources: nothing, or a results folder of suite training_stage, which is read first.
    """
    for source in sources:
        write(MEASURED, COLUMNS, stage_rows(Path(source)))
    rewrite(PAGE, BEGIN, stage_table(read(MEASURED)))


if __name__ == "__main__":
    main(sys.argv[1:])
