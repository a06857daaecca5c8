"""Each finished cell is told of once: not lost on a full disk, not repeated, and not mixed up with a failed one."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from processes import Leakbench

from bench.attacks.controls import Noise
from bench.config.compose import compose
from bench.errors import Unwritable
from bench.results import query
from bench.running import telling
from bench.running.cell import run_cell

SMALL = ["attack=noise", "data=samples", "data.set=mnist", "metric=mse", "engine.compile=false", "report.images=4"]
SMALL += ["engine.threads=1", "trainer=cpu"]


def files(root: Path) -> dict:
    """Times and sizes of all files but wandb-core's own log, whose last lines it writes after the run has ended."""
    late = ("debug-core.log", "core-debug-")
    found = (path for path in root.rglob("*") if path.is_file() and not path.name.startswith(late))
    return {path: (path.stat().st_mtime_ns, path.stat().st_size) for path in found}


def told(root: Path) -> list[set]:
    """The counts of victims in the summary of each offline run that has one, by W&B's own reader; oldest first."""
    found = []
    for file in sorted(root.glob("wandb/offline-run-*/*.wandb")):
        command = [sys.executable, "-m", "wandb", "leet", "inspect", "--json", str(file)]
        lines = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False).stdout.splitlines()
        updates = [record["summary"]["update"] for record in map(json.loads, lines) if record["type"] == "summary"]
        found.append({update["count/victims"] for update in updates if "count/victims" in update})
    return found


@pytest.mark.slow
def test_a_telling_that_was_cut_short_is_made_up_for_once(tmp_path: Path) -> None:
    """Told again where the mark is left; a cell that was told of is left alone, and so is one without a logger."""
    words = [*SMALL, "data.victims=2", "logger=csv", f"results={tmp_path}"]
    versions = tmp_path.glob
    run_cell(compose(words))
    (cell,) = query.cells(tmp_path).cells
    mark = cell.folder / telling.NAME
    assert len(list(versions("csv/*/version_*/metrics.csv"))) == 1 and not mark.exists()
    mark.touch()
    run_cell(compose(words))
    first, second = sorted(versions("csv/*/version_*/metrics.csv"))
    assert first.read_text() == second.read_text() and not mark.exists()
    before = files(tmp_path)
    run_cell(compose(words))
    assert files(tmp_path) == before
    mark.touch()
    run_cell(compose([*words, "logger=none"]))
    assert mark.exists() and len(list(versions("csv/*/version_*/metrics.csv"))) == 2


def test_a_link_in_the_place_of_the_mark_is_not_followed(tmp_path: Path) -> None:
    """The folder may be shared with others: what the link names is neither made nor changed."""
    words = [*SMALL, "logger=csv", f"results={tmp_path / 'results'}"]
    run_cell(compose([*words, "data.victims=1"]))
    (cell,) = query.cells(tmp_path / "results").cells
    (cell.folder / telling.NAME).symlink_to(tmp_path / "theirs")
    with pytest.raises(Unwritable, match="cannot write"):
        run_cell(compose([*words, "data.victims=2"]))
    assert not (tmp_path / "theirs").exists()


@pytest.mark.slow
def test_a_logger_that_cannot_write_is_one_line_before_any_work_and_is_told_later(tmp_path: Path) -> None:
    words = [*SMALL, "data.victims=2", "logger=csv", f"results={tmp_path}"]
    (tmp_path / "csv").write_text("a file, and no folder")
    with pytest.raises(Unwritable, match=r"cannot write .*csv.*results=DIR"):
        run_cell(compose(words))
    (cell,) = query.cells(tmp_path).cells
    assert cell.done() == set()
    (tmp_path / "csv").unlink()
    run_cell(compose(words))
    assert len(list(tmp_path.glob("csv/*/version_*/metrics.csv"))) == 1
    assert not (cell.folder / telling.NAME).exists()


@pytest.mark.slow
def test_the_cell_after_one_that_failed_has_a_run_of_its_own(tmp_path: Path, monkeypatch) -> None:
    """Lightning's logger goes on in whatever run is open."""
    words = [*SMALL, "data.victims=1", "logger=wandb", f"results={tmp_path}"]
    with monkeypatch.context() as patched:
        patched.setattr(Noise, "reconstruct", lambda self, seen, seed: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            run_cell(compose(words))
    run_cell(compose([*words, "seed=1"]))
    cells = {cell.facts["config"]["seed"]: cell.identity for cell in query.cells(tmp_path).cells}
    assert len(list(tmp_path.glob(f"wandb/offline-run-*/run-{cells[1]}.wandb"))) == 1
    assert sorted(told(tmp_path), key=len) == [set(), {1}]  # in the order of their names, which are identities


@pytest.mark.slow
@pytest.mark.parametrize(("victims", "room"), [(200, 11_000), (4, 6_000)])
def test_a_full_disk_is_one_line_and_the_same_command_tells_when_there_is_room(tmp_path, victims, room) -> None:
    """No file may grow beyond `room`: of 200 victims the table does not fit, which this process writes; of 4 the run's
    own file does not, which wandb-core writes, in silence.
    """
    words = ["run", *SMALL, f"data.victims={victims}", f"results={tmp_path / 'r'}"]

    def leakbench(*more, **how):
        # a wandb-core that an earlier test of this process has started would write the file without the limit
        own = {name: None for name in os.environ if name.startswith("WANDB_")}
        process = Leakbench([*words, *more], tmp_path / "log", own, **how)
        return process.wait(), process.err

    assert leakbench("logger=none")[0] == 0  # the victims, which take more room
    (cell,) = query.cells(tmp_path / "r").cells
    (cell.folder / telling.NAME).touch()
    code, err = leakbench(file_size=room)
    assert code == 2, err
    assert err.splitlines()[-1].startswith(f"leakbench: cannot write {tmp_path / 'r' / 'wandb'}")
    assert "make room and give the same command again" in err and "Traceback" not in err
    assert cell.done() == set(range(victims)) and (cell.folder / telling.NAME).exists()
    assert leakbench()[0] == 0
    assert told(tmp_path / "r")[-1] == {victims} and not (cell.folder / telling.NAME).exists()
    before = files(tmp_path / "r")
    assert leakbench()[0] == 0
    assert files(tmp_path / "r") == before
