"""Statistics of BatchNorm layers: equal to torch's own, and seen by an attacker only if they are granted."""

import pytest
import torch
from torch import nn
from torch.func import functional_call, vmap

from bench.config.compose import compose
from bench.config.instantiate import instantiate
from bench.errors import NotApplicable
from bench.models.batch_statistics import (
    granted_statistics,
    mean_and_variance,
    normalise_by_batch,
    running_statistics,
    statistics_of,
)
from bench.models.differentiable_norms import replace_norms

SMALL = ("data=samples", "data.set=cifar10", "data.size=8", "data.batch_size=3", "model=resnet20", "model.blocks=1")
SMALL += ("model.width=4",)


def net() -> nn.Module:
    torch.manual_seed(0)
    layers = [nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.ReLU(), nn.Flatten(), nn.Linear(8, 3), nn.BatchNorm1d(3)]
    return nn.Sequential(*layers).double()


def tensors(model: nn.Module) -> tuple[dict, dict]:
    return dict(model.named_parameters()), dict(model.named_buffers())


def test_they_are_those_that_a_layer_in_train_mode_collects_with_momentum_one() -> None:
    model, images = net().train(), torch.rand(5, 1, 4, 4, dtype=torch.float64)
    statistics = statistics_of(model)
    assert statistics is not None
    found = statistics(*tensors(model), images)
    for layer in (model[1], model[5]):
        layer.momentum, layer.running_mean, layer.running_var = 1.0, torch.zeros_like(layer.running_mean), None
        layer.running_var = torch.ones_like(layer.running_mean)
    with torch.no_grad():
        model(images)
    assert list(found) == ["1", "5"]
    for name, count in (("1", 5 * 4), ("5", 5)):  # torch collects the unbiased variance
        layer = model.get_submodule(name)
        assert torch.allclose(found[name][0], layer.running_mean, atol=1e-14)
        assert torch.allclose(found[name][1] * count / (count - 1), layer.running_var, atol=1e-14)


def test_a_model_without_batchnorm_has_none() -> None:
    model = nn.Sequential(nn.Flatten(), nn.Linear(4, 2))
    assert statistics_of(model) is None
    assert granted_statistics(model, {"running", "batch"}, *tensors(model), torch.rand(1, 2, 1, 2, 2), []) is None


@pytest.mark.parametrize("level", ["sample", "batch", "update"])
def test_a_defence_of_labels_or_gradients_leaves_the_batch_one_batch_and_others_do_not(level: str) -> None:
    model = net().train()
    normalise_by_batch(model)
    replace_norms(model)
    parameters, buffers = ({name: value[None] for name, value in group.items()} for group in tensors(model))
    images = torch.rand(1, 5, 1, 4, 4, dtype=torch.float64)

    def granted(levels: list[str]) -> dict:
        return granted_statistics(model, {"batch"}, parameters, buffers, images, levels) or {}

    found, wanted = granted(["label", "gradient"]), granted([])
    assert set(found) == {"1", "5"} and all(torch.equal(found[name], value) for name, value in wanted.items())
    with pytest.raises(NotApplicable, match="no single batch"):
        granted(["label", level])


def test_they_can_be_mapped_over_victims_and_differentiated() -> None:
    model = net()
    normalise_by_batch(model)
    replace_norms(model)
    statistics = statistics_of(model)
    images = torch.rand(2, 3, 1, 4, 4, dtype=torch.float64, requires_grad=True)
    mapped = vmap(statistics, in_dims=(None, None, 0))(*tensors(model), images)
    for name, value in mapped.items():
        alone = torch.stack([statistics(*tensors(model), one)[name] for one in images])
        assert torch.allclose(value, alone, atol=1e-13)
        for found in (value, alone):
            assert found.shape[:2] == (2, 2)
        ours, theirs = (torch.autograd.grad(v.square().sum(), images, retain_graph=True)[0] for v in (value, alone))
        assert torch.allclose(ours, theirs, atol=1e-12) and ours.abs().sum() > 0


