"""A user's own `datamodules/` and `configs/`, as every Lightning template has them, disturb nobody."""

import os
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.slow

CELL = ["data=samples", "data.set=mnist", "data.victims=1", "metric=mse", "logger=none", "engine.compile=false"]
NET = """
from torch import nn
from datamodules import MINE
from configs import ALSO_MINE


class Net(nn.Module):
    def __init__(self, shape, classes):
        super().__init__()
        self.fc = nn.Linear(shape[0] * shape[1] * shape[2], classes)

    def forward(self, x):
        return self.fc(x.flatten(1)).sigmoid()
"""
AUDIT = """
import torch
import bench

net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 4))
image, label = torch.rand(1, 1, 8, 8, generator=torch.Generator().manual_seed(0)), torch.tensor([2])
found = bench.audit(net, torch.nn.functional.cross_entropy, (image, label), overrides=("attack.evaluations=50",))
loss = torch.nn.functional.cross_entropy
assert bench.audit(net, (image, label), loss=loss).verdict.value == "LEAKS"
names, weights = zip(*net.named_parameters())
gradients = dict(zip(names, torch.autograd.grad(loss(net(image), label), weights)))
assert bench.audit_update(net, gradients, (image, label), loss=loss).leaks
from datamodules import MINE
from configs import ALSO_MINE
assert found.leaks and MINE == ALSO_MINE == 1
"""
COMMAND = "import sys; from bench.cli.main import main; sys.exit(main(sys.argv[1:]))"


@pytest.fixture(params=["packages", "plain folders"])
def project(request, tmp_path: Path) -> Path:
    """A folder with the names that are ours: with an `__init__.py`, or as namespace packages with one module each."""
    for name, constant in (("datamodules", "MINE"), ("configs", "ALSO_MINE")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text(f"{constant} = 1\n")
    (tmp_path / "net.py").write_text(textwrap.dedent(NET))
    if request.param == "plain folders":
        for name in ("datamodules", "configs"):
            (tmp_path / name / "__init__.py").rename(tmp_path / name / "base.py")
        net = (tmp_path / "net.py").read_text()
        (tmp_path / "net.py").write_text(net.replace("datamodules import", "datamodules.base import"))
        net = (tmp_path / "net.py").read_text()
        (tmp_path / "net.py").write_text(net.replace("configs import", "configs.base import"))
        (tmp_path / "bench").mkdir()  # a folder that is no package does not stand in front of one that is
        (tmp_path / "bench" / "speed.py").write_text("raise SystemExit('the decoy')\n")
    return tmp_path


@pytest.fixture(scope="module")
def installed(tmp_path_factory) -> str:
    """A path of imports as users have it: the wheel's content, then what it needs. No checkout, which shows its own
    `datamodules/` to everybody.
    """
    copy, folder = tmp_path_factory.mktemp("source") / "leakbench", tmp_path_factory.mktemp("installed")
    for name in ("bench", "configs", "datamodules"):
        shutil.copytree(ROOT / name, copy / name, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("setup.cfg", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, copy)
    quiet = ["--quiet", "--disable-pip-version-check", "--no-deps", "--no-build-isolation", "--no-index"]
    subprocess.run([sys.executable, "-m", "pip", "install", *quiet, "--target", str(folder), str(copy)], check=True)
    assert {path.name for path in folder.iterdir() if path.is_dir()} - {"bin"} == {"bench", *folder_names(folder)}
    needed = [path for path in sys.path if path and Path(path).name == "site-packages"]
    return os.pathsep.join([str(folder), *needed])


def folder_names(folder: Path) -> set[str]:
    """What pip writes beside a package."""
    return {path.name for path in folder.glob("*.dist-info")}


@pytest.fixture
def python(project: Path, installed: str):
    """Runs `python WORDS` in the project; `-S` leaves the links to a checkout out that an editable installation has."""

    def run(*words: str) -> None:
        environment = {**os.environ, "PYTHONPATH": installed}
        done = subprocess.run(
            [sys.executable, "-S", *words], cwd=project, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr

    return run


def test_a_script_beside_them_audits(project: Path, python) -> None:
    plain = not (project / "datamodules" / "__init__.py").exists()
    script = AUDIT.replace("datamodules import", "datamodules.base import") if plain else AUDIT
    (project / "script.py").write_text(script.replace("configs import", "configs.base import") if plain else script)
    python("script.py")


MONITOR = """
import pytorch_lightning as pl
import torch
import bench


class Net(pl.LightningModule):
    def __init__(self):
        super().__init__()
        self.fc = torch.nn.Linear(64, 4)

    def training_step(self, batch, batch_idx):
        return torch.nn.functional.cross_entropy(self.fc(batch[0].flatten(1)), batch[1])

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), 0.1)


def loader():
    images = torch.rand(2, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    return torch.utils.data.DataLoader(torch.utils.data.TensorDataset(images, torch.tensor([2, 1])), batch_size=2)


if __name__ == "__main__":
    monitor = bench.LeakageMonitor(examples=1, on_leak=None)
    quiet = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False, "accelerator": "cpu"}
    pl.Trainer(max_epochs=1, callbacks=[monitor], **quiet).fit(Net(), loader())
    assert monitor.report.leaks
    monitor.report.to_html("page.html")
    from datamodules import MINE
    from configs import ALSO_MINE
    assert MINE == ALSO_MINE == 1
"""


def test_a_training_beside_them_is_audited(project: Path, python) -> None:
    plain = not (project / "datamodules" / "__init__.py").exists()
    script = MONITOR.replace("datamodules import", "datamodules.base import") if plain else MONITOR
    (project / "trained.py").write_text(script.replace("configs import", "configs.base import") if plain else script)
    python("trained.py")
    assert "LEAKS" in (project / "page.html").read_text(encoding="utf-8")
    words = ["trained:Net", "--data", "trained:loader", "--examples", "1", "--html", "shell.html"]
    python("-c", COMMAND, "audit", *words)
    assert "LEAKS" in (project / "shell.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("words", [["attack=noise"], ["attack=noise", "model=custom", "model.target=net:Net"]])
def test_the_command_runs_beside_them(python, words: list[str]) -> None:
    python("-c", COMMAND, "run", *CELL, *words, "results=out")
