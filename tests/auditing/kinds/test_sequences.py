"""Sequences of vectors keep their order."""

import torch

from bench.auditing.kinds.base import Knowledge
from bench.auditing.kinds.sequences import Sequences


def test_a_vector_stays_at_its_place() -> None:
    one = Sequences((3, 2), Knowledge(std=10.0))
    x = torch.arange(12.0).reshape(2, 3, 2)
    assert one.packed == (6, 1, 1)
    assert torch.allclose(one.to_user()(one.pack(x)), x, atol=1e-4)
