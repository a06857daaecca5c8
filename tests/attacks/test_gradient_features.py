"""Hashing adds every entry once, with its sign, and standardised features have mean 0 and deviation 1."""

import pytest
import torch

from bench.attacks.gradient_features import FeatureHash, Standardised


def test_a_short_gradient_stays_as_it_is() -> None:
    gradients = {"a": torch.arange(6.0).view(2, 3), "b": torch.tensor([7.0, 8.0])}
    found = FeatureHash(4, 0)(gradients)
    assert torch.equal(found, torch.tensor([[0.0, 1.0, 2.0, 7.0], [3.0, 4.0, 5.0, 8.0]]))


def test_every_entry_is_added_with_its_sign_to_one_feature() -> None:
    """The hash is linear, so the images of unit vectors are all of it."""
    hashed = FeatureHash(5, 3)
    of_units = hashed({"a": torch.eye(40).view(40, 8, 5)})
    assert (
        of_units.shape == (40, 5) and (of_units.abs().sum(1) == 1).all() and (of_units.abs().max(1).values == 1).all()
    )
    assert (of_units == 1).any() and (of_units == -1).any() and (of_units != 0).any(0).all()
    values = torch.randn(3, 40, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(hashed({"a": values.view(3, 8, 5)}), values @ of_units)
    assert not torch.equal(FeatureHash(5, 4)({"a": torch.eye(40)}), of_units)


def test_inner_products_are_kept_in_expectation() -> None:
    """Over 400 hashes of 64 bins, the mean of <h(a), h(b)> is <a, b> within four standard errors of
    sqrt((|a|^2 |b|^2 + <a, b>^2) / (64 * 400))."""
    source = torch.Generator().manual_seed(0)
    a, b = torch.randn(2, 1, 500, generator=source).double()
    b = b + a
    products = torch.stack([(FeatureHash(64, s)({"x": a}) * FeatureHash(64, s)({"x": b})).sum() for s in range(400)])
    inner = (a * b).sum()
    error = ((a.square().sum() * b.square().sum() + inner**2) / (64 * 400)).sqrt()
    assert abs(products.double().mean() - inner) < 4 * error


def test_a_row_does_not_depend_on_the_others() -> None:
    values = torch.randn(9, 300, generator=torch.Generator().manual_seed(0))
    hashed = FeatureHash(16, 0)
    assert torch.equal(hashed({"a": values[4:5]})[0], hashed({"a": values})[4])


def test_standardised_features_have_mean_zero_and_deviation_one_and_constants_are_zero() -> None:
    features = 3 + 5 * torch.randn(50, 4, generator=torch.Generator().manual_seed(0))
    features[:, 2] = 7.0
    standardised = Standardised.of(features)
    found = standardised(features)
    torch.testing.assert_close(found.mean(0), torch.zeros(4), atol=1e-6, rtol=0)
    torch.testing.assert_close(found.std(0), torch.tensor([1.0, 1.0, 0.0, 1.0]))
    assert standardised(features[:1] + 1)[0, 2] == 1.0  # what was constant is not blown up


def test_no_bins_are_refused() -> None:
    with pytest.raises(ValueError, match="bins=0"):
        FeatureHash(0, 0)
