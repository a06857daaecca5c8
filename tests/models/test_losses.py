"""Losses by name, and losses that hold tensors, in the type of the logits."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from bench.errors import UserError
from bench.models.losses import Fitted, fitted, loss_of

LOGITS = torch.randn(4, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
LABELS = torch.tensor([0, 2, 1, 2])


def test_a_loss_is_a_function_of_torch_or_of_ones_own() -> None:
    assert loss_of("cross_entropy") is functional.cross_entropy
    assert loss_of("torch.nn.functional:nll_loss") is functional.nll_loss
    for name in ("crossentropy", "__name__"):
        with pytest.raises(UserError, match=f"model.loss='{name}': not in torch.nn.functional"):
            loss_of(name)


@pytest.mark.parametrize("held", [torch.float32, torch.float64, torch.bfloat16])
def test_class_weights_are_used_in_the_type_of_the_logits_and_stay_what_they_are(held: torch.dtype) -> None:
    weight = torch.tensor([1.0, 2.0, 0.5], dtype=held)
    module = nn.CrossEntropyLoss(weight=weight)
    for dtype in (torch.float32, torch.float64):
        found = fitted(module)(LOGITS.to(dtype), LABELS)
        assert found.dtype is dtype
        torch.testing.assert_close(found, functional.cross_entropy(LOGITS.to(dtype), LABELS, weight=weight.to(dtype)))
    assert module.weight.dtype is held


def test_whole_numbers_that_a_loss_holds_stay_whole() -> None:
    class Picks(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.register_buffer("column", torch.tensor([2]))

        def forward(self, logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
            return logits[:, self.column].sum()

    assert fitted(Picks())(LOGITS, LABELS) == LOGITS[:, 2].sum()


def test_only_modules_are_wrapped() -> None:
    assert isinstance(fitted(nn.CrossEntropyLoss()), Fitted) and fitted(functional.mse_loss) is functional.mse_loss
