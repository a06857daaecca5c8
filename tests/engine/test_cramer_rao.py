"""The unbiased limit: attained by least squares on a linear map, and infinite if there are too few equations."""

import math

import pytest
import torch

from bench.engine.cramer_rao import determination


def drawn(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def test_least_squares_attains_the_limit_of_a_linear_map() -> None:
    """With 20,000 draws of 6 entries, the mean has a relative deviation below sqrt(2 / 20,000): 4 of them are 4 %."""
    rows, std = drawn(6, 15), 0.1
    limit = determination(rows).unbiased_limit(std)
    errors = torch.linalg.lstsq(rows.T, std * drawn(15, 20_000)).solution
    assert errors.square().mean().item() == pytest.approx(limit, rel=0.04)


def test_rank_condition_and_error_of_known_matrices() -> None:
    known = determination(torch.diag(torch.tensor([4.0, 2.0, 1.0], dtype=torch.float64)))
    assert (known.rank, known.condition, known.determined) == (3, 4.0, True)
    assert known.error == pytest.approx((1 / 16 + 1 / 4 + 1) / 3)
    assert known.unbiased_limit(2.0) == pytest.approx(4 * known.error)


@pytest.mark.parametrize("condition", [1.0, 10.0, 9e4, 2e5, 1e9])
def test_singular_values_are_right_at_every_condition_number(condition: float) -> None:
    """They are found from their squares while these are exact enough, and from the matrix itself beyond."""
    left, right = (torch.linalg.qr(drawn(*shape))[0] for shape in ((20, 20), (50, 20)))
    values = torch.logspace(0, -math.log10(condition), 20, dtype=torch.float64)
    found = determination((left * values) @ right.T)
    assert found.rank == 20 and found.condition == pytest.approx(condition, rel=1e-4)
    assert found.error == pytest.approx(float(values.pow(-2).mean()), rel=1e-4)


@pytest.mark.parametrize(
    ("rows", "rank"), [(drawn(6, 5), 5), (drawn(6, 2) @ drawn(2, 9), 2), (torch.zeros(6, 9), 0), (torch.ones(6, 0), 0)]
)
def test_fewer_independent_equations_than_unknowns_do_not_determine(rows: torch.Tensor, rank: int) -> None:
    found = determination(rows)
    assert (found.entries, found.rank, found.determined) == (6, rank, False)
    assert found.condition == found.error == found.unbiased_limit(0.1) == float("inf")


def test_without_noise_there_is_no_such_limit() -> None:
    with pytest.raises(ValueError, match="std=0: must be > 0"):
        determination(drawn(2, 3)).unbiased_limit(0)
