"""What `leakbench status` says of a folder: every cell counted once, and the time left by what the work has cost."""

import json
import time
from pathlib import Path

import own_suites
import pytest

from bench.cli import status
from bench.cli.main import main
from bench.config.compose import compose
from bench.results import plans
from bench.results.store import Store
from bench.results.stored_leak import StoredLeak
from bench.running.cell import run_cell
from bench.storage import lock

LABELS = ("attack", "data", "model", "defense", "threat")


def config(attack, victims=4):
    names = dict.fromkeys(LABELS, "x") | {"attack": attack}
    return {"attack": {"name": attack}, "data": {"victims": victims}, "names": names}


def leaks(configs):
    return [(StoredLeak, config) for config in configs]


def cell_of(root, attack, victims=4, done=0, seconds=2.0, word="converged"):
    """A stored cell of `config(attack, victims)` with its first `done` victims."""
    facts = {"labels": config(attack)["names"], "config": config(attack, victims)}
    cell = Store(root).cell(StoredLeak, attack, plans.config_identity(config(attack)), facts)
    rows = [{"victim": i, "status": word, "batch_size": 1, "seconds": seconds} for i in range(done)]
    samples = [{"victim": i, "position": 0, "sample": i, "label": 0, "label_guess": 0} for i in range(done)]
    cell.append(rows, samples)
    return cell


def states(found):
    return {cell.labels["attack"]: (cell.state, cell.done, cell.wanted) for cell in found.cells}


def test_each_cell_has_one_state(tmp_path: Path) -> None:
    plans.write(tmp_path, "mine", leaks([config(name) for name in ("a", "b", "c", "d", "e", "f")]))
    cell_of(tmp_path, "a", done=4)
    cell_of(tmp_path, "b", done=3)
    cell_of(tmp_path, "c").fail("error", "RuntimeError: no")
    cell_of(tmp_path, "d").fail("not_applicable", "it needs labels")
    running = cell_of(tmp_path, "e", done=1)
    cell_of(tmp_path, "alone", victims=2, done=2)
    with lock.locked(running.folder, pytest.fail):
        found = status.look(tmp_path)
    assert states(found) == {
        "a": ("done", 4, 4),
        "b": ("unfinished", 3, 4),
        "c": ("failed", 0, 4),
        "d": ("not applicable", 0, 4),
        "e": ("running", 1, 4),
        "f": ("missing", 0, 4),
        "alone": ("done", 2, 2),
    }
    reasons = {cell.labels["attack"]: cell.reason for cell in found.cells}
    assert (reasons["c"], reasons["d"]) == ("RuntimeError: no", "it needs labels")
    assert found.count("victims") == (10, 22)  # of cells that can have victims
    assert [cell.labels["attack"] for cell in found.cells] == ["a", "b", "c", "d", "e", "f", "alone"]


def test_victims_that_fell_to_the_machine_are_not_done(tmp_path: Path) -> None:
    cell_of(tmp_path, "a", done=3, word="out_of_memory")
    assert states(status.look(tmp_path)) == {"a": ("unfinished", 0, 4)}


def test_the_time_left_is_work_over_the_speed_at_which_work_is_done(tmp_path: Path, monkeypatch) -> None:
    """Ten seconds after the start two victims of 5 s each are done: 1 s of work a second. Left: 2 of 5 s, 4 of 3 s."""
    old = cell_of(tmp_path, "slow", victims=3, done=3, seconds=3.0)
    assert old.done() == {0, 1, 2}
    began = time.time_ns()
    monkeypatch.setattr(time, "time_ns", lambda: began)
    plans.write(tmp_path, "mine", leaks([config("a"), {**config("slow"), "more": 1}]))
    running = cell_of(tmp_path, "a", done=2, seconds=5.0)
    with lock.locked(running.folder, pytest.fail):
        monkeypatch.setattr(time, "time_ns", lambda: began + 10 * 10**9)
        found = status.look(tmp_path)
    assert found.rate == pytest.approx(0.2)
    assert found.left == pytest.approx(2 * 5.0 + 4 * 3.0)
    assert status.sentence(found).splitlines() == [
        "cells: 1 done, 1 running, 1 missing",
        "victims: 5 of 11, 0.2 per second, about 22 seconds left",
    ]


def test_where_nobody_works_there_is_no_pace(tmp_path: Path) -> None:
    plans.write(tmp_path, "mine", leaks([config("a"), config("b")]))
    cell_of(tmp_path, "a", done=2)
    found = status.look(tmp_path)
    assert found.rate is None and found.left is None
    assert status.sentence(found) == "cells: 1 unfinished, 1 missing\nvictims: 2 of 8"


def test_a_later_plan_of_the_same_suite_takes_the_place_of_the_earlier(tmp_path: Path) -> None:
    plans.write(tmp_path, "mine", leaks([config("a"), config("b")]))
    plans.write(tmp_path, "mine", leaks([config("b", victims=9)]))
    plans.write(tmp_path, "other", leaks([config("c")]))
    (tmp_path / "plans" / "broken.json").write_text("{")
    assert states(status.look(tmp_path)) == {"c": ("missing", 0, 4), "b": ("missing", 0, 9)}


def times(root: Path) -> dict[str, int]:
    """When each file and folder below `root` last changed; not W&B's own log, which its service ends when it likes."""
    found = [path for path in [root, *root.rglob("*")] if not path.name.startswith("core-debug")]
    return {str(path.relative_to(root)): path.lstat().st_mtime_ns for path in found}


@pytest.mark.slow
def test_a_run_that_computes_nothing_writes_nothing(tmp_path: Path) -> None:
    """Not a lock, not a record, no run of W&B, and no probe whether the folder can be written."""
    overrides = ["attack=mean", "data.set=mnist", "data.size=8", "data.victims=2", "metric=mse", "logger=wandb"]
    documents = []
    for _ in range(2):
        documents.append(run_cell(compose([*overrides, f"results={tmp_path / 'r'}"])))
        documents.append(times(tmp_path / "r"))
    assert documents[0] == documents[2]
    assert documents[1] == documents[3]
    assert any("wandb" in name for name in documents[1])


def test_a_suite_leaves_its_plan_and_the_command_tells(tmp_path: Path, capfd) -> None:
    """After a suite all is done, and the same once more changes nothing."""
    text = "grid: [[attack=noise, attack=mean]]\noverrides: [data.set=mnist, data.size=8, metric=mse, logger=none]\n"
    words = [text, f"results={tmp_path / 'out'}", "data.victims=3", "executor.workers=1"]
    assert own_suites.run(*words)[0] == 0
    capfd.readouterr()
    assert main(["status", str(tmp_path / "out"), "--json"]) == 0
    document = json.loads(capfd.readouterr().out)
    assert document["counts"] == {**dict.fromkeys(status.STATES, 0), "done": 2}
    assert document["victims"] == {"done": 6, "wanted": 6}
    assert main(["status", str(tmp_path / "out")]) == 0
    shown = capfd.readouterr().out
    assert "cells: 2 done" in shown and "victims: 6 of 6" in shown and "3 of 3" in shown
    before = times(tmp_path / "out")
    assert own_suites.run(*words)[0] == 0
    before.pop("cells")  # a suite finds out first whether it could write there
    assert {name: time for name, time in times(tmp_path / "out").items() if name != "cells"} == before
