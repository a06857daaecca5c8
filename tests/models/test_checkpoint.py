"""Weights from files, and what is wrong with a bad one."""

import re
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


@pytest.mark.parametrize(
    ("wrap", "says"),
    [
        (lambda w: {f"module.{k}": v for k, v in w.items()}, "'module.'"),
        (lambda w: {f"_orig_mod.module.{k}": v for k, v in w.items()}, "'_orig_mod.module.'"),
        (lambda w: {f"_module.{k}": v for k, v in w.items()}, "'_module.'"),
        (lambda w: {"state_dict": {f"model.{k}": v for k, v in w.items()}, "epoch": 3}, "'model.'"),
        (
            lambda w: {"state_dict": {**{f"model.{k}": v for k, v in w.items()}, "loss.weight": torch.ones(2)}},
            "'model.' .*loss.weight left out",
        ),
        (lambda w: {"epoch": 3, "model_state_dict": w, "optimizer_state_dict": {}}, None),
        (lambda w: {"epoch": 3, "model": w}, None),
        (lambda w: {k: v.double() for k, v in w.items()}, None),
    ],
    ids=["DataParallel", "compiled", "Opacus", "Lightning", "Lightning, weighted loss", "tutorial", "model", "float64"],
)
def test_weights_are_found_where_trainings_leave_them(tmp_path: Path, wrap, says: str | None) -> None:
    source, model, said = nn.Linear(3, 2), nn.Linear(3, 2), []
    torch.save(wrap(source.state_dict()), tmp_path / "weights.pt")
    load(model, str(tmp_path / "weights.pt"), said.append)
    assert torch.equal(model.weight, source.weight) and torch.equal(model.bias, source.bias)
    assert said == [] if says is None else len(said) == 1 and re.search(says, said[0])


def test_a_network_whose_own_names_begin_with_a_prefix_keeps_them(tmp_path: Path) -> None:
    source, model = (nn.ModuleDict({"model": nn.Linear(3, 2)}) for _ in range(2))
    said: list[str] = []
    torch.save(source.state_dict(), tmp_path / "weights.pt")
    load(model, str(tmp_path / "weights.pt"), said.append)
    assert torch.equal(model["model"].weight, source["model"].weight) and said == []


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", r"is empty \(0 bytes\)"),
        ([torch.zeros(2, 3)], "holds no weights but a list"),
        (torch.zeros(2, 3), "holds no weights but a Tensor"),
        ({"state_dict": [torch.zeros(2, 3)]}, "holds no weights but a mapping with the keys state_dict"),
        ({"epoch": 3, "optimizer": {}}, "holds no weights but a mapping with the keys epoch, optimizer"),
        ({}, r"a mapping with the keys \(none\)"),
        ({"module.weight": torch.zeros(2, 3), "module.other": torch.zeros(2)}, 'Missing key.* "bias"'),
        ({"weight": torch.zeros(2, 3), "bias": torch.zeros(3)}, "size mismatch for bias"),
    ],
    ids=["0 bytes", "a list", "a tensor", "a list inside", "no weights", "nothing", "another network", "shapes"],
)
@pytest.mark.parametrize("suffix", ["pt", "ckpt"])
def test_files_without_the_weights_are_one_line(tmp_path: Path, content, says: str, suffix: str) -> None:
    file = tmp_path / f"weights.{suffix}"
    file.write_bytes(content) if isinstance(content, bytes) else torch.save(content, file)
    with pytest.raises(UserError, match=says) as caught:
        load(nn.Linear(3, 2), str(file))
    assert str(file) in str(caught.value) and "\n" not in str(caught.value)
