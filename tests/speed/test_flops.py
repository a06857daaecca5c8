"""Floating-point operations and bytes, against what a person counts with the network's plan in hand."""

import pytest
import torch

from bench.speed import flops
from bench.speed import setting as setting_module
from bench.speed.setting import prepare

SMALL = ["engine.chunk=2", "engine.compile=false", "attack.history=10"]
TINY = [*SMALL, "data.size=8"]  # n = 192


@pytest.fixture(autouse=True)
def _small_pool(monkeypatch):
    """Operations are counted on one victim."""
    monkeypatch.setattr(setting_module, "BLOCK", 1)


@pytest.fixture
def cifar():
    return prepare(TINY)


def lenet(channels, side, classes):
    """Operations of LeNet's objective with its gradient, by hand.

    A convolution, the gradient of its input and that of its weights cost the same; so does each of the products that
    differentiating them once more leads to.
    """
    sides = [-(-side // 2), -(-side // 4)]
    first = 2 * sides[0] ** 2 * 12 * channels * 25
    later = 2 * sides[1] ** 2 * 12 * 12 * 25  # the second and the third convolution
    linear = 2 * sides[1] ** 2 * 12 * classes
    forward = first + 2 * later + linear
    # the first layer's input gradient is not needed here, as only weight gradients are shared
    gradient = first + 2 * 2 * later + 2 * linear
    # each weight gradient is a product of two things that depend on the dummy; each input gradient has one such factor
    back_through_gradient = 2 * first + 2 * 3 * later + 3 * linear
    back_through_forward = first + 2 * later + linear
    spectrum = 2 * 2 * 2 * channels * side**3  # two products a channel from variables to pixels, and two back
    return forward + gradient + back_through_gradient + back_through_forward + spectrum


@pytest.mark.parametrize(
    ("overrides", "by_hand"),
    [
        (["data.set=mnist"], lenet(1, 28, 10)),
        pytest.param([], lenet(3, 32, 10), marks=pytest.mark.slow),
        pytest.param(["data.set=cifar100"], lenet(3, 32, 100), marks=pytest.mark.slow),
    ],
)
def test_lenet_by_hand(overrides, by_hand):
    found = flops.count(prepare([*SMALL, *overrides]))
    assert found.matching == by_hand
    assert found.matching < found.eager < 1.5 * found.matching
    assert found.total == found.matching + found.history
    assert 8_000_000 < lenet(3, 32, 10) < 20_000_000


def test_what_nothing_depends_on_is_not_counted():
    a, b = torch.rand(8, 8), torch.rand(8, 8)

    def wasteful(x):
        _ = x @ b
        return a @ x, x

    assert flops.counted(lambda: wasteful(a)) == 2 * flops.needed(wasteful, a) == 2 * 2 * 8**3


def test_what_cannot_be_traced_has_no_count():
    def branches(x):
        return (x, x) if x.sum() > 0 else (x @ x, x)

    assert flops.needed(branches, torch.rand(2, 2)) is None


@pytest.mark.slow
def test_a_direction_costs_products_with_all_pairs(cifar):
    longer = prepare([*TINY, "attack.history=20"])
    m, n = 10, 192
    found, double = (flops.counted(flops._direction(setting)) for setting in (cifar, longer))
    assert 8 * m * n <= found <= 13 * m * n  # S and Y, from both sides, and the products with the new pair
    assert 1.9 < double / found < 2.1


def test_bytes_of_a_history_are_four_passes_and_a_new_pair(cifar):
    assert flops.history_bytes(cifar) == 4 * (4 * 10 * 192) + 2 * 4 * 192
