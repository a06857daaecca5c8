"""Protects: iLRG restores features, solves the counts, and has a figure for every batch."""

import pytest
import torch
from label_batches import overlap, shared

from bench.errors import NotApplicable
from bench.labels.ilrg import ILRGRule, restored_features, solved_counts

DRAWN = torch.randint(100, (2, 128), generator=torch.Generator().manual_seed(0)).tolist()


def test_the_features_of_one_example_are_restored_by_every_row() -> None:
    error, features = torch.tensor([0.2, -0.7, 0.5]), torch.tensor([1.0, 2.0])
    assert torch.allclose(restored_features(torch.outer(error, features), error), features.expand(3, 2))


def test_counts_solve_the_equations_that_the_bias_gives() -> None:
    """Each class has probabilities of its own, and n is what made the gradient."""
    counts = torch.tensor([3.0, 0.0, 2.0, 5.0], dtype=torch.float64)
    own = torch.rand(4, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0)).softmax(1)
    bias = (counts @ own - counts) / counts.sum()
    assert torch.allclose(solved_counts(own, bias, 10), counts)


@pytest.mark.parametrize(
    ("labels", "classes"), [([[3]], 10), ([[6] * 40], 10), (DRAWN, 100)], ids=["one", "one class", "128 of 100 classes"]
)
@pytest.mark.parametrize("unit", [1.0, 0.02])
def test_labels_of_an_untrained_network_are_counted(labels, classes, unit) -> None:
    assert overlap(ILRGRule()(shared(labels, classes, unit=unit)), torch.tensor(labels)) >= 0.98


def test_an_update_that_is_not_finite_has_a_figure_and_a_layer_without_bias_is_refused() -> None:
    seen = shared([[1, 2]], 10)
    for value in seen.gradients.values():
        value.fill_(torch.nan)
    assert ILRGRule()(seen).shape == (1, 2)
    with pytest.raises(NotApplicable, match="needs a last layer with a bias"):
        ILRGRule().check(shared([[1, 2]], 10, bias=False))
