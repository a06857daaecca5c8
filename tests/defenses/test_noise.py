"""Noise has the strength that was asked for, whichever way it was said."""

import math

import numpy as np
import pytest
import torch
from defenses.trees import local, protected
from scipy import stats

from bench.defenses.noise import Gaussian, Laplacian, laplacian

CLEAN = {"w": torch.zeros(200, 500)}


@pytest.mark.parametrize("std", [1e-1, 1e-4])
@pytest.mark.parametrize(("kind", "law"), [(Gaussian, stats.norm), (Laplacian, stats.laplace)])
def test_moments_and_law(kind, law, std):
    noise = protected(kind(std, None, 0), CLEAN)[0]["w"].double().flatten()
    n = noise.numel()
    kurtosis = {Gaussian: 3, Laplacian: 6}[kind]
    assert abs(noise.mean()) < 4 * std / math.sqrt(n)
    # standard error of a variance: sigma^2 sqrt((kurtosis - 1) / n)
    assert abs(noise.var() - std**2) < 4 * std**2 * math.sqrt((kurtosis - 1) / n)
    scale = std if kind is Gaussian else std / math.sqrt(2)
    assert stats.kstest(noise.numpy(), law(scale=scale).cdf).pvalue > 0.01


@pytest.mark.parametrize("kind", [Gaussian, Laplacian])
def test_a_variance_is_the_square_of_a_standard_deviation(kind):
    first, second = protected(kind(0.1, None, 3), CLEAN)[0]["w"], protected(kind(None, 0.01, 3), CLEAN)[0]["w"]
    torch.testing.assert_close(first, second, rtol=1e-6, atol=0)
    for one in (kind(0.1, None, 3), kind(None, 0.01, 3)):
        facts = one.facts(local())
        assert facts["std"] == pytest.approx(0.1) and facts["variance"] == pytest.approx(0.01)
    assert Laplacian(0.1, None, 0).facts(local())["scale"] == pytest.approx(0.1 / math.sqrt(2))


@pytest.mark.parametrize("given", [(None, None), (0.1, 0.01), (-0.1, None), (None, -1.0), (math.inf, None)])
def test_one_of_the_two_is_said_and_not_negative(given):
    with pytest.raises(ValueError, match=r"say one|must be"):
        Gaussian(*given, 0)


def test_extreme_uniform_numbers_stay_finite():
    ends = torch.tensor([0.0, 1 - 2**-24])
    assert torch.isfinite(laplacian(ends[:, None], ends[None])).all()


def test_the_information_of_noise_is_that_of_gaussian_noise_of_this_deviation():
    """The Fisher information of a location is the mean square of the law's score, which is 1 / deviation^2."""
    for kind in (Gaussian, Laplacian):
        std = kind(0.2, None, 0).gaussian_std(local())
        scale = 0.2 if kind is Gaussian else 0.2 / math.sqrt(2)
        law = stats.norm(scale=scale) if kind is Gaussian else stats.laplace(scale=scale)
        x = law.ppf((np.arange(100_000) + 0.5) / 100_000)
        score = (law.logpdf(x + 1e-6) - law.logpdf(x - 1e-6)) / 2e-6
        assert np.mean(score**2) == pytest.approx(1 / std**2, rel=1e-3)
        assert kind(0.0, None, 0).gaussian_std(local()) is None
