"""Nothing of an audit is seen afterwards."""

import random

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

import bench
from tests.auditing.networks import FEW, Around, Classifier, X, Y, classifier, image


def test_a_module_is_not_changed_and_no_random_number_is_taken() -> None:
    model = Classifier(nn.Sequential(nn.BatchNorm2d(1), nn.Dropout(0.2), *classifier()))
    before = {name: value.clone() for name, value in model.state_dict().items()}
    state, others = torch.get_rng_state(), (random.getstate(), np.random.get_state()[1].tolist())
    bench.audit(model, (image(2), torch.tensor([2, 0])), attack="dlg", overrides=("attack.evaluations=2",))
    assert torch.equal(state, torch.get_rng_state())
    assert others == (random.getstate(), np.random.get_state()[1].tolist())
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert type(model) is Classifier and model.training


def test_what_a_module_prints_is_held_back(capsys) -> None:
    def loud(self: Around, x: Tensor) -> Tensor:
        print("step")
        return self.net(x)

    report = bench.audit(Around(loud), (X, Y), loss=functional.cross_entropy, **FEW)
    assert not capsys.readouterr().out and any("prints" in note for note in report.notes)