def test_a_layer_that_is_called_twice_counts_by_its_first_call() -> None:
    norm = nn.BatchNorm2d(1).double()
    model = nn.Sequential(norm, nn.Sigmoid(), norm)
    images = torch.rand(3, 1, 2, 2, dtype=torch.float64)
    assert torch.equal(statistics_of(model)(*tensors(model), images)["0"], mean_and_variance(images))


def test_the_root_of_a_model_may_be_a_batchnorm() -> None:
    model = nn.BatchNorm2d(2)
    model.running_mean += 3
    buffers = {name: value.expand(4, *value.shape) for name, value in model.named_buffers()}
    found = running_statistics(model, buffers, torch.zeros(4))
    assert found[""].shape == (4, 2, 2) and found[""][:, 0].eq(3).all() and found[""][:, 1].eq(1).all()


def test_what_a_layer_had_collected_survives_train_mode_and_is_no_buffer() -> None:
    model = net()
    model[1].running_mean += 2
    logits = functional_call(model.train(), tensors(model), (torch.rand(4, 1, 4, 4, dtype=torch.float64),))
    assert logits.shape == (4, 3)
    before = torch.stack([model[1].running_mean, model[1].running_var])
    normalise_by_batch(model)
    assert not dict(model.named_buffers())
    found = running_statistics(model, {}, torch.zeros(3, dtype=torch.float64))
    assert torch.equal(found["1"], before.expand(3, 2, 2))


def shared(parties, *overrides: str):
    built = parties(*SMALL, *overrides)
    return built.client.share(built.data.deal([0, 1])), built


@pytest.mark.parametrize("mode", ["eval", "train"])
def test_the_grant_decides_whether_an_attacker_sees_statistics(parties, mode: str) -> None:
    """All else of the observation is the same, bit for bit."""
    plain, built = shared(parties, f"model.mode={mode}")
    assert plain.statistics is None
    assert ("norm.running_mean" in plain.buffers or any("running" in name for name in plain.buffers)) == (
        mode == "eval"
    )
    for threat, expected in (("batchnorm_running", True), ("batchnorm_exact", mode == "train")):
        built.client.threat = instantiate(compose([f"threat={threat}"]).threat, "threat")
        seen = built.client.share(built.data.deal([0, 1]))
        assert (seen.statistics is not None) == expected
        for group in ("gradients", "parameters", "buffers"):
            ours, theirs = getattr(seen, group), getattr(plain, group)
            assert list(ours) == list(theirs) and all(torch.equal(ours[name], theirs[name]) for name in ours)
        if threat == "batchnorm_running":
            for name, value in (seen.statistics or {}).items():
                assert value[:, 0].eq(0).all() and value[:, 1].eq(1).all(), name  # an untrained model's


def test_exact_statistics_are_those_of_the_private_batch_and_of_no_other_victims(parties) -> None:
    seen, built = shared(parties, "model.mode=train", "threat=batchnorm_exact")
    truth = built.data.deal([0, 1])
    for i in range(2):
        own = [{name: value[i] for name, value in group.items()} for group in (seen.parameters, seen.buffers)]
        again = seen.task.statistics(*own, truth.inputs[i])
        assert all(torch.equal(again[name], value[i]) for name, value in seen.statistics.items())
    alone = built.client.share(built.data.deal([1])).statistics
    assert all(torch.equal(alone[name][0], value[1]) for name, value in seen.statistics.items())


def test_a_client_whose_update_is_of_no_single_batch_is_refused_exact_statistics(parties) -> None:
    with pytest.raises(NotApplicable, match=r"there is no single batch \(threat=batchnorm_running\)"):
        shared(parties, "model.mode=train", "threat=batchnorm_exact", "defense=local_steps", "data.batch_size=4")
    seen, _ = shared(parties, "model.mode=train", "threat=batchnorm_exact", "defense=gaussian")
    assert seen.statistics


def test_a_control_that_is_granted_the_mean_image_sees_no_statistics(parties) -> None:
    seen, _ = shared(parties, "model.mode=train", "threat=batchnorm_exact", "attack=mean")
    assert seen.mean_image is not None and seen.statistics is None and not seen.gradients
