"""Batch statistics inferred from running ones, against torch's own BatchNorm in train mode."""

import copy

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from bench.errors import NotApplicable
from bench.models.batch_statistics import granted_statistics, mean_and_variance, normalise_by_batch
from bench.models.inferred_statistics import inferred

SMALL = ("data.set=cifar10", "data.size=9", "data.batch_size=2", "model=convnet16", "model.width=2", "model.mode=train")


def network() -> nn.Sequential:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Conv2d(4, 2, 3),
                        nn.BatchNorm2d(2, momentum=0.3), nn.Flatten(), nn.Linear(2 * 4 * 4, 3))  # fmt: skip
    net[1].running_mean.normal_()
    net[1].running_var.uniform_(0.5, 2)
    return net


def test_it_is_what_torchs_running_statistics_give_away() -> None:
    """Two real forward passes of the same step: torch updates its statistics, and ours are inferred."""
    images = torch.rand(5, 3, 8, 8)
    theirs = network().train()
    before = {name: module for name, module in copy.deepcopy(theirs).named_modules() if name in ("1", "4")}
    theirs(images)
    ours = network().train()
    parameters = {name: value.detach()[None] for name, value in ours.named_parameters()}
    normalise_by_batch(ours)
    found = granted_statistics(ours, {"updated"}, parameters, {}, images[None], [])
    exact = granted_statistics(ours, {"batch"}, parameters, {}, images[None], [])
    assert found is not None and exact is not None and set(found) == {"1", "4"}
    for name, after in ((name, dict(theirs.named_modules())[name]) for name in found):
        momentum, earlier = after.momentum, before[name]
        entries = 5 * (36 if name == "1" else 16)
        mean = (after.running_mean - (1 - momentum) * earlier.running_mean) / momentum
        variance = (after.running_var - (1 - momentum) * earlier.running_var) / momentum * (entries - 1) / entries
        # ten units of the last place of float32, because the momentum of 0.1 makes rounding ten times larger
        torch.testing.assert_close(found[name][0], torch.stack([mean, variance]), rtol=3e-6, atol=3e-6)
        torch.testing.assert_close(found[name], exact[name], rtol=3e-6, atol=3e-6)
        assert not torch.equal(found[name], exact[name]), "rounding stays"


@given(st.integers(0, 1000), st.floats(0.01, 1), st.integers(2, 4096))
@settings(max_examples=60, deadline=None)
def test_only_rounding_stands_between_it_and_the_batch(seed: int, momentum: float, entries: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    batch = mean_and_variance(torch.randn(8, 3, 2, 2, generator=generator, dtype=torch.float64))
    before = torch.rand(2, 3, generator=generator, dtype=torch.float64)
    error = (inferred(batch, before, momentum, entries) - batch).abs().max()
    # half a unit of float32 of a number below 4, divided by the momentum
    assert error <= 2.0**-22 * 1.01 / momentum


def test_layers_without_a_momentum_are_left_out_and_without_one_left_nothing_is_known() -> None:
    net = network()
    net[4].momentum = None
    images = torch.rand(1, 2, 3, 8, 8)
    parameters = {name: value.detach()[None] for name, value in net.named_parameters()}
    normalise_by_batch(net.train())
    assert set(granted_statistics(net, {"updated"}, parameters, {}, images, []) or {}) == {"1"}
    net[1].momentum = None
    assert granted_statistics(net, {"updated"}, parameters, {}, images, []) is None


def test_the_grant_of_a_threat_model_and_its_attack(parties) -> None:
    built = parties(*SMALL, "threat=batchnorm_inferred", "attack=gradinversion", "attack.evaluations=2")
    seen = built.client.share(built.data.deal([0, 1]))
    exact = parties(*SMALL, "threat=batchnorm_exact").client.share(built.data.deal([0, 1]))
    assert set(seen.statistics) == set(exact.statistics)
    for name, value in exact.statistics.items():
        torch.testing.assert_close(seen.statistics[name], value, rtol=1e-4, atol=1e-5)
    assert len(list(built.attack.reconstruct(seen, 0))) == 2


def test_several_steps_have_no_single_batch(parties) -> None:
    with pytest.raises(NotApplicable, match="there is no single batch"):
        parties(*SMALL, "threat=batchnorm_inferred", "defense=local_steps", "data.batch_size=4")
    eval_mode = parties(*SMALL, "threat=batchnorm_inferred", "model.mode=eval", "attack=dlg")
    assert eval_mode.client.share(eval_mode.data.deal([0])).statistics is None
