"""Weights from files, and what is wrong with a bad one."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from bench.errors import UserError
from bench.models.checkpoint import load


def test_both_formats_give_the_same_weights(tmp_path: Path) -> None:
    source = nn.Linear(3, 2)
    save_file(source.state_dict(), tmp_path / "a.safetensors")
    torch.save(source.state_dict(), tmp_path / "b.pt")
    torch.save({"state_dict": source.state_dict(), "epoch": 3}, tmp_path / "c.ckpt")
    hashes = set()
    for name in ("a.safetensors", "b.pt", "c.ckpt"):
        model = nn.Linear(3, 2)
        hashes.add(load(model, str(tmp_path / name)))
        assert torch.equal(model.weight, source.weight)
    assert len(hashes) == 3


class Mischief:
    def __reduce__(self):
        return (print, ("run",))


def test_refusals(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    torch.save({"weight": torch.zeros(2, 3)}, tmp_path / "short.pt")
    torch.save(Mischief(), tmp_path / "code.pt")
    (tmp_path / "cut.safetensors").write_bytes(b"\x08\0\0\0")
    for name, says in [
        ("absent.pt", "no such file"),
        ("short.pt", "does not fit"),
        ("cut.safetensors", "cannot be read"),
        ("code.pt", "cannot be read"),
    ]:
        with pytest.raises(UserError, match=says) as caught:
            load(nn.Linear(3, 2), str(tmp_path / name))
        assert name in str(caught.value)
        assert "\n" not in str(caught.value)
    assert "run" not in capsys.readouterr().out
