"""What `leakbench status` prints: the states first, only what differs between cells, and the failures alone."""

import json
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from bench.cli import status
from bench.cli.cell_states import CellStatus, ResultsStatus
from bench.cli.main import main
from bench.results import plans, verification
from bench.results.store import Store
from bench.results.stored_leak import StoredLeak

LABELS = {"attack": "dlg", "data": "samples-mnist", "model": "lenet", "defense": "none", "threat": "basic"}


def config(seed: int, batch_size: int = 1) -> dict:
    return {"attack": {}, "data": {"victims": 4, "batch_size": batch_size}, "names": LABELS, "seed": seed}


def stored(root: Path, seed: int, batch_size: int = 1) -> StoredLeak:
    facts = {"labels": LABELS, "config": config(seed, batch_size)}
    return Store(root).cell(StoredLeak, "dlg", plans.config_identity(config(seed, batch_size)), facts)


def drawn(cells: list[CellStatus]) -> list[str]:
    """The lines of the table."""
    console = Console(file=StringIO(), width=200)
    console.print(status.table(ResultsStatus("r", cells, None, None, [])))
    return console.file.getvalue().splitlines()


def cell(state: str = "done", reason: str = "", **changed: str) -> CellStatus:
    labels = {**LABELS, **changed}
    return CellStatus("leak", "victims", labels, {"batch size": 1, "seed": 0}, state, 4, 4, reason)


def test_the_states_come_first_and_the_cells_of_a_sweep_can_be_told_apart(tmp_path: Path, capfd) -> None:
    for seed in (0, 1):
        stored(tmp_path, seed)
    assert main(["status", str(tmp_path)]) == 0
    out = capfd.readouterr().out
    lines = out.splitlines()
    assert lines[0] == "cells: 2 unfinished"
    assert "in all cells: attack dlg, data samples-mnist, model lenet, defense none" in out
    (head,) = [line for line in lines if "state" in line and "┃" in line]
    assert [word.strip() for word in head.strip("┃").split("┃")] == ["state", "units", "seed"]


def test_failed_shows_only_what_failed_with_the_reason(tmp_path: Path, capfd) -> None:
    stored(tmp_path, 0)
    stored(tmp_path, 1, batch_size=2).fail("error", "RuntimeError: no such luck")
    assert main(["status", str(tmp_path), "--failed"]) == 0
    out = capfd.readouterr().out
    assert out.splitlines() == [
        "cells: 1 failed, 1 unfinished",
        "victims: 0 of 8",
        "dlg on samples-mnist (batch size 2, seed 1), 0 of 4 victims: RuntimeError: no such luck",
    ]
    assert main(["status", str(tmp_path), "--failed", "--json"]) == 0
    (only,) = json.loads(capfd.readouterr().out)["cells"]
    assert (only["state"], only["settings"]) == ("failed", {"batch size": 2, "seed": 1})


def test_failed_says_so_if_nothing_failed(tmp_path: Path, capfd) -> None:
    stored(tmp_path, 0)
    assert main(["status", str(tmp_path), "--failed"]) == 0
    assert capfd.readouterr().out.splitlines()[-1] == "no cell has failed"


@pytest.mark.parametrize(
    ("cells", "columns"),
    [
        ([cell()], ["attack", "data", "model", "defense"]),
        ([cell(), cell(attack="idlg")], ["attack"]),
        ([cell(defense="none"), cell(defense="gaussian", data="lfw")], ["data", "defense"]),
        ([cell(), CellStatus("leak", "victims", LABELS, {}, "missing", 0, 4)], ["attack", "data"]),
    ],
)
def test_only_what_differs_has_a_column(cells: list[CellStatus], columns: list[str]) -> None:
    assert status.differing(ResultsStatus("r", cells, None, None, [])) == columns
    assert len(drawn(cells)) >= 5


def test_where_rows_come_from_has_a_column_once_they_came_with_an_entry(tmp_path: Path, capfd) -> None:
    theirs = stored(tmp_path, 0)
    assert main(["status", str(tmp_path)]) == 0
    assert "origin" not in capfd.readouterr().out
    origin = {"at": "2026-01-01T00:00:00+00:00", "file": "entry.zip", "sha256": "0"}
    verification.write(theirs.folder, verification.arrived(verification.read(theirs.folder), origin))
    stored(tmp_path, 1)
    assert main(["status", str(tmp_path)]) == 0
    lines = capfd.readouterr().out.splitlines()
    (head,) = [line for line in lines if "state" in line and "┃" in line]
    assert [word.strip() for word in head.strip("┃").split("┃")] == ["state", "units", "seed", "origin"]
    assert sum("claimed" in line for line in lines) == 1
    assert main(["status", str(tmp_path), "--json"]) == 0
    assert sorted(cell["origin"] for cell in json.loads(capfd.readouterr().out)["cells"]) == ["", "claimed"]


def test_an_unknown_option_is_refused(capfd) -> None:
    assert main(["status", "--faild"]) == 2
    assert "no option '--faild'; did you mean '--failed'? (leakbench status --help)" in capfd.readouterr().err
