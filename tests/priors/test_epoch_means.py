"""The order-invariant term: zero for the same examples in any order, and above it for others."""

import pytest
import torch

from bench.priors.epoch_means import EpochMeans, epoch_means

IMAGES = torch.rand(2, 4, 1, 3, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)  # [S, B, ...]


def test_the_order_within_an_epoch_does_not_matter_and_the_examples_do() -> None:
    other = IMAGES[:, torch.tensor([2, 0, 3, 1])]
    shuffled = torch.stack([IMAGES, other], 2).flatten(1, 2)  # the images of one example beside each other
    torch.testing.assert_close(epoch_means(shuffled, 2), torch.zeros(2, dtype=torch.float64), rtol=0, atol=1e-12)
    brighter = torch.stack([IMAGES, other + 0.2], 2).flatten(1, 2)
    torch.testing.assert_close(epoch_means(brighter, 2), torch.full((2,), 0.01, dtype=torch.float64))


def test_it_is_half_the_mean_squared_distance_over_all_pairs_of_epochs() -> None:
    means = IMAGES.unflatten(1, (2, 2)).mean(1)  # two examples, two epochs
    pairs = (means.unsqueeze(1) - means.unsqueeze(2)).square().mean((1, 2, 3, 4, 5))
    torch.testing.assert_close(epoch_means(IMAGES, 2), pairs / 2)


def test_the_weight_is_a_factor_and_without_epochs_there_is_nothing_to_compare() -> None:
    torch.testing.assert_close(EpochMeans(3.0).of(2)(IMAGES), 3 * epoch_means(IMAGES, 2))
    assert torch.equal(EpochMeans(3.0)(IMAGES), torch.zeros(2, dtype=torch.float64))
    with pytest.raises(ValueError, match="weight=-1: must be >= 0"):
        EpochMeans(-1)
