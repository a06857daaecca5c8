"""The assignment against every permutation, and what a broken image may not do to its neighbours."""

import itertools

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.metrics.matching import assign, pairwise_mse, permute
from bench.metrics.mse import mean_squared_error


def brute_force(guess, truth):
    """The least mean MSE over all orders."""
    orders = itertools.permutations(range(guess.shape[1]))
    return torch.stack([mean_squared_error(guess[:, list(o)], truth).mean(1) for o in orders]).amin(0)


@pytest.mark.parametrize("b", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("name", ["mnist", "cifar10"])
def test_no_order_is_better(images, b, name):
    generator = torch.Generator().manual_seed(b)
    pick = torch.stack([torch.randperm(20, generator=generator)[:b] for _ in range(6)])
    truth = images[name][pick]
    guess = (images[name][pick.roll(1, 0)] + 0.3 * torch.randn(truth.shape, generator=generator)).clamp(0, 1)
    permutation = assign(guess, truth)
    assert torch.equal(permutation.sort(1).values, torch.arange(b).expand(6, b))
    ours = mean_squared_error(permute(guess, permutation), truth).mean(1)
    assert torch.allclose(ours, brute_force(guess, truth), rtol=1e-12)


def test_shuffled_copies_are_put_back(images):
    truth = images["cifar10"].unsqueeze(0)
    order = torch.randperm(20, generator=torch.Generator().manual_seed(1))
    assert torch.equal(permute(truth[:, order], assign(truth[:, order], truth)), truth)


def test_victims_are_assigned_one_by_one(images):
    truth = images["mnist"].view(4, 5, 1, 28, 28)
    guess = torch.stack([truth[v].roll(v, 0) for v in range(4)])
    together = assign(guess, truth)
    assert torch.equal(together, torch.cat([assign(guess[v : v + 1], truth[v : v + 1]) for v in range(4)]))
    assert together[0].tolist() == [0, 1, 2, 3, 4] and together[1].tolist() == [1, 2, 3, 4, 0]


@pytest.mark.slow
@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 5), st.floats(-2, 3))
def test_images_are_clipped_before_they_are_compared(seed, b, shift):
    generator = torch.Generator().manual_seed(seed)
    truth = torch.rand(2, b, 1, 3, 3, generator=generator)
    guess = 2 * torch.randn(truth.shape, generator=generator) + shift
    clipped = guess.clamp(0, 1)
    ours = mean_squared_error(permute(clipped, assign(guess, truth)), truth).mean(1)
    assert torch.allclose(ours, brute_force(clipped, truth), rtol=1e-9)


@pytest.mark.parametrize("broken", [float("nan"), float("inf"), -float("inf")])
def test_a_broken_image_takes_nobody_elses_place(images, broken):
    truth = images["cifar10"][:4].unsqueeze(0)
    guess = truth[:, [2, 0, 3, 1]].clone()
    guess[0, 1, 0, 5, 5] = broken  # the copy of truth 0
    assert assign(guess, truth).tolist() == [[1, 3, 0, 2]]
    assert sorted(assign(torch.full_like(truth, broken), truth)[0].tolist()) == [0, 1, 2, 3]


def test_a_broken_image_is_not_a_black_one():
    """Taken as black it would fit the black image exactly and push the gray one to the white place."""
    truth = torch.tensor([0.0, 1.0]).view(1, 2, 1, 1, 1).expand(1, 2, 1, 4, 4)
    guess = torch.tensor([float("nan"), 0.1]).view(1, 2, 1, 1, 1).expand(1, 2, 1, 4, 4)
    assert assign(guess, truth).tolist() == [[1, 0]]


def test_costs_are_exact_for_nearly_exact_images(images):
    """Inner products in place of differences would lose an MSE of 1e-16 in their rounding."""
    truth = images["cifar10"][:3].double()
    cost = pairwise_mse(truth + 1e-8, truth)
    assert torch.allclose(cost.diagonal(), torch.tensor(1e-16).double(), rtol=1e-6, atol=0)


def test_labels_travel_with_their_images():
    permutation = torch.tensor([[1, 2, 0], [0, 2, 1]])
    assert permute(torch.tensor([[5, 6, 7], [8, 9, -1]]), permutation).tolist() == [[6, 7, 5], [8, -1, 9]]
