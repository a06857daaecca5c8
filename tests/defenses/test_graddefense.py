"""GradDefense cuts a gradient into slices of equal sensitivity and adds noise to some of them, against a plain loop."""

import re

import pytest
import torch
from defenses.trees import local
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.defenses.graddefense import GradDefense, chosen, slices
from bench.errors import NotApplicable

SMALL = ("attack=noise", "data.batch_size=2", "data.set=mnist", "model.width=3", "model.per_victim=false")


def sensitivities(model, inputs: torch.Tensor, labels: torch.Tensor) -> list[float]:
    """As in the authors' `compute_sens`: a backward pass for the sum of each tensor's gradient."""
    x = inputs.clone().requires_grad_()
    loss = torch.nn.functional.cross_entropy(model(x), labels)
    gradients = torch.autograd.grad(loss, list(model.parameters()), create_graph=True)
    found = []
    for value in gradients:
        (slope,) = torch.autograd.grad(value, x, torch.ones_like(value), retain_graph=True)
        found.append(float(torch.stack([one.norm() for one in slope]).mean()))
    return found


def by_hand(entries: list[int], sensitivity: list[float], count: int) -> list[int]:
    """The slice of each entry: how many whole shares of the total came before it."""
    share, before, found = sum(sensitivity) / count, 0.0, []
    for n, whole in zip(entries, sensitivity, strict=True):
        for _ in range(n):
            found.append(min(int(before / share), count - 1))
            before += whole / n
    return found


def test_noise_is_in_half_of_the_slices_and_nowhere_else(parties) -> None:
    plain, built = parties(*SMALL), parties(*SMALL, "defense=graddefense")
    victims = built.data.deal([0, 3])
    clean, seen = plain.client.share(victims).gradients, built.client.share(victims).gradients
    entries = [value[0].numel() for value in clean.values()]
    for v in range(2):
        own = sensitivities(built.client.model, victims.inputs[v], victims.labels[v])
        of = torch.tensor(by_hand(entries, own, 10))
        added = torch.cat([(seen[name][v] - clean[name][v]).flatten() for name in clean])
        touched = torch.stack([(added[of == i] != 0).float().mean() for i in range(10)])
        # rounding may put an entry beside an edge into the other slice; adding may leave a float as it is
        assert ((touched > 0.9) | (touched < 0.02)).all() and int((touched > 0.9).sum()) == 5
        assert len(added[added != 0]) > 50
        # the standard error of a standard deviation is a share 1 / sqrt(2 n) of it
        n = len(added[added != 0])
        assert float(added[added != 0].std()) == pytest.approx(1e-2, rel=4 / (2 * n) ** 0.5)


def test_slices_are_chosen_anew_for_each_victim(parties) -> None:
    overrides = (*SMALL, "defense=graddefense", "defense.perturbed=1", "defense.slices=2")
    plain, built = parties(*SMALL), parties(*overrides)
    victims = built.data.deal(range(12))
    clean, seen = plain.client.share(victims).gradients, built.client.share(victims).gradients
    first = (seen["body.1.weight"] != clean["body.1.weight"]).flatten(1).any(1)
    last = (seen["fc.bias"] != clean["fc.bias"]).any(1)
    assert 0 < int(first.sum()) < 12 and (first ^ last).all()


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 30), st.integers(0, 9)), min_size=1, max_size=6), st.integers(1, 8))
def test_slices_follow_each_other_and_have_equal_shares(layers, count) -> None:
    entries, weights = [n for n, _ in layers], [float(w) for _, w in layers]
    found = torch.cat(slices(entries, torch.tensor(weights), count))
    assert len(found) == sum(entries) and (found.diff() >= 0).all()
    assert int(found.min()) >= 0 and int(found.max()) < count
    each = torch.cat([torch.full((n,), w / n) for n, w in zip(entries, weights, strict=True)])
    if each.sum() == 0:
        each = torch.ones_like(each)
    sums = torch.stack([each[found == i].sum() for i in range(count)])
    # a slice begins and ends within an entry of the share's ends
    assert float((sums - each.sum() / count).abs().max()) <= float(each.max()) * (1 + 1e-4)


def test_the_chosen_slices_are_as_many_as_said_and_equally_likely() -> None:
    drawn = torch.rand(2000, 10, generator=torch.Generator().manual_seed(0))
    masks = torch.stack([chosen(row, 3) for row in drawn])
    assert (masks.sum(1) == 3).all()
    # a coin of 0.3, 2,000 times: the standard error is 0.010
    assert float((masks.float().mean(0) - 0.3).abs().max()) < 0.04


def test_a_limit_needs_noise_everywhere_or_nowhere() -> None:
    with pytest.raises(NotApplicable, match="noise to some slices only"):
        GradDefense(10, 5, 1e-2, 0).gaussian_std(local())
    assert GradDefense(10, 10, 1e-2, 0).gaussian_std(local()) == 1e-2
    assert GradDefense(10, 5, 0.0, 0).gaussian_std(local()) is None and not GradDefense(10, 5, 0.0, 0).must_change


@pytest.mark.parametrize(("name", "value"), [("slices", 0), ("perturbed", 11), ("perturbed", -1), ("std", -0.1)])
def test_what_leaves_its_range_is_refused(name, value) -> None:
    with pytest.raises(ValueError, match=re.escape(f"{name}={value}")):
        GradDefense(**{"slices": 10, "perturbed": 5, "std": 1e-2, "seed": 0} | {name: value})
