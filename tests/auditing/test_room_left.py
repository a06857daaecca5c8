"""The room that is left is that of the Jacobian."""

import numpy as np
import pytest
import scipy.fft
import torch
from torch import nn
from torch.nn import functional

import bench
from bench.engine.rng import draw
from bench.priors.power_spectrum import PowerSpectrum


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


def test_no_attacker_is_better_on_average_over_images_than_van_trees() -> None:
    """The formula, the prior's precision and the Jacobians of the four images that are drawn from it, written anew."""
    torch.manual_seed(0)
    net, goal, std = nn.Sequential(nn.Flatten(), nn.Linear(16, 3)), torch.randn(1, 3), 0.3
    known = ("threat.labels=true", "attack.evaluations=2", "metric=mse", f"defense.std={std}")
    noise = {"defense": "gaussian", "overrides": known, "attack": "dlg"}
    room = bench.audit(net, (torch.rand(1, 1, 4, 4), goal), loss=functional.mse_loss, **noise).room
    net = net.double()

    def gradient(pixels: torch.Tensor) -> torch.Tensor:
        loss = functional.mse_loss(net(pixels[None]), goal.double())
        return torch.cat([g.flatten() for g in torch.autograd.grad(loss, list(net.parameters()), create_graph=True)])

    numbers = [draw("normal", (1, 1, 4, 4), "bayesian limit", 0, at).double() for at in range(4)]
    images = [PowerSpectrum(1.0, 0.3, 0.5).drawn(one).flatten() for one in numbers]
    jacobians = [torch.autograd.functional.jacobian(gradient, image).numpy() for image in images]
    cosines = scipy.fft.dct(np.eye(4), norm="ortho", axis=0)
    size = 1 / (1 + np.hypot(*np.mgrid[:4, :4]))
    deviations = (0.3 * size / np.sqrt((size**2).mean())).flatten()
    basis = np.kron(cosines, cosines)
    precision = basis.T @ np.diag(deviations**-2) @ basis
    information = np.mean([rows.T @ rows for rows in jacobians], 0) / std**2 + precision
    # The audit's weights and targets are in float32 first, hence five digits.
    assert room.average == pytest.approx(float(np.sqrt(np.trace(np.linalg.inv(information)) / 16)), rel=1e-5)
    assert 0 < room.average < min(0.3, room.bound)
    words = " ".join(room.sentence.split())
    assert "On average over images that are drawn from a Gaussian prior" in words and "holds in the mean" in words


def test_there_is_no_average_over_images_without_noise_images_or_time() -> None:
    known = {"attack": "idlg", "overrides": ("attack.evaluations=2", "metric=mse")}
    few = nn.Sequential(nn.Flatten(), nn.Linear(16, 3))
    image, row, label = torch.rand(1, 1, 4, 4), torch.rand(1, 16), torch.tensor([1])
    noisy = {**known, "defense": "gaussian", "overrides": ("defense.std=0.05", *known["overrides"])}
    rooms = [
        bench.audit(few, (image, label), loss=functional.cross_entropy, **known).room,
        bench.audit(few, (row, label), loss=functional.cross_entropy, **noisy).room,
        bench.audit(few, (image, label), loss=functional.cross_entropy, budget=1e-9, **noisy).room,
    ]
    assert [room.average for room in rooms] == [None, None, None]
    assert not any("On average" in room.sentence for room in rooms)
    with_all = bench.audit(few, (image, label), loss=functional.cross_entropy, **noisy).room
    assert with_all.average is not None and with_all.bound is not None and "On average" in with_all.sentence


@pytest.mark.parametrize("threat", ["threat=basic", "threat=labels_known"])
def test_there_is_a_jacobian_of_a_regression(threat: str) -> None:
    """torch has no forward derivative of mse_loss by itself, whether the targets are known or searched."""
    torch.manual_seed(0)
    net, row, goal = nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 2)), torch.randn(2, 6), torch.randn(2, 2)
    few = {"attack": "dlg", "overrides": (threat, "attack.evaluations=2")}
    room = bench.audit(net, (row, goal), loss=functional.mse_loss, **few).room
    assert room.reason is None and room.rank == room.entries == 12
