"""The same audit behind several defences, as a table."""

import json

import pytest
import torch
from torch import nn
from torch.nn import functional

import bench
from bench.auditing.report import Audit
from bench.errors import UserError

DEFENSES = ["pruning", "gaussian defense.std=10", "dp_sgd"]


@pytest.fixture(scope="module")
def compared() -> Audit:
    """A linear layer with a bias behind BatchNorm, whose one image an exact attack finds if nothing is in its way."""
    torch.manual_seed(0)
    net = nn.Sequential(nn.Flatten(), nn.Linear(36, 8), nn.BatchNorm1d(8), nn.Sigmoid(), nn.Linear(8, 4))
    batch = torch.rand(2, 1, 6, 6), torch.tensor([1, 3])
    few = ("attack.evaluations=10", "metric=mse")
    return bench.audit(net, batch, loss=functional.cross_entropy, attack="dlg", defenses=DEFENSES, overrides=few)


def test_each_defence_is_a_line_and_what_cannot_be_used_says_why(compared: Audit) -> None:
    pruning, gaussian, private = compared.defended
    assert [one.name for one in compared.defended] == DEFENSES
    assert "Pruning (fraction=0.7" in pruning.setting and gaussian.setting == "Gaussian (std=10)"
    assert compared.setting.defense == "" and pruning.does.startswith("magnitude pruning")
    assert (pruning.count, gaussian.count) == (2, 2) and gaussian.recovered == 0
    assert private.verdict == "NOT AUDITED" and "BatchNorm in train mode" in str(private.reason)


def test_the_figures_are_those_of_an_audit_behind_the_defence(compared: Audit) -> None:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Flatten(), nn.Linear(36, 8), nn.BatchNorm1d(8), nn.Sigmoid(), nn.Linear(8, 4))
    batch = torch.rand(2, 1, 6, 6), torch.tensor([1, 3])
    few = ("attack.evaluations=10", "metric=mse")
    alone = bench.audit(net, batch, loss=functional.cross_entropy, attack="dlg", defense="pruning", overrides=few)
    line = compared.defended[0]
    assert line.share == pytest.approx(min(one.share for one in alone.examples), rel=1e-5)
    assert (line.verdict, line.targets) == (alone.verdict.value, alone.targets.sentence)


def test_the_report_says_it_in_words_and_as_json(compared: Audit) -> None:
    (words,) = [" ".join(part.split()) for part in str(compared).split("\nDefences ")[1:]]
    assert "The attacker knew each of them." in words
    assert "pruning: " in words and "dp_sgd cannot be used here (defense DPSGD needs" in words
    (_, gaussian, private) = json.loads(json.dumps(compared.to_dict()))["defended"]
    assert gaussian["verdict"] == compared.defended[1].verdict and private["share"] is None


@pytest.mark.parametrize(
    ("defenses", "says"),
    [
        (["gausian"], "no defense 'gausian'"),
        (["gaussian std=0.1"], "std"),
        (["gaussian 'std"], "want a name, then its settings"),
        (["defense=gaussian"], "want a name, then its settings"),
        ("gaussian", r"want a list of names, such as \['gaussian'\]"),
    ],
)
def test_wrong_names_are_told_before_anything_is_attacked(defenses, says: str) -> None:
    net = nn.Sequential(nn.Flatten(), nn.Linear(36, 4))
    with pytest.raises(UserError, match=says):
        bench.audit(net, (torch.full((1, 1, 6, 6), 9.0), torch.tensor([1])), loss=None, defenses=defenses)
