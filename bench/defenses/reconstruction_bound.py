"""What is proven about reconstruction under DP-SGD, by an attacker who knows everything but one record.

Balle, Cherubin and Hayes 2022 (arXiv 2201.04845) define reconstruction robustness: kappa is the largest probability
with which a guess that has seen nothing is good enough, and gamma is the largest probability with which a guess that
has seen the shared gradient is. Hayes, Mahloujifar and Balle 2023 (arXiv 2302.07225, theorem 2) bound gamma by the
largest probability under mu of an event whose probability under nu is at most kappa. Here mu is what DP-SGD shares
with the record and nu what it shares without, both in units of the clipping norm and along the record's clipped
gradient:

    nu = N(0, sigma^2 I_T),   mu = product over T steps of (1 - q) N(0, sigma^2) + q N(1, sigma^2)

for a noise multiplier sigma, a sampling rate q, T steps, and neighbours that differ by one added or removed record.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy import stats

_CHUNK = 2**22  # numbers that are drawn at a time


@dataclass(frozen=True)
class Bound:
    """An upper bound of gamma.

    Args:
        value: the best estimate of the bound.
        high: above the bound with a probability of 95 % or more; equal to `value` if the bound was not drawn.
    """

    value: float
    high: float


def of_budget(kappa: float, epsilon: float, delta: float) -> float:
    """The bound that follows from (epsilon, delta) alone: min(1, exp(epsilon) kappa + delta).

    Args:
        kappa: probability in [0, 1].
        epsilon: >= 0.
        delta: in [0, 1].

    Raises:
        ValueError: an argument is out of its range.

    Example:
        >>> round(of_budget(0.1, 1.0, 1e-5), 5)
        0.27184
    """
    _check_share(kappa)
    if epsilon < 0 or not 0 <= delta <= 1:
        raise ValueError(f"epsilon={epsilon}, delta={delta}: want epsilon >= 0 and 0 <= delta <= 1")
    return min(1.0, math.exp(min(epsilon, 700.0)) * kappa + delta)


def of_noise(kappa: float, noise_multiplier: float, steps: int = 1) -> float:
    """The bound for steps that all hold the record (q = 1): Phi(Phi^-1(kappa) + sqrt(T) / sigma).

    Args:
        kappa: probability in [0, 1].
        noise_multiplier: sigma, > 0.
        steps: T, >= 1.

    Raises:
        ValueError: an argument is out of its range.

    Example:
        >>> round(of_noise(0.1, 1.0), 3)
        0.389
    """
    _check(kappa, noise_multiplier, steps)
    return float(stats.norm.cdf(stats.norm.ppf(kappa) + math.sqrt(steps) / noise_multiplier))


def of_sampling(
    kappa: float, noise_multiplier: float, steps: int, rate: float, draws: int = 200_000, seed: int = 0
) -> Bound:
    """The bound for steps that hold the record with a probability of `rate` each, by Monte Carlo.

    The best event is {log mu - log nu > c} (Neyman and Pearson). Its threshold c is a quantile of draws from nu, and
    its probability under mu a share of draws from mu. For `high`, a threshold is taken that is too low with a
    probability of 97.5 %, and a limit of the share that is too high with the same probability (Clopper and Pearson).

    Args:
        kappa: probability in [0, 1].
        noise_multiplier: sigma, > 0.
        steps: T, >= 1.
        rate: q, in (0, 1].
        draws: from each of the two distributions. Where kappa is below about 20 / draws, `high` is far above `value`.
        seed: of the draws.

    Raises:
        ValueError: an argument is out of its range.
    """
    _check(kappa, noise_multiplier, steps)
    if not 0 < rate <= 1 or draws < 100:
        raise ValueError(f"rate={rate}, draws={draws}: want 0 < rate <= 1 and draws >= 100")
    if rate == 1 or kappa in (0.0, 1.0):
        value = of_noise(kappa, noise_multiplier, steps)
        return Bound(value, value)
    rng = np.random.default_rng(seed)
    without = np.sort(_log_ratios(rng, noise_multiplier, steps, rate, draws, of_record=False))[::-1]
    with_record = _log_ratios(rng, noise_multiplier, steps, rate, draws, of_record=True)

    def share_above(place: int) -> int:
        """How many draws from mu lie at or above the draw from nu at this place; all of them from the end on."""
        return int((with_record >= without[place]).sum()) if place < draws else draws

    # More than `late` of the draws from nu lie in an event of probability kappa only once in forty times.
    late = int(stats.binom.ppf(0.975, draws, kappa))
    found = share_above(late)
    high = float(stats.beta.ppf(0.975, found + 1, draws - found)) if found < draws else 1.0
    return Bound(share_above(round(kappa * draws)) / draws, high)


def optimum_of_line_up(candidates: int, noise_multiplier: float) -> float:
    """The share that the best attacker picks rightly from K candidates whose gradients are a centred simplex.

    All gradients have the clipping norm, and one of them is shared under noise: the optimum is E_Z[Phi(Z + sqrt(K /
    (K - 1)) / sigma)^(K - 1)]. The bound with kappa = 1 / K is above it, and equal to it for K = 2.

    Args:
        candidates: K, >= 2.
        noise_multiplier: sigma, > 0.

    Raises:
        ValueError: an argument is out of its range.

    Example:
        >>> round(optimum_of_line_up(10, 1.0), 3)
        0.358
    """
    _check(1.0, noise_multiplier, 1)
    if candidates < 2:
        raise ValueError(f"candidates={candidates}: must be >= 2")
    shift = math.sqrt(candidates / (candidates - 1)) / noise_multiplier
    z = np.linspace(-12, 12, 20_001)
    log_power = (candidates - 1) * stats.norm.logcdf(z + shift)
    return float(np.trapezoid(np.exp(stats.norm.logpdf(z) + log_power), z))


def _log_ratios(
    rng: np.random.Generator, sigma: float, steps: int, rate: float, draws: int, *, of_record: bool
) -> np.ndarray:
    """`[draws]`, log mu(x) - log nu(x) of draws x from mu or from nu."""
    found = np.empty(draws)
    rows = max(1, _CHUNK // steps)
    for begin in range(0, draws, rows):
        count = min(rows, draws - begin)
        x = sigma * rng.standard_normal((count, steps))
        if of_record:
            x += rng.random((count, steps)) < rate
        found[begin : begin + count] = np.logaddexp(
            math.log1p(-rate), math.log(rate) + (2 * x - 1) / (2 * sigma**2)
        ).sum(1)
    return found


def _check_share(kappa: float) -> None:
    if not 0 <= kappa <= 1:
        raise ValueError(f"kappa={kappa}: want 0 <= kappa <= 1")


def _check(kappa: float, noise_multiplier: float, steps: int) -> None:
    _check_share(kappa)
    if not noise_multiplier > 0 or steps < 1:
        raise ValueError(f"noise_multiplier={noise_multiplier}, steps={steps}: want > 0 and >= 1")
