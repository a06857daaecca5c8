"""Protects: one loss for classes and tokens, equal to torch's, for hard and for soft targets."""

import pytest
import torch
from torch.nn import functional

from bench.messages.victims import NO_TARGET
from bench.models.text.token_loss import cross_entropy

LOGITS = torch.randn(3, 5, 7, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
TARGETS = torch.tensor([[1, 6, NO_TARGET, 0, 2], [NO_TARGET] * 5, [3, 3, 3, 3, NO_TARGET]])


def test_equals_torch_for_classes_and_for_tokens():
    classes = torch.tensor([0, 6, 3])
    assert cross_entropy(LOGITS[:, 0], classes) == pytest.approx(functional.cross_entropy(LOGITS[:, 0], classes))
    expected = functional.cross_entropy(LOGITS.flatten(0, 1), TARGETS.flatten(), ignore_index=NO_TARGET)
    assert cross_entropy(LOGITS, TARGETS).item() == pytest.approx(expected.item(), rel=1e-12)


def test_probabilities_that_are_certain_are_the_hard_targets():
    soft = functional.one_hot(TARGETS.clamp(min=0), 7).double() * (TARGETS >= 0)[..., None]
    assert cross_entropy(LOGITS, soft).item() == pytest.approx(cross_entropy(LOGITS, TARGETS).item(), rel=1e-12)
    certain = functional.one_hot(torch.tensor([0, 6, 3]), 7).double()
    assert cross_entropy(LOGITS[:, 0], certain).item() == pytest.approx(
        functional.cross_entropy(LOGITS[:, 0], certain).item(), rel=1e-12
    )
