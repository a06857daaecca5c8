"""What is known of inputs without a range."""

import torch

from bench.auditing.kinds.base import Knowledge
from bench.auditing.kinds.lookup import kind_of


def test_public_data_give_mean_and_deviation() -> None:
    public = torch.tensor([[1.0, 10.0], [3.0, 10.0], [5.0, 10.0]])
    one = kind_of("tables", public, Knowledge(public=public))
    standard = one.standard(one.pack(public))  # type: ignore[attr-defined]
    assert torch.allclose(standard.flatten(1)[:, 0], torch.tensor([-1.0, 0.0, 1.0]), atol=1e-5)
    assert torch.allclose(standard.flatten(1)[:, 1], torch.zeros(3), atol=1e-5)  # a constant column has deviation 1
