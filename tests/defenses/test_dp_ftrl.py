"""DP-FTRL: a sum over t steps has the noise of the tree nodes of t, and an example is in one node of each level."""

import math
import re

import pytest
import torch
from defenses.trees import local
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.attacks.likelihood import Likelihood
from bench.config.compose import compose
from bench.defenses.base import PlainGradient
from bench.defenses.dp_ftrl import DPFTRL, TreePrivacy, correlated, participations
from bench.defenses.dp_sgd import DPSGD
from bench.defenses.privacy import Privacy
from bench.engine.rng import VictimRng
from bench.running.components import build

SHAPES = {"w": (40, 30), "b": (7,)}
BATCH = 4


def gradient(parameters, buffers, inputs, labels):
    """Two tensors that depend on the example, some longer than the bound."""
    size = inputs.sum() + labels.sum()
    return {name: torch.full(shape, 0.01) * size for name, shape in SHAPES.items()}


def examples(step: int) -> tuple[torch.Tensor, torch.Tensor]:
    inputs = torch.rand(BATCH, 1, 2, 2, generator=torch.Generator().manual_seed(step))
    return inputs, torch.arange(BATCH)


def shared(defense, steps: int, seed: int = 0):
    """What a client shares in each of several steps, and the numbers that each step draws."""
    step = defense.wrap(PlainGradient(gradient), local(batch_size=BATCH))
    parameters = {name: torch.zeros(shape) for name, shape in SHAPES.items()}
    state, found = step.start(SHAPES), []
    for t in range(1, steps + 1):
        noise = step.noise(SHAPES, BATCH, VictimRng((seed, t)))
        sent, state = step(parameters, {}, *examples(t), noise, state)
        found.append((sent, noise[1]))
    return found


def ends(t: int) -> list[int]:
    """The last steps of the nodes that make up the sum over the first t steps: t without its lowest bits."""
    found = []
    while t:
        found.append(t)
        t &= t - 1
    return found


@pytest.mark.parametrize(("steps", "trees"), [(32, 1), (5, 3), (1, 4)])
def test_the_sum_of_what_was_shared_has_the_noise_of_the_nodes_of_its_steps(steps: int, trees: int) -> None:
    """At most ceil(log2 t) + 1 nodes; those of trees before stay whole. The tolerance is of sums in float32."""
    norm, multiplier, count = 0.5, 1.5, min(steps * trees, 21)
    noisy = shared(DPFTRL(norm, multiplier, 1e-5, 0, steps), count)
    quiet = shared(DPSGD(norm, 0.0, 1e-5, 0), count)
    for t in range(1, count + 1):
        whole, rest = divmod(t, steps)
        nodes = [tree * steps + end for tree in range(whole) for end in ends(steps)]
        nodes += [whole * steps + end for end in ends(rest)]
        assert len(nodes) - whole * len(ends(steps)) <= math.ceil(math.log2(max(rest, 1))) + 1
        for name in SHAPES:
            clipped = sum(sent[name] for sent, _ in quiet[:t])
            expected = clipped + sum(noisy[end - 1][1][name] for end in nodes) * multiplier * norm / BATCH
            total = sum(sent[name] for sent, _ in noisy[:t])
            torch.testing.assert_close(total, expected, rtol=1e-4, atol=1e-4)


def test_the_first_step_and_every_step_of_trees_of_one_are_those_of_dp_sgd() -> None:
    plain = shared(DPSGD(0.5, 1.5, 1e-5, 0), 6)
    single = shared(DPFTRL(0.5, 1.5, 1e-5, 0, 1), 6)
    tall = shared(DPFTRL(0.5, 1.5, 1e-5, 0, 250), 6)
    for name in SHAPES:
        assert all(torch.equal(ours[name], theirs[name]) for (ours, _), (theirs, _) in zip(single, plain, strict=True))
        assert torch.equal(tall[0][0][name], plain[0][0][name])
        assert torch.equal(tall[2][0][name], plain[2][0][name])  # an odd step takes no node away
        assert not torch.equal(tall[1][0][name], plain[1][0][name])
    one, other = DPFTRL(0.5, 1.5, 1e-5, 0, 250), DPSGD(0.5, 1.5, 1e-5, 0)
    assert one.gaussian_std(local()) == other.gaussian_std(local()) == pytest.approx(1.5 * 0.5 / 4)


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 64))
def test_a_step_has_the_variance_of_its_nodes_and_a_sum_that_of_its_bits(t: int) -> None:
    """Over 20,000 entries the standard error of a variance is 1 % of it; within five of these."""
    generator = torch.Generator().manual_seed(t)
    nodes, total = {"w": torch.zeros(7, 20_000)}, torch.zeros(20_000)
    for step in range(1, t + 1):
        fresh = {"w": torch.randn(20_000, generator=generator)}
        noise, nodes = correlated(fresh, nodes, torch.tensor(step))
        total += noise["w"]
    zeros = (t & -t).bit_length() - 1
    assert float(noise["w"].var()) == pytest.approx(zeros + 1, rel=0.05)
    assert float(total.var()) == pytest.approx(t.bit_count(), rel=0.05)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 40), st.integers(1, 40), st.lists(st.integers(0, 39), min_size=1, max_size=6))
