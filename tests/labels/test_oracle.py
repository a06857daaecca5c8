"""Protects: the oracle returns what is granted, and says what it needs."""

from dataclasses import replace

import torch
from label_batches import shared

from bench.labels.oracle import OracleRule


def test_granted_labels_are_returned_as_they_are() -> None:
    labels = torch.tensor([[3, 1, 1]])
    assert torch.equal(OracleRule()(replace(shared(labels, 10), labels=labels)), labels)
    assert "labels" in OracleRule.needs
