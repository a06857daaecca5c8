"""Weights as the code of DLG draws them, or as torch does."""

import pytest
import torch
from torch import nn

from bench.models.initialise import uniform


def net() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 30, 5), nn.BatchNorm2d(30), nn.Flatten(), nn.Linear(300, 20, bias=False))


def test_convolutions_and_linear_layers_are_drawn_evenly_and_others_are_left() -> None:
    drawn, before = net(), net()
    uniform(drawn, 0.5)
    weights = torch.cat([drawn[0].weight.flatten(), drawn[0].bias, drawn[3].weight.flatten()])
    weights = weights.detach()
    assert 0.49 < weights.max() <= 0.5 and -0.5 <= weights.min() < -0.49
    # of U(-1/2, 1/2), 8,280 numbers: deviation 0.2887, standard error below 0.002
    assert float(weights.std()) == pytest.approx(12**-0.5, abs=0.008) and abs(float(weights.mean())) < 0.012
    assert drawn[0].bias.abs().max() > before[0].bias.abs().max()  # torch's own bound is 1 / sqrt(75)
    assert torch.equal(drawn[1].weight, before[1].weight)


def test_none_keeps_torchs_own_and_nothing_else_is_a_range() -> None:
    kept, before = net(), net()
    uniform(kept, None)
    assert all(torch.equal(a, b) for a, b in zip(kept.parameters(), before.parameters()))
    with pytest.raises(ValueError, match=r"init_range=0\.0: must be > 0"):
        uniform(net(), 0.0)