def test_the_nodes_that_an_example_moves_are_within_what_is_counted(tree: int, epoch: int, places: list[int]) -> None:
    """All nodes of all trees, and an example that takes part in any one step of each epoch."""
    taken = [number * epoch + place % epoch for number, place in enumerate(places)]
    total, squares = epoch * len(places), 0
    for begin in range(0, total, tree):
        for t in range(1, min(tree, total - begin) + 1):
            node = range(begin + t - (t & -t), begin + t)
            squares += sum(step in node for step in taken) ** 2
    levels = DPFTRL(1.0, 1.0, 1e-5, 0, tree).levels
    assert squares <= levels * min(len(places), participations(tree, epoch)) * len(places)


def test_epsilon_counts_the_levels_and_needs_no_sampling() -> None:
    guarantee = DPFTRL(1.0, 4.0, 1e-5, 0, 250).privacy(None)
    assert isinstance(guarantee, TreePrivacy) and guarantee.releases == 8 and guarantee.sampling == "shuffle"
    plain = Privacy(4.0, 1e-5)
    assert guarantee.epsilon(1, 1.0) == pytest.approx(plain.epsilon(8, 1.0))
    assert guarantee.of_training(5, 250, None) == pytest.approx(plain.epsilon(40, 1.0))
    assert guarantee.of_training(5, 250, 0.004) == guarantee.of_training(5, 250, None)
    assert guarantee.of_training(6, 125, None) == pytest.approx(plain.epsilon(8 * 2 * 6, 1.0))
    assert guarantee.of_training(1, 125, None) == pytest.approx(plain.epsilon(8, 1.0))
    assert guarantee.times(3).releases == 72 and isinstance(guarantee.times(3), TreePrivacy)
    assert DPFTRL(1.0, 0.0, 1e-5, 0, 250).privacy(None) is None
    assert DPFTRL(1.0, 4.0, 1e-5, 0, 1).privacy(None).epsilon(1, 1.0) == plain.epsilon(1, 1.0)  # type: ignore[union-attr]


def test_a_row_says_what_epsilon_counts() -> None:
    noted = DPFTRL(1.0, 1.0, 1e-5, 0, 250).notes(local())
    assert len(noted) == 1 and "the 8 nodes that an example is in once all 250 steps of the tree" in noted[0]
    assert DPFTRL(1.0, 0.0, 1e-5, 0, 250).notes(local()) == []
    assert "running statistics" in DPFTRL(1.0, 1.0, 1e-5, 0, 250).notes(local(frozen_statistics=True))[0]


def test_an_attacker_who_is_granted_it_has_its_likelihood() -> None:
    """The noise of the first step, and at a batch of one the clipping."""
    words = ["attack=noise", "data.set=mnist", "defense=dp_ftrl", "defense.noise_multiplier=0.01", "logger=none"]
    built = build(compose([*words, "threat=adaptive", "metric=mse", "model.width=3", "data.batch_size=1"]))
    seen = built.client.share(built.data.deal([0, 1]))
    found = Likelihood.under(seen, 1e-3)
    assert found.is_noisy and found.std == pytest.approx(0.01) and len(found.maps) == 1
    plain = build(compose(["attack=noise", "data.set=mnist", "logger=none", "metric=mse", "model.width=3"]))
    truth = plain.client.share(plain.data.deal([0, 1])).gradients
    entries = sum(value[0].numel() for value in truth.values())
    # half a chi-squared number: its mean is n / 2 and its deviation sqrt(n / 2); within five of these
    assert torch.allclose(found(truth, seen.gradients), torch.tensor(entries / 2), atol=5 * math.sqrt(entries / 2))


@pytest.mark.parametrize(("name", "value"), [("steps", 0), ("norm", 0.0), ("noise_multiplier", -1.0), ("delta", 1.0)])
def test_what_leaves_its_range_is_refused(name: str, value: float) -> None:
    asked = {"norm": 1.0, "noise_multiplier": 1.0, "delta": 1e-5, "seed": 0, "steps": 250, name: value}
    with pytest.raises(ValueError, match=re.escape(f"{name}={value}")):
        DPFTRL(**asked)
