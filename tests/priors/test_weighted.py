"""What priors with a weight and no other setting share."""

import pytest
import torch

from bench.priors.temporal_variation import TemporalVariation
from bench.priors.total_variation import TotalVariation
from bench.priors.trend import Trend


@pytest.mark.parametrize("kind", [TotalVariation, TemporalVariation, Trend])
def test_the_penalty_is_weighted_and_a_negative_weight_is_refused(kind) -> None:
    x = torch.rand(3, 2, 1, 4, 5, generator=torch.Generator().manual_seed(0))
    x = x[:, :, 0] if kind.of_series else x
    assert torch.equal(kind(0.5)(x), 0.5 * kind.penalty(x)) and kind(0.5)(x).shape == (3,)
    with pytest.raises(ValueError, match="weight=-1: must be >= 0"):
        kind(-1)
