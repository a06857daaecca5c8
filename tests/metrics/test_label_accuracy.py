"""Label accuracy by hand: right, wrong, and no claim, which is neither."""

import pytest
import torch

from bench.metrics.base import Batch
from bench.metrics.label_accuracy import LabelAccuracy


def batch(labels):
    return Batch.clipped(torch.zeros(*torch.tensor(labels).shape, 1, 2, 2), torch.tensor(labels))


def test_right_wrong_and_no_claim():
    metric = LabelAccuracy()
    guess, truth = batch([[1, 2], [-1, 4], [0, -1]]), batch([[1, 3], [0, 4], [5, 6]])
    assert metric.score(guess, truth).tolist()[0] == [1.0, 0.0]
    metric.update(guess, truth)
    # 1 right, 0 wrong, no claim, 1 right, 0 wrong, no claim: the labels of two of six samples are known.
    assert metric.compute().item() == pytest.approx(2 / 6)
    assert metric.count.item() == 6


def test_no_claim_at_all_has_no_mean():
    metric = LabelAccuracy()
    metric.update(batch([[-1, -1]]), batch([[0, 1]]))
    assert metric.compute().isnan()
