"""Protects: the bias's gradient counts the labels where the mean probability of each class is small."""

import pytest
import torch
from label_batches import overlap, shared

from bench.labels.bias_corrected import BiasCorrectedRule


def test_a_batch_of_many_classes_is_counted_exactly() -> None:
    labels = torch.tensor([[0, 0, 0, 17, 42, 42, 99, 63]])
    assert torch.equal(BiasCorrectedRule()(shared(labels, 100)), labels.sort(1).values)


@pytest.mark.parametrize("labels", [[[3]], [[2] * 30], [[0, 1] * 40]], ids=["one", "one class", "two classes"])
def test_every_batch_has_a_figure(labels) -> None:
    assert overlap(BiasCorrectedRule()(shared(labels, 10)), torch.tensor(labels)) >= 0.9
