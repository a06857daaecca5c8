"""`leakbench audit`: a module and data named by import paths, from a folder that also has the names that are ours."""

import importlib
import json
import sys
import textwrap
from pathlib import Path

import pytest
import pytorch_lightning as pl
import torch

from bench.cli.completion import complete
from bench.cli.main import main
from bench.host.working_folder import importable

PACKAGE = """
import pytorch_lightning as pl
import torch
from torch.nn import functional


class Model(pl.LightningModule):
    def __init__(self, width):
        super().__init__()
        self.save_hyperparameters()
        self.first, self.last = torch.nn.Linear(36, width), torch.nn.Linear(width, 4)

    def forward(self, images):
        return self.last(self.first(images.flatten(1)).sigmoid())

    def training_step(self, batch, batch_idx):
        loss = functional.cross_entropy(self(batch["image"]), batch["label"])
        self.log("loss", loss)
        return loss

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), 0.1)


class DataModule(pl.LightningDataModule):
    scale = 1.0

    def setup(self, stage):
        self.images = torch.rand(8, 1, 6, 6, generator=torch.Generator().manual_seed(0)) * self.scale

    def train_dataloader(self):
        rows = [{"image": image, "label": place % 4} for place, image in enumerate(self.images)]
        return torch.utils.data.DataLoader(rows, batch_size=4, shuffle=True)


class Bytes(DataModule):
    scale = 255.0


class Halves(DataModule):
    def on_after_batch_transfer(self, batch, dataloader_idx):
        return {**batch, "image": batch["image"] / 2}


class Two(DataModule):
    def train_dataloader(self):
        return {"a": super().train_dataloader(), "b": super().train_dataloader()}


def small():
    return Model(8)


def broken():
    raise RuntimeError("no\\nnet")


def empty():
    return torch.utils.data.DataLoader([])


def number():
    return 3


def loss(output, targets):
    return functional.cross_entropy(output, targets)
"""
QUICK = ["--attack", "dlg", "--budget", "20", "attack.evaluations=5", "metric=mse"]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with the package `audited_pkg`, and with a `configs/` and a `datamodules/` of its own."""
    for name in ("audited_pkg", "configs", "datamodules"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("")
    (tmp_path / "audited_pkg" / "parts.py").write_text(textwrap.dedent(PACKAGE))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])  # the command adds the working folder
    for name in ("audited_pkg", "audited_pkg.parts"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    return tmp_path


def save(project: Path) -> str:
    """A checkpoint as Lightning writes it, after no step."""
    importable()
    parts = importlib.import_module("audited_pkg.parts")
    torch.manual_seed(1)
    quiet = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False, "accelerator": "cpu"}
    trainer = pl.Trainer(max_steps=1, enable_model_summary=False, **quiet)
    trainer.fit(parts.Model(12), parts.DataModule())
    trainer.save_checkpoint(project / "last.ckpt")
    return str(project / "last.ckpt")


@pytest.mark.filterwarnings("ignore")
def test_a_checkpoint_of_a_lightning_module_is_audited_and_shown(project: Path, capfd: pytest.CaptureFixture) -> None:
    words = [
        "audit",
        "audited_pkg.parts:Model",
        "--data",
        "audited_pkg.parts:DataModule",
        "--checkpoint",
        save(project),
    ]
    capfd.readouterr()
    assert main([*words, "--examples", "1", "--budget", "20", "--html", "out/page.html", "--json", "metric=mse"]) == 0
    found = json.loads(capfd.readouterr().out)
    assert found["verdict"] == "LEAKS" and found["setting"]["module"] == "Model"
    assert found["setting"]["parameters"] == 37 * 12 + 13 * 4 and found["setting"]["training"]
    assert "LEAKS" in (project / "out" / "page.html").read_text(encoding="utf-8")


def test_the_same_words_audit_the_same_batch(project: Path, capfd: pytest.CaptureFixture) -> None:
    words = ["audit", "audited_pkg.parts:small", "--data", "audited_pkg.parts:DataModule", "--json", *QUICK]
    found = []
    for more in ([], [], ["seed=1"]):
        assert main([*words, *more]) == 0
        found.append(json.loads(capfd.readouterr().out)["scores"]["mse"])
    assert found[0] == found[1] != found[2] and len(found[0]) == 4


def test_settings_reach_the_audit(project: Path, capfd: pytest.CaptureFixture) -> None:
    words = ["audit", "audited_pkg.parts:small", "--data", "audited_pkg.parts:Bytes", "--json", *QUICK]
    more = ["--range=0,255", "--examples", "2", "defense=gaussian", "defense.std=0.5", "--defenses", "pruning"]
    assert main([*words, *more, "--inputs", "image", "--targets", "label", "--kind", "images"]) == 0
    found = json.loads(capfd.readouterr().out)
    assert found["setting"]["defense"] == "Gaussian (std=0.5)" and found["setting"]["batch_size"] == 2
    assert found["setting"]["defense_known"] and "rmse" in found["scores"]


def test_hooks_of_the_data_module_are_applied(project: Path) -> None:
    """Without them an audit would be of other inputs than the training has."""
    from bench.auditing.from_paths import batch_of

    torch.manual_seed(0)
    whole = batch_of("audited_pkg.parts:DataModule")
    torch.manual_seed(0)
    assert torch.equal(batch_of("audited_pkg.parts:Halves")["image"], whole["image"] / 2)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["audit"], "takes one module and its data"),
        (["audit", "audited_pkg.parts:small"], "takes one module and its data"),
        (["audit", "audited_pkg.parts:small", "x:y", "--data", "audited_pkg.parts:DataModule"], "takes one module"),
        (["audit", "audited_pkg.parts", "--data", "audited_pkg.parts:DataModule"], "want pkg.mod:Name"),
        (["audit", "nowhere:small", "--data", "audited_pkg.parts:DataModule"], "cannot import 'nowhere'"),
        (["audit", "audited_pkg.parts:Model", "--data", "audited_pkg.parts:DataModule"], "a checkpoint of save_hyper"),
        (["audit", "audited_pkg.parts:broken", "--data", "audited_pkg.parts:DataModule"], "RuntimeError: no net"),
        (
            ["audit", "audited_pkg.parts:number", "--data", "audited_pkg.parts:DataModule"],
            "is a int; want an nn.Module",
        ),
        (["audit", "audited_pkg.parts:small", "--data", "audited_pkg.parts:number"], "is a int; want a Lightning"),
        (["audit", "audited_pkg.parts:small", "--data", "audited_pkg.parts:empty"], "the loader holds no batch"),
        (["audit", "audited_pkg.parts:small", "--data", "audited_pkg.parts:Two"], "has 2 loaders"),
        (["audit", "audited_pkg.parts:small", "--data", "audited_pkg.parts:Bytes"], r"beyond [0, 1]: pass range="),
        (["audit", "a:b", "--data", "c:d", "attack=dlg"], "want --attack dlg"),
        (["audit", "a:b", "--data", "c:d", "seed=x"], "seed=x: want a whole number"),
        (["audit", "a:b", "--data", "c:d", "--range", "1"], "--range=0,255"),
        (["audit", "a:b", "--data", "c:d", "--categories", "3,4"], "the first and the last column of each, such as"),
        (
            ["audit", "audited_pkg.parts:small", "--data", "audited_pkg.parts:DataModule", "--categories", "3-5,6-7"],
            "categories= is for rows of a table",
        ),
        (["audit", "a:b", "--data", "c:d", "--mean", "a"], "--mean a: want numbers"),
        (["audit", "a:b", "--data", "c:d", "--examples", "0"], "must be > 0"),
        (["audit", "a:b", "--data", "c:d", "--html", "."], "is a folder"),
        (["audit", "a:b", "--data", "c:d", "--budgt", "3"], "did you mean '--budget'?"),
        (
            ["audit", "audited_pkg.parts:small", "--data", "audited_pkg.parts:DataModule", "--checkpoint", "none.ckpt"],
            "--checkpoint 'none.ckpt': no such file",
        ),
    ],
)
def test_a_mistake_is_one_line_and_writes_nothing(
    project: Path, capfd: pytest.CaptureFixture, words: list[str], says: str
) -> None:
    before = sorted(project.rglob("*.html"))
    assert main([*words, *([] if "--html" in words or len(words) < 3 else ["--html", "page.html"])]) == 2
    said = capfd.readouterr().err.strip()
    assert says in said and said.count("\n") == 0
    assert sorted(project.rglob("*.html")) == before


def test_words_are_completed() -> None:
    assert "audit" in complete(["au"]) and "--checkpoint" in complete(["audit", "--ch"])
    assert "defense=" in complete(["audit", "defe"]) and "defense=gaussian" in complete(["audit", "defense=gau"])
