"""A stranger sees the leaderboard in the files of an offline run, and makes the report of it elsewhere."""

import json
from pathlib import Path
from typing import Any

import page_cells
import pytest
import told_cells
from page_cells import Kind

from bench.cli.main import main
from bench.loggers import told_run, wandb_board
from bench.loggers.offline_run import records
from bench.loggers.wandb import Wandb
from bench.report.page import write
from bench.results import query
from bench.results.row_files import digest, row_files


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("board") / "r"
    for number, (name, node, steps, accuracy) in enumerate(page_cells.DEFENSES[1:3]):
        page_cells.add(root, Kind("dlg", "cifar100", name, steps=steps, node=node), 3 + number, victims=2)
        page_cells.add_training(root, Kind("dlg", "cifar100", name, node=node), 8 + number, accuracy)
    return told_cells.told(root)


def board_of(root: Path) -> told_run.ToldRun:
    (run,) = (run for run in map(told_run.read, told_cells.files(root)) if run.job == "board")
    return run


def artifacts(file: Path) -> list[Any]:
    return [record.artifact for record in records(file.read_bytes()) if record.HasField("artifact")]


def contents(artifact: Any, into: Path) -> Path:
    """Puts the files of an artifact where `wandb artifact get` would put them."""
    for entry in artifact.manifest.contents:
        (into / entry.path).parent.mkdir(parents=True, exist_ok=True)
        (into / entry.path).write_bytes(Path(entry.local_path).read_bytes())
    return into


def test_the_leaderboard_stands_in_the_files_of_the_run(told: Path) -> None:
    folder = board_of(told).file.parent
    (path,) = folder.glob("files/media/table/table/leaderboard_*.table.json")
    table = json.loads(path.read_text())
    rows = [dict(zip(table["columns"], row)) for row in table["data"]]
    by_identity = {row["identity"]: row for row in rows}
    cells = {cell.identity: cell for cell in query.cells(told).cells}
    assert set(by_identity) == set(cells) and "cell" not in table["columns"]
    idlg = next(row for row in rows if row["attack"] == "idlg")
    assert 0 < idlg["mse_low"] < idlg["mse"] < idlg["mse_high"] and idlg["victims"] == 3
    assert all(any(row[key] is not None for row in rows) for key in table["columns"]), "a column is empty"


def test_the_artifact_is_enough_for_the_report_elsewhere(
    told: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (whole,) = (one for one in artifacts(board_of(told).file) if one.type == wandb_board.TYPE)
    assert whole.name == f"results-{told_cells.GROUP}"
    elsewhere = contents(whole, tmp_path / "elsewhere")
    shipped = (elsewhere / "leaderboard.csv").read_text()
    assert (elsewhere / "index.html").stat().st_size > 100_000
    (elsewhere / "leaderboard.csv").unlink()
    assert main(["report", str(elsewhere)]) == 0
    assert (elsewhere / "leaderboard.csv").read_text() == shipped == (told / "leaderboard.csv").read_text()
    assert "idlg" in capfd.readouterr().out and not list(elsewhere.rglob("*.safetensors"))


def test_the_lineage_names_the_artifacts_of_the_cells_and_their_digests(told: Path) -> None:
    (whole,) = (one for one in artifacts(board_of(told).file) if one.type == wandb_board.TYPE)
    lineage = dict(line.split(" sha256:") for line in json.loads(whole.metadata)["made_from"])
    of_cells = {}
    for file in told_cells.files(told):
        of_cells |= {one.name: json.loads(one.metadata)["sha256"] for one in artifacts(file) if "rows" in one.type}
    assert len(of_cells) == 4 and of_cells.items() <= lineage.items()
    for cell in query.cells(told).cells:
        assert lineage[f"rows-{cell.identity}"] == digest(row_files(cell, private=True))


def test_what_defences_cost_is_a_table_of_its_own(told: Path) -> None:
    (path,) = board_of(told).file.parent.glob("files/media/table/table/tradeoff_*.table.json")
    table = json.loads(path.read_text())
    rows = {row["defense"]: row for row in (dict(zip(table["columns"], row)) for row in table["data"])}
    assert set(rows) == {"gaussian std 0.01", "gaussian std 0.1"}
    strong, weak = rows["gaussian std 0.1"], rows["gaussian std 0.01"]
    assert strong["accuracy"] == pytest.approx(0.61, abs=1e-3) and strong["leak"] < weak["leak"]


@pytest.mark.slow
def test_a_board_is_told_again_only_if_rows_have_changed(tmp_path: Path) -> None:
    def boards() -> int:
        Wandb("offline", "leakbench", None, pictures=True).board(tmp_path, "s", write(tmp_path))
        return len(told_cells.files(tmp_path))

    page_cells.add(tmp_path, Kind("idlg", "mnist"), 1, victims=2)
    first = wandb_board.identity(tmp_path, "s")
    assert [boards(), boards()] == [1, 1]
    page_cells.add(tmp_path, Kind("idlg", "mnist"), 1, victims=3)
    assert wandb_board.identity(tmp_path, "s") == first and boards() == 2
    page_cells.add(tmp_path, Kind("dlg", "mnist"), 2, victims=2)
    assert wandb_board.identity(tmp_path, "s") != first != wandb_board.identity(tmp_path, "t")
