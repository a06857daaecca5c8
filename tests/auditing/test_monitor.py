"""A callback audits a training, and the training is that without it, bit for bit."""

import csv
import random
import subprocess
import sys
import textwrap
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pytorch_lightning as pl
import torch
from monitored import QUICK, Leaking, Trained, assert_equal, fitted
from torch import nn

import bench
from bench.auditing.monitor import LeakFound
from bench.errors import UserError

pytestmark = pytest.mark.filterwarnings("ignore:.*does not have many workers", "ignore:.*isinstance.treespec")


def logged(folder: Path) -> list[dict[str, str]]:
    """The rows of the CSV logger that hold an audit, without what is empty."""
    rows = list(csv.DictReader((folder / "metrics.csv").open()))
    return [{key: value for key, value in row.items() if value} for row in rows if row.get("leak/verdict")]


def everything(net: nn.Module, trainer: pl.Trainer) -> dict[str, Any]:
    """What a training leaves behind, and what the next draw of each generator is."""
    (optimizer,) = trainer.optimizers
    return {
        "weights and buffers": {name: value.clone() for name, value in net.state_dict().items()},
        "optimiser": optimizer.state_dict(),
        "gradients": {name: value.grad for name, value in net.named_parameters()},
        "requires_grad": {name: value.requires_grad for name, value in net.named_parameters()},
        "modes": {name: module.training for name, module in net.named_modules()},
        "torch": torch.get_rng_state(),
        "numpy": np.random.get_state(),
        "python": random.getstate(),
        "threads": torch.get_num_threads(),
    }


def test_a_training_is_that_without_it_bit_for_bit(tmp_path: Path) -> None:
    plain = everything(*fitted(tmp_path / "plain"))
    monitor = bench.LeakageMonitor(**QUICK)
    with warnings.catch_warnings():
        warnings.filterwarnings("error", "leakbench")  # nothing is said of a training that does not leak
        net, trainer = fitted(tmp_path / "watched", monitor)
    assert_equal(plain, everything(net, trainer))
    assert len(logged(tmp_path / "watched")) == 2 and monitor.report.effort.seconds > 0
    losses = [
        [row["loss"] for row in csv.DictReader((tmp_path / name / "metrics.csv").open()) if row["loss"]]
        for name in ("plain", "watched")
    ]
    assert losses[0] == losses[1] and len(losses[0]) == 4


def test_what_it_found_is_in_the_log_of_the_trainer(tmp_path: Path) -> None:
    monitor = bench.LeakageMonitor(examples=1, overrides=("metric=mse",))
    with pytest.warns(
        UserWarning, match=r"epoch 0 LEAKS: 1 of 1 image was recovered .* \(the first 1 of a batch of 4\)"
    ):
        fitted(tmp_path, monitor, module=Leaking)
    first, second = logged(tmp_path)
    assert float(first["leak/verdict"]) == 2 and float(first["leak/recovered"]) == 1
    assert float(first["leak/targets"]) == 1 and float(first["leak/rank_share"]) == 1
    assert float(second["leak/mse"]) == pytest.approx(float(monitor.report.mse.mean()), rel=1e-4)
    assert [int(row["step"]) for row in (first, second)] == [0, 2] and float(second["epoch"]) == 1
    assert float(first["leak/seconds"]) + float(second["leak/seconds"]) == pytest.approx(monitor.seconds)


def test_every_second_epoch_is_audited(tmp_path: Path) -> None:
    fitted(tmp_path, bench.LeakageMonitor(every_n_epochs=2, on_leak=None, **QUICK), max_epochs=4)
    assert [int(row["step"]) for row in logged(tmp_path)] == [0, 4]


def test_a_training_that_leaks_ends_before_its_step(tmp_path: Path) -> None:
    monitor = bench.LeakageMonitor(examples=1, on_leak="raise", overrides=("metric=mse",))
    pl.seed_everything(0, verbose=False)
    start = Leaking().state_dict()
    with pytest.raises(LeakFound, match="epoch 0 LEAKS") as found:
        fitted(tmp_path, monitor, module=Leaking)
    assert "\n" not in str(found.value)
    shared = monitor.report.truth
    assert shared.shape == (1, 1, 6, 6) and all(torch.equal(value, start[name]) for name, value in start.items())


@pytest.mark.parametrize("asked", [True, False])
def test_pictures_are_written_only_if_they_are_asked_for(tmp_path: Path, asked: bool) -> None:
    from PIL import Image

    monitor = bench.LeakageMonitor(examples=2, on_leak=None, pictures=asked, **QUICK)
    fitted(tmp_path, monitor, max_epochs=1)
    assert ([path.name for path in tmp_path.rglob("*.png")] == ["step-0.png"]) is asked
    if asked:
        shown = np.asarray(Image.open(tmp_path / "leak" / "step-0.png"))
        assert shown.shape == (12, 12)  # truths above reconstructions
        truth = monitor.report.truth[:, 0].numpy()
        np.testing.assert_array_equal(shown[:6], np.round(np.concatenate(list(truth), 1) * 255))


