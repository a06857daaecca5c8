"""What is shared is the gradient, and nothing that was not granted."""

import pytest
import torch
from torch.nn import functional

from bench.config import compose
from bench.models.lenet import LeNet
from bench.models.resnet import ResNet
from bench.threat import Threat


def by_hand(model: torch.nn.Module, parameters: dict, inputs: torch.Tensor, labels: torch.Tensor) -> dict:
    """One victim's gradient with a real module and plain autograd."""
    with torch.no_grad():
        for name, value in model.named_parameters():
            value.copy_(parameters[name])
    loss = functional.cross_entropy(model(inputs), labels)
    names = [name for name, _ in model.named_parameters()]
    return dict(zip(names, torch.autograd.grad(loss, list(model.parameters()))))


@pytest.mark.parametrize("batch_size", [1, 3])
def test_gradients_equal_plain_autograd(parties, batch_size: int) -> None:
    built = parties("data.set=cifar100", f"data.batch_size={batch_size}")
    victims = built.data.deal([0, 5, 2])
    seen = built.client.share(victims)
    model = LeNet(12, (2, 2, 1), "sigmoid", 0.5, None, None, shape=(3, 32, 32), classes=100)
    for i in range(3):
        reference = by_hand(
            model, {name: value[i] for name, value in seen.parameters.items()}, victims.inputs[i], victims.labels[i]
        )
        for name, value in reference.items():
            torch.testing.assert_close(seen.gradients[name][i], value, rtol=1e-3, atol=1e-6)


def test_train_mode_normalises_by_the_batch(parties) -> None:
    built = parties("model=resnet20", "model.mode=train", "model.blocks=1", "data.batch_size=4", "attack=noise")
    victims = built.data.deal([0])
    seen = built.client.share(victims)
    model = ResNet(1, 16, (1, 2, 2), "sigmoid", "batch", None, None, None, shape=(3, 32, 32), classes=10).train()
    reference = by_hand(model, {n: v[0] for n, v in seen.parameters.items()}, victims.inputs[0], victims.labels[0])
    for name, value in reference.items():
        torch.testing.assert_close(seen.gradients[name][0], value, rtol=1e-3, atol=1e-6)


def test_a_victims_model_is_its_own_and_does_not_depend_on_company(parties) -> None:
    client, data = (built := parties()).client, built.data
    together, alone = client.share(data.deal([0, 1, 2])), client.share(data.deal([2]))
    for name, value in together.parameters.items():
        assert torch.equal(value[2], alone.parameters[name][0])
        assert not torch.equal(value[0], value[1])


def test_a_shared_model_is_one_and_costs_no_copies(parties) -> None:
    built = parties("model.per_victim=false")
    seen = built.client.share(built.data.deal(range(4)))
    for value in seen.parameters.values():
        assert value.stride(0) == 0
        assert torch.equal(value[0], value[3])


@pytest.mark.parametrize("threat", ["eavesdropper", "basic", "labels_known"])
def test_only_what_is_granted_is_there(parties, threat: str) -> None:
    built = parties("attack=mean")
    node = dict(compose([f"threat={threat}"]).threat)
    granted = Threat(**{k: v for k, v in node.items() if k not in ("_target_", "version")})
    built.client.threat = granted
    built.client.grant_mean = False
    seen = built.client.share(built.data.deal([0, 1]))
    found = {
        "batch_size": seen.batch_size is not None,
        "input_range": seen.task.input_range is not None,
        "classes": seen.task.classes is not None,
        "labels": seen.labels is not None,
    }
    assert found == {name: getattr(granted, name) for name in found}
    assert seen.mean_image is None


def test_the_random_generator_of_the_program_is_untouched(parties) -> None:
    built = parties()
    torch.manual_seed(3)
    before = torch.random.get_rng_state()
    built.client.share(built.data.deal([0, 1]))
    assert torch.equal(before, torch.random.get_rng_state())
