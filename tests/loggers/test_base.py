"""What loggers have in common: what they call a cell, a folder that cannot be written, and one process that tells."""

from pathlib import Path

import page_cells
import pytest
from page_cells import Kind

from bench.config.compose import compose
from bench.errors import Unwritable
from bench.loggers.base import Run, run_of
from bench.loggers.csv import Csv
from bench.running.cell import run_cell


def test_a_folder_that_cannot_be_made_is_said_before_the_work(tmp_path: Path) -> None:
    (tmp_path / "csv").write_text("a file stands where the folder would be")
    with pytest.raises(Unwritable) as caught:
        Csv(pictures=True).open(Run(tmp_path, "idlg", "0" * 16, None, {}))
    assert "csv" in str(caught.value) and "\n" not in str(caught.value)


def test_no_logger_leaves_nothing_beside_the_cells(tmp_path: Path) -> None:
    run_cell(compose(["logger=none", "attack=noise", "metric=mse", "data.victims=1", f"results={tmp_path}"]))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cells"]


def test_a_cell_is_called_by_its_folder_and_its_identity(tmp_path: Path) -> None:
    cell = page_cells.add(tmp_path, Kind("idlg", "mnist"), 7, victims=1)
    found = run_of(cell, tmp_path, "quick")
    assert (found.name, found.identity, found.group, found.kind) == (cell.folder.name, f"{7:016x}", "quick", "leak")
    assert found.labels["attack"] == "idlg" and found.config["data"]["victims"] == 1
