"""Where things lie on one machine stays there: a record, a W&B run and a plan can be given to others."""

import json
import re
from pathlib import Path

import torch
from omegaconf import OmegaConf

from bench.cli.status import look
from bench.config.compose import compose
from bench.models.lenet import LeNet
from bench.results import plans, query
from bench.results.stored_leak import StoredLeak
from bench.running.cell import run_cell


def cell_at(home: Path) -> StoredLeak:
    """A real cell whose config names a results folder, a cache and a checkpoint, all of them below `home`."""
    folder = home / ("a" * 120) / ("b" * 120)
    folder.mkdir(parents=True)
    torch.manual_seed(0)
    model = LeNet(12, [2, 2, 1], "sigmoid", 0.5, None, None, shape=(1, 28, 28), classes=10)
    torch.save(model.state_dict(), folder / "best.pt")
    overrides = [f"results={home / 'out'}", "model.per_victim=false", f"model.checkpoint={folder / 'best.pt'}"]
    cfg = compose(["attack=mean", "data.set=mnist", "data.victims=2", "metric=mse", *overrides])
    run_cell(cfg)
    plans.write(home / "out", "mine", [(StoredLeak, OmegaConf.to_container(cfg, resolve=True))])
    (cell,) = query.cells(home / "out").cells
    return cell


def test_no_folder_of_this_machine_is_on_record_and_none_makes_another_cell(tmp_path, monkeypatch) -> None:
    """The same work in two homes: one identity, the same record but for its time, and no path in any document."""
    records = []
    for name in ("jo", "kim"):
        home = tmp_path / name
        monkeypatch.setenv("LEAKBENCH_CACHE", str(home / "cache"))
        cell = cell_at(home)
        record = json.loads((cell.folder / "cell.json").read_text())
        assert record["facts"]["config"]["model"]["checkpoint"] == "best.pt"
        assert record["facts"]["labels"]["model"] == "lenet (per_victim=false, checkpoint=best.pt)"
        for path in home.glob("out/*/**/*.json"):
            if "wandb" not in path.parts:
                assert str(tmp_path) not in path.read_text(), path
        # the plan finds its cell, whose name fits a file system in spite of the path
        assert [(one.state, one.done) for one in look(home / "out").cells] == [("done", 2)]
        (run,) = home.glob("out/wandb/offline-run-*/*.wandb")
        places = set(re.findall(rb"%s/[\w/.-]*" % str(tmp_path).encode(), run.read_bytes()))
        # pictures wait there for a sync, which finds them by their path; it is not sent
        assert all(place.startswith(f"{home}/out/wandb/data/artifacts/staging/".encode()) for place in places)
        record.pop("created")
        records.append((cell.folder.name, record))
    assert records[0] == records[1]
