"""Protects: counts from mean features and probabilities, which two gradients of a dummy give without a look inside."""

import pytest
import torch
from label_batches import overlap, shared

from bench.labels.dummies import uniform_images
from bench.labels.geng import GengRule, _on_dummies, counts_by_means

DRAWN = torch.randint(10, (3, 32), generator=torch.Generator().manual_seed(0)).tolist()


def test_the_formula() -> None:
    """Two of three labels are class 0: with p = (1/2, 1/2) and O = 4, g = 4 (1/2 - 2/3, 1/2 - 1/3)."""
    sums = torch.tensor([4 * (1 / 2 - 2 / 3), 4 * (1 / 2 - 1 / 3)])
    assert counts_by_means(sums, torch.tensor([0.5, 0.5]), torch.tensor(4.0), 3).tolist() == [2, 1]


@pytest.mark.parametrize("bias", [True, False])
def test_features_and_probabilities_of_dummies_are_those_inside_the_model(bias) -> None:
    seen = shared([[2]], 10, bias=bias, unit=0.5)
    images = uniform_images(seen, 0, (5, 1), 0, "test")
    own = {name: value[0] for name, value in seen.parameters.items()}
    features = (images.flatten(1) @ own["1.weight"].T + own["1.bias"]).relu()
    logits = features @ own["3.weight"].T + (own["3.bias"] if bias else 0)
    probabilities, feature_sum = _on_dummies(seen, 0, images, None)
    assert torch.allclose(probabilities, logits.softmax(1).mean(0))
    assert torch.allclose(feature_sum, features.sum(1).mean())


@pytest.mark.parametrize("labels", [[[3]], [[6] * 40], DRAWN], ids=["one", "one class", "32 of 10 classes"])
@pytest.mark.parametrize("unit", [1.0, 0.02])
def test_labels_are_counted(labels, unit) -> None:
    assert overlap(GengRule()(shared(labels, 10, unit=unit)), torch.tensor(labels)) >= 0.98
