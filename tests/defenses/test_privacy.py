"""Epsilon against the closed formula of the Gaussian mechanism, which no accountant is needed for."""

import math

import pytest

from bench.defenses.privacy import Privacy


def closed_form(multiplier: float, delta: float, releases: int) -> float:
    """Epsilon of k full-batch Gaussian releases, by the Renyi divergences a k / (2 s^2) and the conversion of Balle et
    al. 2020 (theorem 21), minimised over a grid of orders."""
    orders = [1 + x / 100 for x in range(1, 6000)]
    return min(
        releases * a / (2 * multiplier**2) + math.log((a - 1) / a) - (math.log(delta) + math.log(a)) / (a - 1)
        for a in orders
    )


@pytest.mark.parametrize(("multiplier", "steps"), [(1.0, 1), (2.0, 10), (5.0, 200)])
def test_epsilon_of_a_batch_that_is_known_to_have_taken_part(multiplier: float, steps: int) -> None:
    """Opacus' grid of orders is coarser than ours: 1 %."""
    found = Privacy(multiplier, 1e-5).epsilon(steps, rate=1.0)
    assert found == pytest.approx(closed_form(multiplier, 1e-5, steps), rel=1e-2)


def test_several_releases_a_step_are_as_many_steps_and_sampling_helps() -> None:
    one = Privacy(2.0, 1e-5)
    assert one.times(3).times(2).releases == 6
    assert one.times(3).epsilon(10, 1.0) == pytest.approx(one.epsilon(30, 1.0))
    assert one.epsilon(10, 0.1) < one.epsilon(10, 1.0) / 2
