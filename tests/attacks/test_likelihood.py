"""The likelihood under a known defence: noise by its density, masks by survivors, clipping and rounding applied."""

import math
from dataclasses import replace

import pytest
import torch
from observations import net, observe
from torch.distributions import Cauchy, Laplace, Normal

from bench.attacks.likelihood import Likelihood

WIDTH = 1e-3


def pair() -> tuple[dict, dict]:
    """Gradients of two candidates, and what was shared: two tensors each."""
    torch.manual_seed(0)
    ours = {"w": torch.randn(2, 3, 2, dtype=torch.float64), "b": torch.randn(2, 4, dtype=torch.float64)}
    return ours, {name: value + 0.1 * torch.randn_like(value) for name, value in ours.items()}


def under(*parts: dict, batch_size: int = 1, unit: float | None = 1.0) -> Likelihood:
    seen, _, _ = observe(net(), batch_size=batch_size, unit=unit)
    return Likelihood.under(replace(seen, defense=parts or None), WIDTH)


def flat(of: dict) -> torch.Tensor:
    return torch.cat([value.flatten(1) for value in of.values()], 1)


@pytest.mark.parametrize(
    ("name", "law"), [("Gaussian", Normal(0.0, 0.2)), ("Laplacian", Laplace(0.0, 0.2 / math.sqrt(2)))]
)
def test_noise_has_the_density_that_torch_gives_it_but_for_a_constant(name, law) -> None:
    ours, theirs = pair()
    found = under({"defense": name, "std": 0.2})
    expected = -law.log_prob(flat(ours) - flat(theirs)).sum(1) + law.log_prob(torch.tensor(0.0)) * 10
    torch.testing.assert_close(found(ours, theirs), expected.double(), rtol=1e-6, atol=1e-6)
    assert found.is_noisy


def test_without_noise_the_width_is_a_share_of_what_was_shared_and_survivors_alone_count() -> None:
    ours, theirs = pair()
    theirs["w"][:, 0] = 0.0  # pruned
    found = under({"defense": "Pruning", "fraction": 0.2})
    kept = {"w": slice(2, 6), "b": slice(0, 4)}
    left, shared = (
        torch.cat([value.flatten(1)[:, kept[name]] for name, value in of.items()], 1) for of in (ours, theirs)
    )
    width = WIDTH * shared.norm(dim=1) / math.sqrt(8)
    torch.testing.assert_close(found(ours, theirs), (left - shared).square().sum(1) / (2 * width**2))
    error, count = found.relative_error(ours, theirs)
    torch.testing.assert_close(error, (left - shared).norm(dim=1) / shared.norm(dim=1))
    assert count.tolist() == [8, 8] and not found.is_noisy


def test_what_a_known_defence_does_is_done_to_the_candidate() -> None:
    ours, _ = pair()
    clipped = {n: v / flat(ours).norm(dim=1).view(-1, *[1] * (v.dim() - 1)) / 2 for n, v in ours.items()}
    for part, shared in (
        ({"defense": "Clip", "norm": 0.5}, clipped),
        ({"defense": "Sign", "scaled": False}, {name: value.sign() for name, value in ours.items()}),
        ({"defense": "Dropout", "fraction": 0.8, "rescale": True}, {name: 5 * value for name, value in ours.items()}),
        ({"defense": "Half", "kind": "bfloat16"}, {name: value.bfloat16().double() for name, value in ours.items()}),
    ):
        assert float(under()(ours, shared).max()) > 1  # without the knowledge the true gradient does not fit
        torch.testing.assert_close(under(part)(ours, shared), torch.zeros(2, dtype=torch.float64))


def test_int8_is_applied_if_it_rounds_to_nearest() -> None:
    ours, _ = pair()
    step = {n: v.flatten(1).abs().amax(1).view(-1, *[1] * (v.dim() - 1)) / 127 for n, v in ours.items()}
    shared = {name: (value / step[name]).round() * step[name] for name, value in ours.items()}
    assert float(under({"defense": "Int8", "rounding": "nearest"})(ours, shared).max()) < 1e-12
    at_random = under({"defense": "Int8", "rounding": "stochastic"})
    assert float(at_random(ours, shared).max()) == 0.0 and at_random.is_noisy  # within a step of what was shared
    for sign in (1, -1):
        further = {name: value + 1.5 * sign * step[name] for name, value in shared.items()}
        found, _ = at_random.relative_error(further, shared)
        half = torch.cat([(0.5 * step[n]).expand_as(v).flatten(1) for n, v in shared.items()], 1)
        there = flat(shared) != 0
        torch.testing.assert_close(found, (half * there).norm(dim=1) / flat(shared).norm(dim=1), rtol=1e-2, atol=0.0)


def test_noise_adds_up_and_only_what_comes_before_it_is_applied() -> None:
    twice = under({"defense": "Gaussian", "std": 3.0}, {"defense": "Gaussian", "std": 4.0})
    assert twice.std == pytest.approx(5.0)
    sgd = {"defense": "DPSGD", "norm": 1.0, "std": 0.1}
    assert len(under(sgd).maps) == 1 and under(sgd, batch_size=2).maps == ()  # the samples of a batch are not known
    assert under({"defense": "Gaussian", "std": 1.0}, {"defense": "Clip", "norm": 1.0}).maps == ()


def test_noise_on_some_entries_makes_far_entries_cost_little_more_than_others_that_do_not_fit() -> None:
    """By torch's own Cauchy distribution."""
    ours, theirs = pair()
    found = under({"defense": "GradDefense", "std": 0.2, "noisy_share": 0.5})
    assert found.is_noisy and found.is_partial and found.std == 0
    scale = WIDTH * flat(theirs).norm(dim=1) / math.sqrt(10)
    law = Cauchy(torch.zeros(2, 1, dtype=torch.float64), scale[:, None])
    expected = (law.log_prob(torch.zeros(2, 10)) - law.log_prob(flat(ours) - flat(theirs))).sum(1)
    torch.testing.assert_close(found(ours, theirs), expected)


def test_noise_on_all_entries_counts_before_noise_on_some() -> None:
    some = {"defense": "Outpost", "noisy_share": 0.4}
    assert under(some).is_partial and under(some, {"defense": "Clip", "norm": 1.0}).maps == ()
    both = under(some, {"defense": "Gaussian", "std": 0.2})
    assert both.std == 0.2 and not both.is_partial
    assert not under({"defense": "GradDefense", "std": 0.2, "noisy_share": 1.0}).is_partial
    assert not under({"defense": "Outpost", "noisy_share": 0.0}).is_noisy


def test_of_an_update_of_unknown_length_the_direction_counts() -> None:
    ours, theirs = pair()
    found = under({"defense": "Gaussian", "std": 0.2}, unit=None)
    assert not found.is_noisy  # its deviation is in a unit that is not known
    longer = {name: 7 * value for name, value in ours.items()}
    torch.testing.assert_close(found(longer, theirs), found(ours, theirs))


def test_the_width_is_above_zero() -> None:
    with pytest.raises(ValueError, match="width=0"):
        Likelihood(0.0, (), 0.0, False, 1.0, False)
