"""Rows that one example alone has made: the input they give, its error, and how they are told from mixtures."""

import pytest
import torch

from bench.attacks.exact.lone_rows import agreeing, fitted, variances

GENERATOR = torch.Generator().manual_seed(0)
X = torch.rand(40, generator=GENERATOR, dtype=torch.float64)
G = torch.randn(30, generator=GENERATOR, dtype=torch.float64)
EXACT = torch.outer(G, X)


def noisy(deviation: float) -> tuple[torch.Tensor, torch.Tensor]:
    random = torch.Generator().manual_seed(1)
    shapes = [EXACT.shape, G.shape]
    weight, bias = (deviation * torch.randn(shape, generator=random, dtype=torch.float64) for shape in shapes)
    return EXACT + weight, G + bias


def test_the_fit_of_an_exact_gradient_is_the_input_and_every_ratio() -> None:
    """Float64: rounding of 1e-16 per operation."""
    torch.testing.assert_close(fitted(EXACT, G), X, rtol=1e-14, atol=0)
    torch.testing.assert_close(EXACT / G[:, None], X.expand(30, -1), rtol=1e-14, atol=0)


def test_under_noise_the_fit_is_nearer_than_the_best_row() -> None:
    weight, bias = noisy(0.01)
    rows = (weight / bias[:, None] - X).square().mean(1)
    assert (fitted(weight, bias) - X).square().mean() < rows.min() / 2


def test_a_pruned_gradient_gives_the_same_input_and_what_is_lost_is_zero() -> None:
    weight = torch.where(EXACT.abs() > EXACT.abs().quantile(0.7), EXACT, 0)
    weight[:, 3] = 0
    found = fitted(weight, G)
    seen = (weight != 0).any(0)
    assert 20 < seen.sum() < 40 and found[3] == 0
    torch.testing.assert_close(found[seen], X[seen], rtol=1e-14, atol=0)


@pytest.mark.parametrize("deviation", [1e-3, 1e-2, 1e-1])
def test_the_expected_error_is_that_which_comes_about(deviation: float) -> None:
    """40 squared errors of one draw: their mean is within a factor of 3 of what is expected."""
    weight, bias = noisy(deviation)
    found = fitted(weight, bias)
    expected = variances(weight, bias, found, torch.ones(40, dtype=torch.float64)).mean()
    assert 1 / 3 < (found - X).square().mean() / expected < 3


def test_of_noise_alone_nothing_is_known() -> None:
    weight, bias = noisy(100.0)
    unknown = torch.full((40,), 7.0, dtype=torch.float64)
    assert (variances(weight, bias, fitted(weight, bias), unknown) == unknown).all()


def test_a_column_of_zeros_is_known_to_be_dark_unless_entries_were_pruned() -> None:
    unknown = torch.full((40,), 7.0, dtype=torch.float64)
    dark = EXACT.clone()
    dark[:, 3] = 0
    assert variances(dark, G, fitted(dark, G), unknown)[3] < 1e-20
    pruned = dark.clone()
    pruned[5, 9] = 0
    errors = variances(pruned, G, fitted(pruned, G), unknown)
    assert errors[3] == 7 and errors[9] < 1e-20


def batch() -> tuple[torch.Tensor, torch.Tensor]:
    """Three examples: units 0, 4, 6 of the first alone, 1, 2 of the second, 3 of the third, 5, 7 mixed, 8 of none."""
    inputs = torch.rand(3, 20, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    woken = torch.zeros(9, 3, dtype=torch.float64)
    alone = {0: 0, 4: 0, 6: 0, 1: 1, 2: 1, 3: 2}
    for unit, example in alone.items():
        woken[unit, example] = 0.3 + unit
    woken[5], woken[7] = torch.tensor([0.2, -0.5, 0.7]), torch.tensor([0.3, 0.4, 0.0])
    return woken @ inputs, woken.sum(1)


def test_rows_that_agree_are_found_and_lone_rows_and_mixtures_are_not() -> None:
    weight, bias = batch()
    found = sorted(sorted(group.tolist()) for group in agreeing(weight, bias, bias != 0, 1e-9))
    assert found == [[0, 4, 6], [1, 2]]


def test_units_that_may_not_be_used_are_in_no_group() -> None:
    weight, bias = batch()
    usable = (bias != 0) & (torch.arange(9) != 2)
    assert [sorted(group.tolist()) for group in agreeing(weight, bias, usable, 1e-9)] == [[0, 4, 6]]
    assert list(agreeing(weight, bias, torch.zeros(9, dtype=torch.bool), 1e-9)) == []
