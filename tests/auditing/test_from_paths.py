"""A module and a batch from import paths; most of it is tested by the command (tests/cli/test_audit.py)."""

import sys
from pathlib import Path

import pytest
import torch

from bench.auditing.from_paths import batch_of, module_of
from bench.errors import UserError

PARTS = """
import torch


class Net(torch.nn.Module):
    def __init__(self, width=3):
        super().__init__()
        self.fc = torch.nn.Linear(2, width)
        self.eval()


def batch():
    return {"x": torch.ones(2, 2)}


def late():
    def broken():
        raise OSError("the disk is gone")
        yield
    return broken()
"""


@pytest.fixture(autouse=True)
def _parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "path_parts.py").write_text(PARTS)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.delitem(sys.modules, "path_parts", raising=False)


def test_a_module_is_in_train_mode_with_the_weights_of_a_file(tmp_path: Path) -> None:
    torch.save({"fc.weight": torch.full((3, 2), 7.0), "fc.bias": torch.zeros(3)}, tmp_path / "w.pt")
    found = module_of("path_parts:Net", "w.pt")
    assert found.training and (found.fc.weight == 7).all()


def test_hyperparameters_of_a_checkpoint_build_the_module(tmp_path: Path) -> None:
    state = {"fc.weight": torch.ones(5, 2), "fc.bias": torch.zeros(5)}
    content = {"state_dict": state, "hyper_parameters": {"width": 5, "rate": 0.1}}  # the constructor takes no rate
    torch.save(content, tmp_path / "last.ckpt")
    assert module_of("path_parts:Net", "last.ckpt").fc.weight.shape == (5, 2)


def test_weights_of_another_size_are_refused(tmp_path: Path) -> None:
    torch.save({"fc.weight": torch.ones(5, 2), "fc.bias": torch.zeros(5)}, tmp_path / "w.pt")
    with pytest.raises(UserError, match=r"--checkpoint 'w\.pt' does not fit the model: size mismatch"):
        module_of("path_parts:Net", "w.pt")


def test_a_batch_as_it_is_and_a_loader_that_fails() -> None:
    assert batch_of("path_parts:batch")["x"].shape == (2, 2)
    with pytest.raises(UserError, match="OSError: the disk is gone"):
        batch_of("path_parts:late")
