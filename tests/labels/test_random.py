"""Protects: random labels are uniform, belong to the victim and the seed, and look at no gradient."""

import torch
from label_batches import shared

from bench.labels.random import RandomRule


def test_labels_are_uniform_over_the_classes() -> None:
    found = RandomRule()(shared([[0] * 300] * 10, 5))
    counts = torch.bincount(found.flatten(), minlength=5)
    assert len(counts) == 5 and counts.sub(600).abs().max() < 5 * (3000 * 0.2 * 0.8) ** 0.5


def test_they_depend_on_victim_and_seed_alone() -> None:
    rule, seen, other = RandomRule(), shared([[0] * 20] * 2, 9), shared([[5] * 20] * 2, 9)
    assert torch.equal(rule(seen, 1), rule(other, 1))
    assert not torch.equal(rule(seen, 1), rule(seen, 2)) and not torch.equal(*rule(seen, 1))
