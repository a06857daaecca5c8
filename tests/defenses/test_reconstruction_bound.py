"""Bounds of reconstruction under DP-SGD: closed forms, a simulated attacker, and the orders that must hold."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from bench.defenses.reconstruction_bound import of_budget, of_noise, of_sampling, optimum_of_line_up

SHARES = st.floats(0, 1)
SIGMAS = st.floats(0.05, 50)


@pytest.mark.parametrize(("candidates", "optimum", "bound"), [(10, 0.358, 0.389), (100, 0.083, 0.092)])
def test_a_simplex_of_candidates_has_the_known_optimum_below_the_bound(
    candidates: int, optimum: float, bound: float
) -> None:
    assert optimum_of_line_up(candidates, 1.0) == pytest.approx(optimum, abs=5e-4)
    assert of_noise(1 / candidates, 1.0) == pytest.approx(bound, abs=5e-4)


@given(SIGMAS)
@settings(max_examples=30, deadline=None)
def test_of_two_candidates_the_optimum_is_the_bound(sigma: float) -> None:
    assert optimum_of_line_up(2, sigma) == pytest.approx(of_noise(0.5, sigma), abs=1e-6)


@given(st.integers(2, 1000), SIGMAS)
@settings(max_examples=50, deadline=None)
def test_the_optimum_lies_between_a_guess_and_the_bound(candidates: int, sigma: float) -> None:
    optimum = optimum_of_line_up(candidates, sigma)
    assert 1 / candidates - 1e-9 <= optimum <= of_noise(1 / candidates, sigma) + 1e-9


def test_an_attacker_who_compares_likelihoods_reaches_the_optimum() -> None:
    """Six signals of norm 1 in a centred simplex; the nearest one to what is shared is claimed."""
    rng, count, trials = np.random.default_rng(0), 6, 40_000
    signals = (np.eye(count) - 1 / count) / np.sqrt(1 - 1 / count)
    shared = signals[0] + 1.3 * rng.standard_normal((trials, count))
    right = ((shared @ signals.T).argmax(1) == 0).mean()
    # three standard errors of a share of 40,000
    assert right == pytest.approx(optimum_of_line_up(count, 1.3), abs=3 * 0.5 / np.sqrt(trials))


@pytest.mark.parametrize("rate", [0.01, 0.2, 0.9])
@pytest.mark.parametrize("kappa", [0.01, 0.1, 0.5])
def test_one_step_that_may_hold_the_record_has_a_closed_form(kappa: float, rate: float) -> None:
    """The ratio grows with x, so the best event is a half-line: (1 - q) kappa + q Phi(Phi^-1(kappa) + 1 / sigma)."""
    exact = (1 - rate) * kappa + rate * stats.norm.cdf(stats.norm.ppf(kappa) + 1 / 0.7)
    found = of_sampling(kappa, 0.7, steps=1, rate=rate, draws=100_000)
    assert found.value == pytest.approx(exact, abs=0.01)
    assert exact <= found.high <= exact + 0.03


def test_a_rate_of_nearly_one_is_the_composed_gaussian() -> None:
    exact = of_noise(0.1, 2.0, steps=4)
    found = of_sampling(0.1, 2.0, steps=4, rate=1 - 1e-9, draws=50_000)
    assert found.value == pytest.approx(exact, abs=0.015) and exact <= found.high


def test_the_upper_end_holds_in_nineteen_of_twenty_draws() -> None:
    """Of 60 runs with 400 draws each, at most six may fall short of the bound (binomial, 5 %: once in 60)."""
    exact = 0.7 * 0.05 + 0.3 * stats.norm.cdf(stats.norm.ppf(0.05) + 1.0)
    short = sum(of_sampling(0.05, 1.0, 1, 0.3, draws=400, seed=seed).high < exact for seed in range(60))
    assert short <= 6


@given(SHARES, SIGMAS, st.integers(1, 100))
@settings(max_examples=60, deadline=None)
def test_a_bound_is_a_probability_above_the_guess_and_grows_with_steps(kappa: float, sigma: float, steps: int) -> None:
    bound = of_noise(kappa, sigma, steps)
    assert kappa - 1e-12 <= bound <= 1
    assert of_noise(kappa, sigma, steps + 1) >= bound - 1e-12
    assert of_noise(kappa, 2 * sigma, steps) <= bound + 1e-12


@given(SHARES, st.floats(0, 1e4), SHARES)
@settings(max_examples=60, deadline=None)
def test_from_a_budget_alone(kappa: float, epsilon: float, delta: float) -> None:
    assert kappa <= of_budget(kappa, epsilon, delta) + 1e-12 <= 1 + 1e-12
    assert of_budget(kappa, 0.0, 0.0) == kappa


def test_the_ends_need_no_draw() -> None:
    for kappa in (0.0, 1.0):
        assert of_sampling(kappa, 1.0, 10, 0.1).value == of_sampling(kappa, 1.0, 10, 0.1).high == kappa


@pytest.mark.parametrize(
    "call",
    [
        lambda: of_noise(-0.1, 1.0),
        lambda: of_noise(0.1, 0.0),
        lambda: of_noise(0.1, 1.0, steps=0),
        lambda: of_budget(0.1, -1.0, 0.0),
        lambda: of_budget(0.1, 1.0, 2.0),
        lambda: of_sampling(0.1, 1.0, 1, 0.0),
        lambda: of_sampling(0.1, 1.0, 1, 0.5, draws=1),
        lambda: optimum_of_line_up(1, 1.0),
    ],
)
def test_what_is_out_of_range_is_refused(call) -> None:
    with pytest.raises(ValueError, match=r"want|must"):
        call()
