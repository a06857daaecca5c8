"""The correlation of series, against numpy."""

import numpy as np
import pytest
import torch

from bench.metrics.series.batch import SeriesBatch
from bench.metrics.series.correlation import Correlation, correlation

LABELS = torch.zeros(2, 3, dtype=torch.int64)


def drawn(seed: int) -> torch.Tensor:
    return torch.randn(2, 3, 2, 9, generator=torch.Generator().manual_seed(seed))


def test_correlation_is_that_of_pearson_over_channels_and_times() -> None:
    truth = drawn(0)
    guess = truth + drawn(1)
    found = Correlation().score(SeriesBatch(guess, LABELS), SeriesBatch(truth, LABELS))
    for v in range(2):
        for b in range(3):
            wanted = np.corrcoef(guess[v, b].flatten().double().numpy(), truth[v, b].flatten().double().numpy())[0, 1]
            assert float(found[v, b]) == pytest.approx(wanted, rel=1e-12)


def test_scale_and_level_do_not_matter_and_a_constant_has_none() -> None:
    truth = drawn(0)
    assert torch.allclose(correlation(3 * truth + 1, truth), torch.ones(2, 3, dtype=torch.float64))
    assert correlation(torch.ones_like(truth), truth).isnan().all()
