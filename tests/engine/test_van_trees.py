"""The Bayesian limit: attained by the posterior mean of a linear map; if nothing is seen, the prior's variance."""

import pytest
import torch

from bench.engine.van_trees import bayesian_limit


def drawn(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize("equations", [3, 15])
def test_the_posterior_mean_attains_the_limit_of_a_linear_map(equations: int) -> None:
    """With 20,000 draws of 6 entries, the mean has a relative deviation of at most sqrt(2 / 20,000): 4 of them are 4 %.

    With fewer equations than unknowns too, where no unbiased estimate exists.
    """
    rows, std, root = drawn(6, equations), 0.5, drawn(6, 6, seed=1) + 2 * torch.eye(6, dtype=torch.float64)
    precision = root @ root.T
    inputs = torch.linalg.solve(root.T, drawn(6, 20_000, seed=2))
    seen = rows.T @ inputs + std * drawn(equations, 20_000, seed=3)
    guess = torch.linalg.solve(rows @ rows.T / std**2 + precision, rows @ seen / std**2)
    limit = bayesian_limit([rows], std, precision)
    assert (guess - inputs).square().mean().item() == pytest.approx(limit, rel=0.04)
    assert (inputs - 1.01 * guess).square().mean() > 0.96 * limit  # a biased estimate is no better


def test_what_says_nothing_leaves_the_variance_of_the_prior() -> None:
    precision = torch.diag(torch.tensor([4.0, 2.0, 1.0]))
    assert bayesian_limit([torch.zeros(3, 5)], 0.1, precision) == pytest.approx((1 / 4 + 1 / 2 + 1) / 3)


def test_few_draws_lie_above_many_in_the_mean() -> None:
    each = [drawn(6, 15, seed=seed) for seed in range(8)]
    alone = [bayesian_limit([rows], 0.1, torch.eye(6)) for rows in each]
    pairs = [bayesian_limit(each[at : at + 2], 0.1, torch.eye(6)) for at in range(0, 8, 2)]
    assert sum(alone) / 8 > sum(pairs) / 4 > bayesian_limit(each, 0.1, torch.eye(6))


def test_without_noise_or_draws_there_is_no_such_limit() -> None:
    with pytest.raises(ValueError, match="std=0: must be > 0"):
        bayesian_limit([torch.eye(2)], 0, torch.eye(2))
    with pytest.raises(ValueError, match="want one at least"):
        bayesian_limit([], 0.1, torch.eye(2))
