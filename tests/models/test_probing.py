"""A probe of a model changes nothing of it."""

import copy

import pytest
import torch
from torch import nn

from bench.models.chain import chain_of
from bench.models.patch_attention import patch_attention_of
from bench.models.probing import in_eval_mode


def mixed() -> nn.Module:
    """BatchNorm in train mode beside a frozen one and a dropout."""
    model = nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Dropout(0.5), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(4 * 36, 5)
    )
    model[3].eval()
    return model


def test_each_module_has_its_own_mode_afterwards_also_after_an_exception() -> None:
    model = mixed()
    before = [module.training for module in model.modules()]
    with in_eval_mode(model):
        assert not any(module.training for module in model.modules())
    with pytest.raises(RuntimeError), in_eval_mode(model):
        model(torch.rand(1, 3, 2, 2))
    assert [module.training for module in model.modules()] == before and len(set(before)) == 2


@pytest.mark.parametrize("probe", [chain_of, patch_attention_of])
def test_a_probe_moves_no_statistics_and_draws_no_random_number(probe) -> None:
    model = mixed()
    before, state = copy.deepcopy(model.state_dict()), torch.get_rng_state()
    probe(model, (3, 8, 8))
    assert torch.equal(torch.get_rng_state(), state)
    for name, value in model.state_dict().items():
        assert torch.equal(value, before[name]), name


@pytest.mark.parametrize("probe", [chain_of, patch_attention_of])
@pytest.mark.parametrize("running", [True, False])
def test_a_norm_over_one_value_stops_no_probe(probe, running) -> None:
    """torch refuses to train BatchNorm on one value per channel; whether a cell may do so is said elsewhere."""
    pooled = nn.Sequential(
        nn.Conv2d(1, 4, 5), nn.AdaptiveAvgPool2d(1), nn.BatchNorm2d(4, track_running_stats=running), nn.Flatten(),
        nn.Linear(4, 3),
    )  # fmt: skip
    probe(pooled.train(), (1, 8, 8))
