"""Labels as probabilities, against torch's own one-hot labels, which `torch.func` cannot map."""

import torch
from torch.func import vmap
from torch.nn.functional import one_hot

from bench.defenses.example_form import probabilities

LABELS = torch.tensor([[3, 0, 9], [1, 1, 2]])


def test_class_indices_become_one_hot_labels_mapped_or_not() -> None:
    wanted = one_hot(LABELS, 10).double()
    found = probabilities(LABELS, 10, torch.float64)
    assert found.dtype == torch.float64 and torch.equal(found, wanted)
    assert torch.equal(vmap(lambda row: probabilities(row, 10, torch.float64))(LABELS), wanted)


def test_probabilities_stay_as_they_are() -> None:
    soft = torch.tensor([[0.25, 0.75]])
    assert probabilities(soft, 2, torch.float64) is soft