@pytest.mark.parametrize("asked", [True, False])
def test_pictures_are_in_the_files_of_a_run_of_wandb(
    tmp_path: Path, asked: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """W&B itself, without a network; the run is read from its file."""
    from PIL import Image
    from pytorch_lightning.loggers import WandbLogger

    from bench.loggers.offline_run import settled_fault
    from bench.loggers.told_run import read

    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_SILENT", "true")
    logger = WandbLogger(project="audits", save_dir=tmp_path, offline=True)
    monitor = bench.LeakageMonitor(examples=2, on_leak=None, pictures=asked, **QUICK)
    fitted(tmp_path, monitor, max_epochs=1, logger=logger)
    logger.experiment.finish()
    (file,) = tmp_path.rglob("run-*.wandb")
    assert settled_fault(file) is None
    told = read(file)
    (audit,) = [step for step in told.history if "leak/verdict" in step]
    assert audit["leak/mse"] == pytest.approx(float(monitor.report.mse.mean()), rel=1e-6)
    if not asked:
        assert "leak/pictures" not in told.keys and not list(tmp_path.rglob("*.png"))
        return
    (shown,) = [step["leak/pictures"] for step in told.history if "leak/pictures" in step]
    (name,) = shown["filenames"]
    whole = np.asarray(Image.open(file.parent / "files" / name))
    truth = np.round(np.concatenate(list(monitor.report.truth[:, 0].numpy()), 1) * 255)
    np.testing.assert_array_equal(whole.reshape(12, 12, -1)[:6, :, 0], truth)


def test_a_first_audit_that_is_refused_ends_the_fit_and_a_later_one_does_not(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no attack 'dgl'"):
        fitted(tmp_path / "a", bench.LeakageMonitor(attack="dgl"))

    class Diverging(Trained):
        def on_train_epoch_end(self) -> None:
            with torch.no_grad():
                self.head.weight.fill_(torch.nan)

    with pytest.warns(UserWarning, match="epoch 1 was not audited: .*NaN"):
        _, trainer = fitted(tmp_path / "b", bench.LeakageMonitor(on_leak=None, **QUICK), module=Diverging)
    assert trainer.current_epoch == 2 and len(logged(tmp_path / "b")) == 1


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"every_n_epochs": 0}, "every_n_epochs=0"),
        ({"examples": 0}, "examples=0"),
        ({"budget": 0}, "budget=0"),
        ({"on_leak": "stop"}, "'warn', 'raise' or None"),
        ({"atack": "dlg"}, "did you mean 'attack'"),
        ({"module": None}, "no argument 'module'"),
    ],
)
def test_wrong_arguments_are_named(arguments: dict[str, Any], says: str) -> None:
    with pytest.raises(UserError, match=says):
        bench.LeakageMonitor(**arguments)


def test_batch_norm_that_waits_for_other_processes_is_audited_alone() -> None:
    """On a CPU a SyncBatchNorm refuses to compute at all."""
    net = nn.SyncBatchNorm.convert_sync_batchnorm(Trained().net)
    net.append(nn.Linear(144, 4))
    batch = torch.rand(2, 1, 6, 6), torch.tensor([1, 3])
    found = bench.audit(net, batch, loss=nn.functional.cross_entropy, **QUICK)
    assert found.evaluations == 5 and isinstance(net[1], nn.SyncBatchNorm)


SCRIPT = """
import sys, warnings
sys.path.insert(0, {tests!r})
import torch, bench
from monitored import QUICK, Leaking, Trained, assert_equal, fitted

kind, folder = sys.argv[1:]
warnings.simplefilter("ignore")
torch.set_num_threads(1)
monitors = {{"plain": [], "watched": [bench.LeakageMonitor(on_leak=None, **QUICK)],
            "ended": [bench.LeakageMonitor(examples=1, on_leak="raise", overrides=("metric=mse",))]}}[kind]
module = Leaking if kind == "ended" else Trained
net, trainer = fitted(folder, *monitors, module=module, strategy="ddp", devices=2)
torch.save(net.state_dict(), f"{{folder}}/{{trainer.global_rank}}.pt")
"""


@pytest.mark.slow
def test_two_processes_train_as_without_it_and_end_together(tmp_path: Path) -> None:
    """Rank zero audits while rank one waits in the training's own collective call."""
    script = tmp_path / "train.py"
    script.write_text(textwrap.dedent(SCRIPT).format(tests=str(Path(__file__).resolve().parents[1])))

    def run(kind: str) -> subprocess.CompletedProcess[str]:
        (tmp_path / kind).mkdir()
        words = [sys.executable, str(script), kind, str(tmp_path / kind)]
        return subprocess.run(words, capture_output=True, text=True, timeout=240, check=False)

    for kind in ("plain", "watched"):
        done = run(kind)
        assert done.returncode == 0, done.stderr
    weights = {
        (kind, rank): torch.load(tmp_path / kind / f"{rank}.pt") for kind in ("plain", "watched") for rank in (0, 1)
    }
    for rank in (0, 1):
        assert_equal(weights["plain", rank], weights["watched", rank])
    assert len(logged(tmp_path / "watched")) == 2
    done = run("ended")
    assert done.returncode != 0 and "LeakFound: leakbench: epoch 0 LEAKS" in done.stderr
