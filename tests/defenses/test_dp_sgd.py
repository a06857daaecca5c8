"""DP-SGD clips each sample, and its epsilon is the accountant's."""

import math
import sys

import pytest
import torch
from defenses.trees import local, shapes, tree
from opacus.accountants import RDPAccountant
from torch.nn import functional

from bench.defenses.dp_sgd import DPSGD, private_mean
from bench.defenses.privacy import Privacy
from bench.defenses.stack import described
from bench.errors import UserError


def shared(parties, *overrides: str):
    """Parties, their victims, what was shared."""
    built = parties("attack=noise", "data.batch_size=3", *overrides)
    victims = built.data.deal([0, 4])
    return built, victims, built.client.share(victims)


def test_clipping_is_per_sample_as_in_a_loop_with_autograd(parties):
    bound = 0.8
    built, victims, seen = shared(parties, "defense=dp_sgd", f"defense.norm={bound}", "defense.noise_multiplier=0")
    model, clipped_any = built.client.model, 0
    for v in range(2):
        total: dict[str, torch.Tensor] = {}
        with torch.no_grad():
            for name, value in model.named_parameters():
                value.copy_(seen.parameters[name][v])
        for b in range(3):
            loss = functional.cross_entropy(model(victims.inputs[v, b : b + 1]), victims.labels[v, b : b + 1])
            one = dict(zip(dict(model.named_parameters()), torch.autograd.grad(loss, list(model.parameters()))))
            size = math.sqrt(sum(float(value.double().square().sum()) for value in one.values()))
            clipped_any += size > bound
            for name, value in one.items():
                total[name] = total.get(name, 0) + value * min(1.0, bound / size)
        for name, value in total.items():
            torch.testing.assert_close(seen.gradients[name][v], value / 3, rtol=1e-3, atol=1e-6)
    assert clipped_any


def test_the_noise_is_of_the_sum_and_divided_by_the_batch():
    zeros = {name: torch.zeros(4, *shape) for name, shape in shapes({"w": torch.zeros(300, 300)}).items()}
    noise = {"w": torch.randn(300, 300, generator=torch.Generator().manual_seed(0))}
    found = private_mean(zeros, noise, 0.5, 1.2, 8)["w"]
    torch.testing.assert_close(found, noise["w"] * 1.2 * 0.5 / 8)
    facts = DPSGD(0.5, 1.2, 1e-5, 0).facts(local(batch_size=8))
    assert facts["std"] == pytest.approx(0.075) and facts["variance"] == pytest.approx(0.075**2)


def test_one_sample_moves_the_sum_by_no_more_than_the_bound():
    many = {name: torch.stack([tree(seed)[name] for seed in range(5)]) for name in tree()}
    quiet = {name: torch.zeros_like(value) for name, value in tree().items()}
    with_, without = (private_mean({n: v[:k] for n, v in many.items()}, quiet, 0.3, 0.0, 1) for k in (5, 4))
    moved = math.sqrt(sum(float((with_[name] - without[name]).square().sum()) for name in quiet))
    assert moved == pytest.approx(0.3, rel=1e-4)


@pytest.mark.parametrize(("steps", "rate", "noise"), [(1, 1.0, 1.0), (500, 0.02, 1.1), (10, 0.5, 4.0)])
def test_epsilon_is_that_of_opacus_stepped_through(steps, rate, noise):
    accountant = RDPAccountant()
    for _ in range(steps):
        accountant.step(noise_multiplier=noise, sample_rate=rate)
    assert Privacy(noise, 1e-5).epsilon(steps, rate) == pytest.approx(accountant.get_epsilon(1e-5), rel=1e-9)


def test_epsilon_of_one_step_is_near_the_exact_gaussian_mechanism():
    # Balle and Wang 2018, theorem 8: delta(epsilon) of the Gaussian mechanism of sensitivity 1
    from scipy.optimize import brentq
    from scipy.stats import norm

    sigma, delta = 2.0, 1e-5

    def excess(epsilon: float) -> float:
        return (
            norm.cdf(0.5 / sigma - epsilon * sigma)
            - math.exp(epsilon) * norm.cdf(-0.5 / sigma - epsilon * sigma)
            - delta
        )

    exact = brentq(excess, 0.01, 20)
    found = Privacy(sigma, delta).epsilon(1, 1.0)
    assert exact <= found <= 1.15 * exact  # Renyi's bound is from above, and not far


def test_a_row_says_epsilon_of_one_step_and_what_needs_another_model(parties):
    built, _, _ = shared(parties, "defense=dp_sgd")
    facts = built.client.facts_of_defense(built.data.deal([0]))
    assert facts["epsilon"] == pytest.approx(Privacy(1.0, 1e-5).epsilon(1, 1.0)) and facts["delta"] == 1e-5
    assert facts["identification"] == {"candidates": 100, "bound": pytest.approx(0.0924, abs=1e-4)}
    frozen = described(DPSGD(1.0, 1.0, 1e-5, 0), local(frozen_statistics=True), {"w": (2,)})
    assert "running statistics" in frozen["notes"][0]


def test_an_empty_batch_of_poisson_sampling_is_noise_alone():
    from bench.defenses.base import PlainGradient
    from bench.engine.rng import VictimRng

    parameters = {"w": torch.zeros(50, 50)}
    step = DPSGD(1.0, 2.0, 1e-5, 0).wrap(PlainGradient(lambda *_: parameters), local(batch_size=4))
    noise = step.noise({"w": (50, 50)}, 0, VictimRng((0,)))
    found, _ = step(parameters, {}, torch.zeros(0, 1, 2, 2), torch.zeros(0, dtype=torch.long), noise, ())
    torch.testing.assert_close(found["w"], noise[1]["w"] * 2.0 / 4)


def test_without_opacus_the_sentence_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "opacus.accountants", None)
    with pytest.raises(UserError, match=r"leakbench\[dp\]"):
        Privacy(1.0, 1e-5).epsilon(1, 1.0)
