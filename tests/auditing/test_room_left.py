"""The room that is left is that of the Jacobian."""

import pytest
import torch
from torch import nn
from torch.nn import functional

import bench


def test_the_room_left_is_that_of_the_jacobian() -> None:
    """Against torch's own Jacobian of the gradient by the input, whose unit is a deviation of 1."""
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 3))
    x, y = torch.randn(1, 6), torch.tensor([1])
    noise = {"defense": "gaussian", "overrides": ("defense.std=0.02", "attack.evaluations=2"), "attack": "idlg"}
    room = bench.audit(net, (x, y), loss=functional.cross_entropy, **noise).room
    net = net.double()

    def gradient(row: torch.Tensor) -> torch.Tensor:
        loss = functional.cross_entropy(net(row), y)
        return torch.cat([g.flatten() for g in torch.autograd.grad(loss, list(net.parameters()), create_graph=True)])

    jacobian = torch.autograd.functional.jacobian(gradient, x.double()).reshape(-1, 6)
    values = torch.linalg.svdvals(jacobian)
    assert (room.rank, room.entries) == (6, 6)
    # The audit's weights and input are in float32 first, hence five digits.
    assert room.condition == pytest.approx(float(values[0] / values[-1]), rel=1e-5)
    assert room.bound == pytest.approx(0.02 * float(values.pow(-2).mean().sqrt()), rel=1e-5)


def test_what_is_hidden_and_what_is_too_large_is_said() -> None:
    net = nn.Sequential(nn.Linear(6, 2), nn.Linear(2, 2))
    net[0].requires_grad_(False)
    few = {"attack": "idlg", "overrides": ("attack.evaluations=2",)}
    report = bench.audit(net, (torch.randn(1, 6), torch.tensor([1])), loss=functional.cross_entropy, **few)
    assert report.room.rank < 6 and "directions of the inputs" in report.room.sentence
    quick = bench.audit(net, (torch.randn(1, 6), torch.tensor([1])), loss=functional.cross_entropy, budget=1e-9, **few)
    assert quick.room.reason is not None and "s of the budget are left" in quick.room.reason
