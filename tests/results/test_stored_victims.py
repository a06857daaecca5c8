"""Cells with one row per victim: what one cell lacks comes from another, and no kind reads the parts of another."""

from pathlib import Path

from label_rows import label_row
from limit_rows import limit_row

from bench.results.store import Store
from bench.results.stored_labels import StoredLabels
from bench.results.stored_limits import StoredLimits

NAMES = {"attack": "yin", "data": "mnist", "model": "lenet", "defense": "none", "threat": "basic"}
CONFIG = {"attack": {}, "data": {"victims": 3, "batch_size": 1}, "model": {}, "seed": 0}


def opened(root: Path, kind: type[StoredLabels] | type[StoredLimits]) -> StoredLabels | StoredLimits:
    return Store(root).cell(kind, "x", "0" * 16, {"labels": NAMES, "config": CONFIG})


def test_a_cell_gains_the_victims_that_it_lacks_and_those_for_which_the_machine_failed(tmp_path: Path) -> None:
    ours, theirs = opened(tmp_path / "ours", StoredLimits), opened(tmp_path / "theirs", StoredLimits)
    lost = dict.fromkeys(("jacobian_rank", "condition", "limit_mse", "bayesian_mse"))
    ours.append([limit_row(0, 1e-3), limit_row(1, status="out_of_memory", reason="no room", **lost)])
    theirs.append([limit_row(0, 2e-3), limit_row(1, 3e-3), limit_row(2, 4e-3)])
    gain = ours.gain(theirs)
    for write in gain.writes:
        write()
    assert gain.units == 2 and [row["limit_mse"] for row in ours.rows()] == [1e-3, 3e-3, 4e-3]


def test_a_part_of_another_kind_is_foreign(tmp_path: Path) -> None:
    labels, limits = opened(tmp_path, StoredLabels), opened(tmp_path, StoredLimits)
    labels.append([label_row(0, 3)])
    (part,) = labels.parts.iterdir()
    (limits.parts / part.name).write_bytes(part.read_bytes())
    assert limits.rows() == [] and limits.foreign() == [part.name] and limits.fault()
    assert labels.fault() is None
