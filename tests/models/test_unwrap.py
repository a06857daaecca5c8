"""Networks as they come out of a training give the gradient of the network inside."""

import pytest
import torch
from opacus import GradSampleModule
from torch import nn
from torch.nn import functional as F

from bench.errors import UserError
from bench.models.introspect import gradient_of
from bench.models.unwrap import unwrap, unwrapped_copy


def net() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(1, 2, 3), nn.Sigmoid(), nn.Flatten(), nn.Linear(72, 3))


class Holds(nn.Module):
    """The network inside is wrapped, and stands under two names."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = self.again = inner

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.inner(x)


def opacus(module: nn.Module) -> nn.Module:
    wrapper = GradSampleModule(module)
    F.cross_entropy(
        wrapper(torch.rand(2, 1, 8, 8, requires_grad=True)), torch.tensor([0, 1])
    ).backward()  # as after a step
    return wrapper


WRAPPERS = {
    "DataParallel": nn.DataParallel,
    "compiled": lambda module: torch.compile(module, backend="eager"),
    "both": lambda module: torch.compile(nn.DataParallel(module), backend="eager"),
    "inside": lambda module: Holds(torch.compile(module, backend="eager")),
    "float64": lambda module: module.double(),
    "Opacus": opacus,
}


@pytest.mark.parametrize("name", WRAPPERS)
def test_a_wrapped_network_gives_the_same_gradient(name: str) -> None:
    wrapped = WRAPPERS[name](net())
    before = {key: value.clone() for key, value in wrapped.state_dict().items()}
    inner, x, y = unwrapped_copy(wrapped), torch.rand(2, 1, 8, 8), torch.tensor([2, 0])
    parameters = {key: value.detach() for key, value in inner.named_parameters()}
    found = gradient_of(inner, F.cross_entropy)(parameters, {}, x, y)
    plain = net()
    wanted = torch.autograd.grad(F.cross_entropy(plain(x), y), list(plain.parameters()))
    for ours, theirs in zip(found.values(), wanted, strict=True):
        assert ours.dtype == torch.float32
        torch.testing.assert_close(ours, theirs)
    assert [key.removeprefix("inner.") for key in parameters] == [key for key, _ in plain.named_parameters()]
    after = wrapped.state_dict()
    assert list(before) == list(after) and all(torch.equal(before[key], after[key]) for key in before)


def test_a_network_that_was_compiled_in_place_is_run_as_it_is_written() -> None:
    module = net()
    module.compile(backend=lambda graph, inputs: pytest.fail("it was compiled"))
    assert unwrap(module) is module
    module(torch.rand(2, 1, 8, 8))


def test_half_precision_weights_are_cast_and_keep_their_values() -> None:
    inner = unwrapped_copy(net().bfloat16())
    for ours, theirs in zip(inner.parameters(), net().parameters(), strict=True):
        assert torch.equal(ours, theirs.bfloat16().float())


def test_what_cannot_be_copied_is_one_line() -> None:
    module = net()
    module.rows = (row for row in "ab")
    with pytest.raises(UserError, match="Sequential cannot be copied"):
        unwrapped_copy(module)
