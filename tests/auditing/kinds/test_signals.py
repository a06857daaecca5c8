"""Scores of signals."""

import torch

from bench.auditing.kinds.signals import correlation


def test_correlation_is_that_of_pearson() -> None:
    x = torch.randn(2, 1, 1, 9, generator=torch.Generator().manual_seed(0))
    y = x + torch.randn(2, 1, 1, 9, generator=torch.Generator().manual_seed(1))
    wanted = [torch.corrcoef(torch.stack([a.flatten(), b.flatten()]).double())[0, 1] for a, b in zip(x, y)]
    assert torch.allclose(correlation(y, x), torch.stack(wanted))
