"""Protects: each attack sees its own victim's tensors, in the type it computes in, and counters stay whole numbers."""

import torch

from bench.attacks.exact.one_victim import one_victim


def test_floats_are_cast_and_whole_numbers_are_not() -> None:
    group = {"weight": torch.tensor([[0.1, 0.2], [0.3, 0.4]]), "count": torch.tensor([3, 2**60 + 1])}
    found = one_victim(group, 1, torch.zeros((), dtype=torch.float64))
    assert torch.equal(found["weight"], group["weight"][1].double()) and found["weight"].dtype == torch.float64
    assert found["count"].item() == 2**60 + 1  # which float64 cannot hold
