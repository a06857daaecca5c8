"""Models of the user's own: what is imported, what it is given, and one line for each way it can go wrong."""

import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from bench.errors import UserError
from bench.models.custom import custom, locate

NETS = """
from torch import nn
def plain(width): return nn.Linear(width, 2)
def told(shape, classes, bias=True): return nn.Linear(shape[0] * shape[1] * shape[2], classes, bias=bias)
def wrapped(): return nn.DataParallel(nn.Linear(3, 2))
def broken(): raise RuntimeError("no weights here")
def leaves(): raise SystemExit(3)
def dictionary(): return {}
number = 3
"""


@pytest.fixture
def nets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A module of nets in the working folder, forgotten afterwards."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "nets_of_mine.py").write_text(NETS)
    (tmp_path / "leaving.py").write_text("import sys; sys.exit(1)")
    yield
    for name in ("nets_of_mine", "leaving"):
        sys.modules.pop(name, None)


def build(name: str, arguments=None) -> nn.Module:
    return custom(f"nets_of_mine:{name}", arguments, shape=(1, 2, 3), classes=5)


def test_a_net_is_told_shape_and_classes_if_it_asks_and_its_own_arguments_come_first(nets) -> None:
    assert build("plain", {"width": 4}).weight.shape == (2, 4)
    assert build("told").weight.shape == (5, 6)
    narrow = build("told", {"classes": 7, "bias": False})
    assert narrow.weight.shape == (7, 6) and narrow.bias is None


def test_a_wrapper_around_a_net_is_taken_off(nets) -> None:
    assert type(build("wrapped")) is nn.Linear


@pytest.mark.parametrize(
    ("target", "arguments", "sentence"),
    [
        ("nets_of_mine", None, "want pkg.mod:Name"),
        (":plain", None, "want pkg.mod:Name"),
        ("no_such_module:plain", None, "cannot import 'no_such_module': ModuleNotFoundError"),
        ("leaving:plain", None, "cannot import 'leaving': SystemExit: 1"),
        ("nets_of_mine:absent", None, "module 'nets_of_mine' has no class or function 'absent'"),
        ("nets_of_mine:number", None, "has no class or function 'number'"),
        ("nets_of_mine:plain", None, "TypeError: .*missing 1 required positional argument: 'width'"),
        ("nets_of_mine:broken", None, "RuntimeError: no weights here"),
        ("nets_of_mine:leaves", None, "SystemExit: 3"),
        ("nets_of_mine:dictionary", None, "returned a dict, not a torch.nn.Module"),
    ],
)
def test_what_goes_wrong_is_one_line_that_names_the_target(nets, target: str, arguments, sentence: str) -> None:
    with pytest.raises(UserError, match=sentence) as caught:
        custom(target, arguments, shape=(1, 2, 3), classes=5)
    assert str(caught.value).startswith(f"model.target={target!r}") and "\n" not in str(caught.value)


def test_the_key_of_another_setting_is_named() -> None:
    assert locate("torch.nn.functional:mse_loss", "model.loss") is torch.nn.functional.mse_loss
    with pytest.raises(UserError, match=r"^model\.loss='torch:absent'"):
        locate("torch:absent", "model.loss")
