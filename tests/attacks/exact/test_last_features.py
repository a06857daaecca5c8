"""Protects: features and label of the last layer are exact, with a bias and without one."""

import pytest
import torch
from torch.nn import functional

from bench.attacks.exact.last_features import candidates


def layer(classes: int, seed: int, bias: bool):
    generator = torch.Generator().manual_seed(seed)
    weight = torch.randn(classes, 20, generator=generator, dtype=torch.float64) / 20**0.5
    offset = torch.randn(classes, generator=generator, dtype=torch.float64) if bias else None
    features = torch.randn(20, generator=generator, dtype=torch.float64)  # of both signs, as behind a leaky ReLU
    label = int(torch.randint(classes, (1,), generator=generator))
    return weight, offset, features, label


def gradients(weight, offset, features, label):
    parts = [value.clone().requires_grad_() for value in (weight, offset) if value is not None]
    logits = functional.linear(features, *parts)
    return torch.autograd.grad(functional.cross_entropy(logits[None], torch.tensor([label])), parts)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("classes", [3, 10, 100])
@pytest.mark.parametrize("bias", [True, False])
def test_features_and_label_are_exact(classes, seed, bias) -> None:
    weight, offset, features, label = layer(classes, seed, bias)
    found = gradients(weight, offset, features, label)
    best = candidates(found[0], found[1] if bias else None, weight, offset)[0]
    assert best.label == label and best.error < 1e-12
    torch.testing.assert_close(best.features, features, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("seed", range(4))
def test_a_frozen_bias_is_not_in_the_way(seed) -> None:
    weight, offset, features, label = layer(5, seed, bias=True)
    best = candidates(gradients(weight, offset, features, label)[0], None, weight, offset)[0]
    assert best.label == label
    torch.testing.assert_close(best.features, features, rtol=1e-9, atol=1e-9)


def test_two_classes_have_the_truth_among_several_candidates() -> None:
    several = 0
    for seed in range(8):
        weight, _, features, label = layer(2, seed, bias=False)
        found = candidates(gradients(weight, None, features, label)[0], None, weight, None)
        several += len(found) > 1
        assert any(one.label == label and torch.allclose(one.features, features, rtol=1e-8) for one in found)
    assert several


def test_a_gradient_of_zeros_has_no_candidate() -> None:
    weight = torch.ones(3, 4, dtype=torch.float64)
    assert candidates(torch.zeros_like(weight), None, weight, None) == []
    assert candidates(weight, torch.zeros(3, dtype=torch.float64), weight, None) == []
