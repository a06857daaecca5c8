"""A variational bottleneck: its divergence by a library, its network written out, its copies, and its derivatives."""

import copy
import math

import pytest
import torch
from torch import nn
from torch.distributions import Normal, kl_divergence
from torch.nn import functional

from bench.models.bottleneck import NOISE, add_bottleneck, divergence, layers_behind, mean_and_deviation
from bench.models.introspect import gradient_of, introspect

INPUTS, WIDTH = 6, 3


def changed(beta: float = 0.5) -> nn.Sequential:
    """A network in float64 with a bottleneck before its last layer."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Flatten(), nn.Linear(INPUTS, 5), nn.Sigmoid(), nn.Linear(5, 4)).double()
    add_bottleneck(model[3], WIDTH, beta)
    return model


def held(model: nn.Module) -> tuple[dict, dict]:
    return {n: p.detach() for n, p in model.named_parameters()}, dict(model.named_buffers())


def test_the_divergence_is_that_of_torch_distributions() -> None:
    """Both are closed forms in float64; they differ by rounding."""
    statistics = torch.randn(7, 2 * WIDTH, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    mean, deviation = mean_and_deviation(statistics)
    torch.testing.assert_close(deviation, torch.log(1 + torch.exp(statistics[:, WIDTH:])))
    expected = kl_divergence(Normal(mean, deviation), Normal(0.0, 1.0)).sum(1)
    torch.testing.assert_close(divergence(mean, deviation), expected)
    assert float(divergence(torch.zeros(1, 2), torch.ones(1, 2))) == 0


@pytest.mark.parametrize("noisy", [False, True], ids=["zero variance", "noise"])
def test_output_and_gradient_are_those_of_the_network_written_out(noisy: bool) -> None:
    """With a noise of zero and beta 0 it is a plain network with two more linear layers."""
    model, beta = changed(0.5 if noisy else 0.0), 0.5 if noisy else 0.0
    parameters, buffers = held(model)
    g = torch.Generator().manual_seed(2)
    inputs, labels = torch.rand(2, 1, 2, 3, generator=g, dtype=torch.float64), torch.tensor([1, 3])
    noise = torch.randn(2, WIDTH, generator=g, dtype=torch.float64) * noisy
    name = f"3.{NOISE}"
    assert buffers[name].shape == (1, WIDTH) and (buffers[name] == 0).all()
    found = gradient_of(model, functional.cross_entropy)(parameters, {**buffers, name: noise}, inputs, labels)

    own = {key: value.clone().requires_grad_() for key, value in parameters.items()}

    def linear(layer: str, x: torch.Tensor) -> torch.Tensor:
        return x @ own[f"{layer}.weight"].mT + own[f"{layer}.bias"]

    statistics = linear("3.precode.encoder", torch.sigmoid(linear("1", inputs.flatten(1))))
    mean, deviation = statistics[:, :WIDTH], functional.softplus(statistics[:, WIDTH:])
    logits = linear("3", linear("3.precode.decoder", mean + deviation * noise))
    bits = (0.5 * (mean**2 + deviation**2 - 1) - deviation.log()).sum(1).mean() / math.log(2)
    value = functional.cross_entropy(logits, labels) + beta * bits
    expected = torch.autograd.grad(value, list(own.values()))
    for key, wanted in zip(own, expected):
        torch.testing.assert_close(found[key], wanted)
    if not noisy:
        torch.testing.assert_close(model(inputs), logits)


def test_copies_have_a_bottleneck_of_their_own_and_noise_is_no_weight() -> None:
    model = changed()
    twin = copy.deepcopy(model)
    x = torch.rand(1, INPUTS, dtype=torch.float64)
    before = model(x)
    with torch.no_grad():
        twin.get_parameter("3.precode.decoder.bias").add_(1.0)
    assert torch.equal(model(x), before) and not torch.equal(twin(x), before)
    assert f"3.{NOISE}" in dict(model.named_buffers()) and f"3.{NOISE}" not in model.state_dict()


def test_it_is_twice_differentiable_by_the_noise_and_the_inputs() -> None:
    """`gradgradcheck` compares with finite differences in float64."""
    model = changed()
    parameters, buffers = held(model)
    gradient = gradient_of(model, functional.cross_entropy)

    def some(inputs: torch.Tensor, noise: torch.Tensor) -> tuple[torch.Tensor, ...]:
        found = gradient(parameters, {**buffers, f"3.{NOISE}": noise}, inputs, torch.tensor([0, 2]))
        return found["1.weight"], found["3.precode.encoder.bias"], found["3.bias"]

    g = torch.Generator().manual_seed(3)
    inputs = torch.rand(2, INPUTS, generator=g, dtype=torch.float64, requires_grad=True)
    noise = torch.randn(2, WIDTH, generator=g, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(some, (inputs, noise))


def test_what_is_found_of_the_model_is_of_the_changed_one() -> None:
    model = changed().float()
    found = introspect(model, functional.cross_entropy, (1, 2, 3), 4, 2)
    added = 5 * 2 * WIDTH + 2 * WIDTH + WIDTH * 5 + 5
    assert found.parameters == INPUTS * 5 + 5 + 5 * 4 + 4 + added
    assert (found.last_linear, found.last_bias, found.mappable) == ("3.weight", "3.bias", True)


def test_layers_behind_a_bottleneck_are_found_by_name() -> None:
    names = ["fc.weight", "fcc.weight", "head.fc.precode.encoder.bias", "precode.decoder.weight"]
    assert layers_behind(names) == ("head.fc.", "")
    assert layers_behind(["precodes.weight", "fc.weight"]) == ()
