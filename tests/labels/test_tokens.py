"""Protects: the set of tokens that an untied causal head predicts is read off the signs of its rows."""

from types import SimpleNamespace

import pytest
import torch
from label_batches import shared
from torch import nn
from torch.nn import functional

from bench.errors import NotApplicable
from bench.labels.tokens import TokenRule, predicted_tokens


def head_gradient(targets: torch.Tensor, vocabulary: int) -> torch.Tensor:
    """The gradient `[N, D]` of an output layer that predicts these tokens of hidden states with a common mean."""
    torch.manual_seed(0)
    head = nn.Linear(32, vocabulary, bias=False).double()
    hidden = torch.randn(len(targets), 32).double() * 0.3 + torch.randn(32).double()
    functional.cross_entropy(head(hidden), targets).backward()
    assert head.weight.grad is not None
    return head.weight.grad


def test_the_set_of_predicted_tokens_is_exact() -> None:
    """Hidden states have both signs, and tokens repeat."""
    targets = torch.randint(500, (60,), generator=torch.Generator().manual_seed(1))
    found = predicted_tokens(head_gradient(targets, 500).unsqueeze(0))[0].nonzero().squeeze(1)
    assert found.tolist() == sorted(set(targets.tolist()))


def test_each_victim_has_its_tokens_and_short_rows_are_filled_up() -> None:
    seen = shared([[0], [0]], 200)
    gradients = [head_gradient(torch.tensor(tokens), 200) for tokens in ([7, 7, 3], [150])]
    seen.gradients["3.weight"] = torch.stack(gradients)
    seen.task.__dict__["language"] = SimpleNamespace(head="causal", tied=False)
    assert TokenRule()(seen).tolist() == [[3, 7], [150, -1]]


@pytest.mark.parametrize(
    "language",
    [None, SimpleNamespace(head="classification", tied=False), SimpleNamespace(head="causal", tied=True)],
    ids=["images", "classifier", "tied"],
)
def test_models_without_an_output_layer_of_tokens_are_refused(language) -> None:
    seen = shared([[0]], 10)
    seen.task.__dict__["language"] = language
    with pytest.raises(NotApplicable, match="needs a causal language model"):
        TokenRule()(seen)
