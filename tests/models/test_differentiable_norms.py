"""Mapped over victims, a normalisation layer's gradient has the derivative that plain autograd gives it."""

import copy

import pytest
import torch
from torch import nn
from torch.func import functional_call, grad, replace_all_batch_norm_modules_, vmap
from torch.nn import functional

from bench.errors import UserError
from bench.models.differentiable_norms import replace_norms
from bench.models.introspect import introspect

CASES = {
    "layer": (lambda: nn.LayerNorm(6), (2, 5, 6)),
    "layer of two axes": (lambda: nn.LayerNorm((5, 6)), (2, 5, 6)),
    "layer without weight": (lambda: nn.LayerNorm(6, elementwise_affine=False), (2, 5, 6)),
    "batch": (lambda: nn.BatchNorm2d(6), (3, 6, 4, 4)),
    "batch of vectors": (lambda: nn.BatchNorm1d(6), (4, 6)),
    "batch without weight": (lambda: nn.BatchNorm1d(6, affine=False), (4, 6, 3)),
}


def network(norm: nn.Module, shape: tuple[int, ...]) -> nn.Module:
    torch.manual_seed(0)
    size = torch.Size(shape[1:]).numel()
    return nn.Sequential(nn.Tanh(), norm, nn.Flatten(), nn.Linear(size, 3)).double()


def slopes(model: nn.Module, x: torch.Tensor, mapped: bool) -> torch.Tensor:
    """The derivative of each parameter's squared gradient with respect to two victims' inputs: `[P, 2, B, ...]`."""
    target = torch.arange(x.shape[1]) % 3
    parameters = {n: torch.stack([p.detach(), 1.5 * p.detach() + 0.1]) for n, p in model.named_parameters()}

    def loss(parameters, x):
        return functional.cross_entropy(functional_call(model, parameters, (x,)), target)

    x = x.clone().requires_grad_()
    if mapped:
        found = vmap(grad(loss))(parameters, x)
    else:
        rows = []
        for i in range(2):
            own = {n: p[i].clone().requires_grad_() for n, p in parameters.items()}
            rows.append(torch.autograd.grad(loss(own, x[i]), list(own.values()), create_graph=True))
        found = dict(zip(parameters, map(torch.stack, zip(*rows))))
    return torch.stack([torch.autograd.grad(g.square().sum(), x, retain_graph=True)[0] for g in found.values()])


ONE_VALUE = [(nn.BatchNorm1d(6), (1, 6)), (nn.BatchNorm2d(6), (1, 6, 1, 1)), (nn.BatchNorm1d(6), (1, 6, 1))]
TWO_VALUES = [(nn.BatchNorm1d(6), (2, 6)), (nn.BatchNorm2d(6), (1, 6, 1, 2)), (nn.BatchNorm3d(6), (1, 6, 2, 1, 1))]


@pytest.mark.parametrize(("norm", "shape"), [*ONE_VALUE, *TWO_VALUES])
@pytest.mark.parametrize("without_running", [False, True])
def test_one_value_per_channel_is_refused_where_torch_refuses_it(norm, shape, without_running) -> None:
    """Torch's own layer is asked, in both modes and with and without running statistics."""

    def refuses(layer: nn.Module, kind: type[Exception]) -> bool:
        try:
            layer(torch.rand(shape))
        except kind:
            return True
        return False

    theirs = copy.deepcopy(norm)
    if without_running:
        theirs = nn.Sequential(theirs)
        replace_all_batch_norm_modules_(theirs)
        theirs = theirs[0]
    ours = nn.Sequential(copy.deepcopy(theirs))
    replace_norms(ours)
    for train in (True, False):
        by_batch = train or without_running
        expected = refuses(theirs.train(train), ValueError)
        assert expected == (by_batch and shape in [one for _, one in ONE_VALUE])
        assert refuses(ours.train(train), UserError) == expected


@pytest.mark.parametrize("name", CASES)
def test_mapped_equals_plain_autograd_through_torchs_own_layer(name: str) -> None:
    """Float64: rounding is 1e-16 an operation; torch's own layers, mapped, differ by 1e-1 where they have a weight."""
    make, shape = CASES[name]
    norm = make()
    model = network(norm, shape)
    replace_all_batch_norm_modules_(model)
    x = torch.randn(2, *shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    expected, before = slopes(model, x, mapped=False), slopes(model, x, mapped=True)
    output, own = model(x[0]), type(norm)
    replace_norms(model)
    assert type(model[1]) is not own and isinstance(model[1], own)
    torch.testing.assert_close(model(x[0]), output, rtol=1e-12, atol=1e-12)
    for mapped in (True, False):
        torch.testing.assert_close(slopes(model, x, mapped=mapped), expected, rtol=1e-9, atol=1e-12)
    if name == "layer":  # the reason for all this; where it fails, torch has been mended
        assert (before - expected).abs().max() > 1e-3 * expected.abs().max()


def test_running_statistics_stay_torchs() -> None:
    model = network(nn.BatchNorm2d(6), (3, 6, 4, 4)).eval()
    x = torch.randn(3, 6, 4, 4, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    model[1].running_mean += 0.3
    output = model(x)
    replace_norms(model)
    assert torch.equal(model(x), output)


def test_what_is_mapped_wrongly_is_found_out_and_not_mapped() -> None:
    """A layer that nothing is written out for: victims are then taken one by one, and the attack is right."""

    class Flat(nn.Module):
        def __init__(self, norm: nn.Module) -> None:
            super().__init__()
            self.norm, self.head = norm, nn.Linear(3 * 16, 4)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.head(torch.tanh(self.norm(x)).flatten(1))

    torch.manual_seed(0)
    for norm, mappable in ((nn.InstanceNorm2d(3, affine=True), False), (nn.GroupNorm(1, 3), True)):
        assert introspect(Flat(norm), functional.cross_entropy, (3, 4, 4), 4, 1).mappable is mappable
