"""OUTPOST prunes and adds noise where the authors' code computes it, and, unlike that code, shares the result."""

import re

import numpy as np
import pytest
import torch
from defenses.trees import local, shapes, tree

from bench.defenses.base import PlainGradient
from bench.defenses.outpost import Outpost, fisher, risk, threshold
from bench.engine.rng import VictimRng
from bench.errors import NotApplicable

EVERY = {"decay": 0.0, "first": 1, "prune": 0.8, "share": 0.4, "strength": 0.8, "seed": 0}


def weights() -> dict[str, torch.Tensor]:
    return {name: value / 9 for name, value in tree(5).items()}


def stepped(defense: Outpost, steps: int = 1, seed: int = 0):
    """What is shared in each of several steps, with the step's normal numbers."""
    step = defense.wrap(PlainGradient(lambda *_: tree()), local())
    state, found = step.start(shapes(tree())), []
    for i in range(steps):
        noise = step.noise(shapes(tree()), 4, VictimRng((seed, i)))
        shared, state = step(weights(), {}, None, None, noise, state)
        found.append((shared, noise[1]))
    return found


def reference(gradients, parameters, normal, prune, share, strength):
    """The loop of plato's `noise`, with the result that it computes; it returns `gradients` instead."""
    fim = [np.square(g.numpy()).mean(0) for g in gradients]
    limit = np.percentile(np.concatenate([f.flatten() for f in fim]), 100 - 100 * share)
    computed = []
    for i, grad in enumerate(gradients):
        values = grad.numpy()
        kept = np.where(abs(values) < np.percentile(np.abs(values), 100 * prune), 0, values)
        spread = min(float(torch.var(parameters[i])), 1)
        computed.append(kept + normal[i].numpy() * spread * strength * np.where(fim[i] < limit, 0, 1))
    return computed, gradients


@pytest.mark.parametrize(
    ("prune", "share", "strength"), [(0.8, 0.4, 0.8), (0.5, 0.9, 0.1), (0.0, 0.1, 1.0), (0.9, 0.0, 1.0)]
)
def test_what_is_shared_is_what_the_published_code_computes_and_does_not_return(prune, share, strength) -> None:
    shared, normal = stepped(Outpost(**EVERY | {"prune": prune, "share": share, "strength": strength}))[0]
    names = list(shared)
    computed, returned = reference(
        *([of[name] for name in names] for of in (tree(), weights(), normal)), prune, share, strength
    )
    for name, ours, unchanged in zip(names, computed, returned, strict=True):
        # the reference adds in float64
        np.testing.assert_allclose(shared[name].numpy(), ours, rtol=1e-5, atol=1e-6)
        assert torch.equal(unchanged, tree()[name])
    assert any(not torch.equal(shared[name], tree()[name]) for name in names)


def test_the_threshold_divides_as_a_percentile_does() -> None:
    for count in (1, 2, 6, 11, 12, 600):
        values = torch.randn(count, generator=torch.Generator().manual_seed(count))
        for fraction in (0.0, 0.2, 0.6, 0.8, 1.0):
            expected = values.numpy() < np.percentile(values.numpy(), 100 * fraction)
            assert ((values < threshold(values, fraction)).numpy() == expected).all()


def test_a_single_number_has_no_spread_and_a_wide_layer_a_risk_of_one() -> None:
    assert float(risk(torch.tensor(3.0))) == 0 and float(risk(torch.tensor([-9.0, 9.0]))) == 1
    assert float(risk(torch.tensor([0.0, 1.0]))) == pytest.approx(0.5)
    assert fisher(torch.tensor(3.0)).shape == () and fisher(torch.ones(4, 3)).tolist() == [1.0, 1.0, 1.0]


def test_later_steps_are_perturbed_less_often_and_the_others_shared_as_they_are() -> None:
    """With beta = 0.125 the first step is in 8 of 9 cases, the 100th in about 1 of 13."""
    defense = Outpost(**EVERY | {"decay": 0.125})
    assert defense.probability(0) == pytest.approx(8 / 9) and not defense.must_change
    bare = torch.tensor([
        [torch.equal(shared["fc.weight"], tree()["fc.weight"]) for shared, _ in stepped(defense, 40, seed)]
        for seed in range(40)
    ]).float()  # fmt: skip
    expected = 1 - torch.tensor([defense.probability(step) for step in range(40)])
    # each entry is a coin: the mean of 40 x 40 has a standard error of at most 0.0125
    assert float(bare.mean()) == pytest.approx(float(expected.mean()), abs=0.04)
    assert float(bare[:, 0].mean()) < 0.3 < 0.6 < float(bare[:, 20:].mean())
    assert "with probability 0.11" in defense.notes(local())[0] and Outpost(**EVERY).notes(local()) == []


def test_most_of_it_are_zeros_which_an_attacker_sees(parties) -> None:
    """Of pruned entries, those remain zero whose Fisher information is not high."""
    built = parties("attack=noise", "data.set=mnist", "defense=outpost", "defense.decay=0")
    seen = built.client.share(built.data.deal([0, 1]))
    zeros = torch.cat([(value == 0).flatten(1) for value in seen.gradients.values()], 1).float().mean(1)
    assert ((zeros > 0.3) & (zeros < 0.8)).all()


def test_a_limit_is_refused_while_some_entries_have_noise() -> None:
    with pytest.raises(NotApplicable, match="noise to some entries only"):
        Outpost(**EVERY).gaussian_std(local())
    assert Outpost(**EVERY | {"strength": 0.0}).gaussian_std(local()) is None


@pytest.mark.parametrize(
    ("name", "value"), [("decay", -1.0), ("first", -1), ("strength", -0.1), ("prune", 1.0), ("share", 1.1)]
)
def test_what_leaves_its_range_is_refused(name, value) -> None:
    with pytest.raises(ValueError, match=re.escape(f"{name}={value}")):
        Outpost(**EVERY | {name: value})
