"""What any logger tells: flat figures of a summary, curves by iteration, and a folder that cannot be written."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from bench.config.compose import compose
from bench.errors import Unwritable
from bench.loggers.base import Run, curves, scores
from bench.loggers.csv import Csv
from bench.results.store import UnitCurve
from bench.running.cell import run_cell


def test_figures_of_a_summary_are_flat_and_nothing_but_numbers() -> None:
    summary = {
        "mse": {"mean": 0.25, "low": 0.1},
        "lpips": {"mean": None},
        "psnr": None,
        "victims": 4,
        "leaks": True,
        "reasons": {"lpips": "no weights"},
        "other": {"mine": {"mean": 7}, "note": "words"},
        "success_rate": {"1e-2": {"mean": 0.5}, "1e-3": None},
    }
    assert scores(summary) == {"mse": 0.25, "victims": 4, "mine": 7, "success_rate/1e-2": 0.5}
    assert scores({"exact_match": {"mean": 1.0}, "success_rate": None}) == {"exact_match": 1.0}


def test_curves_of_all_units_are_in_order_of_their_iterations() -> None:
    stored = [UnitCurve("objective/a", [(0, 1.0), (5, 0.5)]), UnitCurve("objective/b", [(0, 3.0), (2, 2.0)])]
    found = curves(SimpleNamespace(curves=lambda: stored))
    assert found == [
        (0, {"objective/a": 1.0, "objective/b": 3.0}),
        (2, {"objective/b": 2.0}),
        (5, {"objective/a": 0.5}),
    ]


def test_a_folder_that_cannot_be_made_is_said_before_the_work(tmp_path: Path) -> None:
    (tmp_path / "csv").write_text("a file stands where the folder would be")
    with pytest.raises(Unwritable) as caught:
        Csv().open(Run(tmp_path, "idlg", "0" * 16, None, {}))
    assert "csv" in str(caught.value) and "\n" not in str(caught.value)


def test_no_logger_leaves_nothing_beside_the_cells(tmp_path: Path) -> None:
    run_cell(compose(["logger=none", "attack=noise", "metric=mse", "data.victims=1", f"results={tmp_path}"]))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cells"]
