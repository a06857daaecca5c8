"""Protects: LLG counts the labels of an untrained network, duplicates included, and always has a figure."""

import pytest
import torch
from label_batches import overlap, shared

from bench.labels.llg import LLGRule

CASES = [[[3]], [[0, 0, 5, 7]], [[9] * 16], [[4] * 64]]


@pytest.mark.parametrize("labels", CASES, ids=["one", "duplicates", "one class", "one class of 64"])
def test_labels_of_an_untrained_network_are_counted(labels) -> None:
    """By the formula: with equal probabilities 1/K, the sum of row c is O (1/K - n_c / B)."""
    assert overlap(LLGRule()(shared(labels, 10, scale=0.01)), torch.tensor(labels)) >= 0.9


def test_sums_need_the_features_to_be_positive_but_no_length_of_the_update() -> None:
    labels = torch.tensor([[1, 1, 2, 6]])
    assert torch.equal(LLGRule()(shared(labels, 20, unit=0.03)), labels)


def test_a_batch_with_every_class_equally_often_has_a_figure() -> None:
    """Its sums are nearly zero, so that the signs say nothing."""
    found = LLGRule()(shared([list(range(10)) * 4], 10))
    assert found.shape == (1, 40) and 0 <= int(found.min()) <= int(found.max()) < 10
