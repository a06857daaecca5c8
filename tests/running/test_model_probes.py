"""Cells of the same model probe it once; whatever may change what is found is probed again."""

import sys
from pathlib import Path

import pytest

from bench import client
from bench.config.compose import compose
from bench.errors import UserError
from bench.running import model_probes
from bench.running.components import build

QUICK = ("attack=noise", "metric=mse", "logger=none", "data.set=mnist", "engine.threads=1")


@pytest.fixture
def probed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The class of each model that is probed."""
    calls: list[str] = []
    real = client.introspect
    monkeypatch.setattr(model_probes, "_FOUND", {})
    monkeypatch.setattr(
        client, "introspect", lambda model, *rest: calls.append(type(model).__name__) or real(model, *rest)
    )
    return calls


def info(*overrides: str):
    return build(compose([*QUICK, *overrides])).client.facts


def test_cells_that_differ_in_attack_defence_or_seed_probe_a_model_once(probed: list[str]) -> None:
    found = [info("model=mlp", *more) for more in ((), ("defense=sign",), ("seed=3",), ("attack=mean",), ())]
    assert len(probed) == 1 and all(one == found[0] for one in found)


@pytest.mark.parametrize(
    "other", ["model.width=7", "data.batch_size=2", "data.set=cifar10", "data.size=9", "model.mode=train", "model=fcn3"]
)
def test_another_model_input_or_batch_is_probed(probed: list[str], other: str) -> None:
    first, second = info("model=mlp", "model.width=6"), info("model=mlp", "model.width=6", other)
    assert len(probed) == 2
    assert (first == second) == (other in ("data.batch_size=2", "model.mode=train"))


def test_a_defence_that_changes_the_model_is_probed_with_it_and_once(probed: list[str]) -> None:
    small = "defense.width=3"
    found = [info("model=mlp", *more) for more in ((), ("defense=precode", small), (), ("defense=precode", small))]
    assert len(probed) == 2 and found[0] == found[2] and found[1] == found[3]
    assert found[1].parameters - found[0].parameters == 256 * 6 + 6 + 3 * 256 + 256


def test_code_of_the_users_own_is_probed_each_time(
    probed: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "mine_for_probes.py"
    file.write_text(
        "import torch\n"
        "def net(shape, classes): return torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(784, classes))\n"
        "def loss(logits, labels): return torch.nn.functional.cross_entropy(logits, labels)\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    for words in (
        ["model=custom", "model.target=mine_for_probes:net"],
        ["model=mlp", "model.loss=mine_for_probes:loss"],
    ):
        probed.clear()
        for _ in range(2):
            info(*words)
        assert len(probed) == 2
    sys.modules.pop("mine_for_probes")


def test_a_model_that_cannot_be_attacked_is_refused_each_time(probed: list[str]) -> None:
    for _ in range(2):
        with pytest.raises(UserError, match="model"):
            info("model=mlp", "model.loss=mse_loss")
    assert len(probed) == 2
