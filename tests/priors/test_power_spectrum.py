"""The prior of natural spectra: a Gaussian whose covariance is written out here by a matrix."""

import math

import pytest
import torch
from torch import Tensor

from bench.priors.power_spectrum import PowerSpectrum


def covariance(side: int, decay: float, deviation: float) -> Tensor:
    """`[n, n]`, of the pixels of an image, from cosines and deviations per frequency that are computed one by one."""
    waves, deviations = [], []
    for row in range(side):
        for column in range(side):
            axis = [
                [math.cos(math.pi * k * (i + 0.5) / side) * math.sqrt((1 if k == 0 else 2) / side) for i in range(side)]
                for k in (row, column)
            ]
            waves.append(torch.outer(*(torch.tensor(one, dtype=torch.float64) for one in axis)).flatten())
            deviations.append((1 + math.hypot(row, column)) ** -decay)
    basis, sizes = torch.stack(waves), torch.tensor(deviations, dtype=torch.float64)
    sizes = deviation * sizes / sizes.square().mean().sqrt()
    return basis.mT @ torch.diag(sizes.square()) @ basis


def test_it_is_the_density_of_that_gaussian() -> None:
    torch.manual_seed(0)
    images = torch.rand(3, 2, 1, 4, 4, dtype=torch.float64)
    precision = covariance(4, 1.0, 0.3).inverse()
    apart = (images - 0.5).flatten(2)
    expected = torch.einsum("sbi,ij,sbj->s", apart, precision, apart) / 2
    torch.testing.assert_close(PowerSpectrum(1.0, 0.3, 0.5)(images), expected)


def test_the_deviation_is_that_of_a_pixel() -> None:
    mean_variance = covariance(4, 1.0, 0.3).diagonal().mean().sqrt()
    assert float(mean_variance) == pytest.approx(0.3)


def test_numbers_have_their_ranges() -> None:
    with pytest.raises(ValueError, match="deviation=0"):
        PowerSpectrum(1.0, 0.0, 0.5)
    with pytest.raises(ValueError, match="decay=-1"):
        PowerSpectrum(-1.0, 0.3, 0.5)


def test_its_precision_and_what_is_drawn_from_it_are_those_of_that_gaussian() -> None:
    prior, expected = PowerSpectrum(1.0, 0.3, 0.5), covariance(4, 1.0, 0.3)
    torch.testing.assert_close(prior.precision((4, 4)), expected.inverse())
    both = torch.block_diag(expected, expected)  # two images are independent
    torch.testing.assert_close(prior.precision((2, 1, 4, 4)), both.inverse())
    units = torch.eye(16, dtype=torch.float64).reshape(16, 4, 4)
    spread = (prior.drawn(units) - 0.5).flatten(1)
    torch.testing.assert_close(spread.T @ spread, expected)
