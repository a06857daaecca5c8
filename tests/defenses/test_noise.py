"""Noise has the strength that was asked for, whichever way it was said."""

import math

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
