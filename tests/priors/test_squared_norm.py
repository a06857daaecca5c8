"""Protects: the mean squared distance from an even image, per victim."""

import pytest
import torch

from bench.priors.squared_norm import SquaredNorm


def test_it_is_the_mean_of_squares_about_the_centre() -> None:
    images = torch.rand(3, 2, 1, 4, 4, generator=torch.Generator().manual_seed(0))
    expected = torch.stack([2 * ((one - 0.5) ** 2).mean() for one in images])
    torch.testing.assert_close(SquaredNorm(2.0, 0.5)(images), expected)
    assert SquaredNorm(2.0, 0.5)(torch.full_like(images, 0.5)).eq(0).all()


def test_a_negative_weight_is_refused() -> None:
    with pytest.raises(ValueError, match="weight=-1"):
        SquaredNorm(-1, 0.5)
