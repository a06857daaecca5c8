"""Protects: RLG's set is exact if the batch is smaller than features and classes; it is counted in every other case."""

import pytest
import torch
from label_batches import shared

from bench.labels.rlg import RLGRule, row_factor, separable


def test_the_set_of_labels_is_what_can_be_separated() -> None:
    """p - y by hand: three examples of classes 0, 0 and 2 with independent features."""
    error = torch.full((3, 6), 1 / 6, dtype=torch.float64)
    for example, label in enumerate([0, 0, 2]):
        error[example, label] -= 1
    features = torch.eye(3, 8, dtype=torch.float64) + 0.1
    assert separable(row_factor(error.T @ features, 3)).tolist() == [True, False, True, False, False, False]


def test_labels_of_a_real_network_are_found_and_counted() -> None:
    labels = torch.stack([torch.randint(50, (8,), generator=torch.Generator().manual_seed(v)) for v in range(3)])
    assert torch.equal(RLGRule()(shared(labels, 50)), labels.sort(1).values)


@pytest.mark.parametrize("labels", [[[3]], [[6] * 40], [list(range(10)) * 3]], ids=["one", "one class", "all classes"])
def test_every_batch_has_a_figure(labels) -> None:
    assert RLGRule()(shared(labels, 10)).shape == (1, len(labels[0]))


def test_a_gradient_of_zeros_or_nan_has_a_figure() -> None:
    for value in (0.0, torch.nan):
        seen = shared([[1, 2]], 5)
        seen.gradients["3.weight"].fill_(value)
        assert RLGRule()(seen).shape == (1, 2)
