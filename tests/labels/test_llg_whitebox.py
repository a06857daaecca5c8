"""Protects: with impact and offset measured on dummies, LLG counts batches larger than the class count exactly."""

import pytest
import torch
from label_batches import overlap, shared

from bench.labels.llg_whitebox import LLGWhiteboxRule

DRAWN = torch.randint(10, (3, 32), generator=torch.Generator().manual_seed(0)).tolist()


@pytest.mark.parametrize("labels", [[[3]], [[6] * 40], DRAWN], ids=["one", "one class", "32 of 10 classes"])
def test_labels_are_counted(labels) -> None:
    assert overlap(LLGWhiteboxRule()(shared(labels, 10)), torch.tensor(labels)) == 1.0


def test_the_length_of_the_update_is_divided_out() -> None:
    labels = torch.tensor(DRAWN)
    assert overlap(LLGWhiteboxRule()(shared(labels, 10, unit=0.02)), labels) == 1.0
